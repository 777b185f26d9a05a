//! E-mail: the quota alerts, rendered, and a mailer that speaks SMTP.
//!
//! **Decides** how an alert reads (its subjects are fixed, byte by byte) and what an SMTP server's answer means: never, later, or unknown.
//!
//! **Must not know** when an alert is due, who wants which, or how often a mail is tried: crossings and opt-outs are decided where usage
//! is counted, and a job sends what it finds in the outbox. Addresses, bodies and credentials are never printed.
//!
//! | module | noun |
//! |---|---|
//! | [`email`] | a mail before it is sent; nothing in it can add a header |
//! | [`link`] | an address that a mail links to |
//! | [`alert`] | a quota alert, rendered |
//! | [`mailer`] | the port: who sends a mail |
//! | [`error`] | why a mail was not sent, and whether to try again |
//! | [`config`] | where an SMTP server is, and how it is spoken to |
//! | [`smtp`] | the mailer over SMTP |
//!
//! ```
//! use picora_core::{Amount, Dimension, Window};
//! use picora_mail::{AlertLinks, AlertMail, Link};
//!
//! let links = AlertLinks {
//!     upgrade: Link::new("https://picora.example/upgrade")?,
//!     billing: Link::new("https://picora.example/billing")?,
//!     saving_tips: Link::new("https://picora.example/tips")?,
//!     unsubscribe: None, // the warnings at 100 % and above cannot be turned off
//! };
//! let alert = AlertMail {
//!     dimension: Dimension::MediaBandwidth,
//!     permille: 1_100,
//!     used: Amount::from(1_200_000_000),
//!     limit: Amount::from(1_000_000_000),
//!     window: Window::parse("2026-11").unwrap(),
//!     links: &links,
//!     key: "alert:7:media_bandwidth:1100:2026-11",
//! };
//! let mail = alert.render("somebody@example.org")?;
//! assert_eq!(mail.subject(), "Picora — your video bandwidth is exceeded");
//! assert!(!format!("{mail:?}").contains("somebody")); // addresses do not print
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Sources: rows #157–#161, #216–#220, C3, C53–C58; RFC 5321 (SMTP), RFC 8058 (one-click unsubscribe), RFC 3834 (automatic mail).

pub mod alert;
pub mod config;
pub mod email;
pub mod error;
pub mod link;
pub mod mailer;
pub mod smtp;

pub use alert::{AlertError, AlertLinks, AlertMail};
pub use config::{ConfigError, SmtpConfig, Tls};
pub use email::{Email, EmailError};
pub use error::{MailError, MailErrorKind};
pub use link::{Link, LinkError};
pub use mailer::Mailer;
pub use smtp::SmtpMailer;
