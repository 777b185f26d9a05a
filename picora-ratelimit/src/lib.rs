//! Rate limits that decide several limits as one step and tell the exact wait.
//!
//! **Decides** whether a request may pass, from a policy (windows and bursts), what is stored of its subjects, and `now`. All limits of
//! all subjects have room and are charged, or none is charged. A denial says how long to wait, to the microsecond.
//!
//! **Must not know** HTTP, a runtime, a database or a clock. State lives behind the port [`Limiter`]; [`MemoryLimiter`] is the one for a
//! single process. (*Rate limit* is about windows; what a plan allows is a quota and lives in picora-quota.)
//!
//! | module | noun |
//! |---|---|
//! | [`policy`], [`limit`], [`rule`], [`window`], [`gcra`], [`rolling`], [`calendar`], [`name`] | what is allowed: exact, or refused with the nearest exact policy |
//! | [`subject`], [`check`] | who spends how much |
//! | [`record`], [`cell`] | what a store keeps: one cell for each limit, and a log for the rolling ones |
//! | [`step`](mod@step) | the rule: `(check, records, now) -> (decision, records)` |
//! | [`decision`] | verdict, wait, one report for each limit, and the window that headers show |
//! | [`limiter`], [`memory`] | the port, and the limiter in memory |
//! | [`lease`] | what a process may spend of a shared limit without asking for each unit |
//! | [`tiers`] | the product's tiers and its hourly ceiling |
//! | [`captcha`](mod@captcha), [`code_mail`] | whether somebody is a person; whether a mail with a code may go out, over address, client and everybody |
//! | [`error`] | misuse, found when a policy or a check is built |
//! | `conformance` | the port's promises as a test suite (feature `conformance`) |
//!
//! # Embedding it
//!
//! An account may read 600 times a minute and 30 times at once; each of its API keys 5,000 times an hour. Both hold together:
//!
//! ```
//! use picora_core::{Clock, ManualClock, Timestamp};
//! use picora_ratelimit::{Check, Limiter, MemoryLimiter, Subject, SubjectHasher, Tier, Tiers};
//! use std::time::Duration;
//!
//! // Once: the policies, the store, and a secret so that nobody can search for colliding fingerprints.
//! let tiers = Tiers::standard();
//! let limiter = MemoryLimiter::new();
//! let hasher = SubjectHasher::new([42; 16]);
//! let clock = ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000));
//!
//! // For each request: who spends, and one reading of the clock.
//! let account = hasher.key("tier:read", b"acc_1");
//! let subjects = [
//!     Subject { key: account, policy: tiers.of(Tier::Read) },
//!     Subject { key: hasher.key("credential", b"key_1"), policy: tiers.ceiling() },
//! ];
//! let check = Check::new(account, &subjects, 1)?;
//! let ask = || limiter.try_decide(&check, clock.now()).expect("memory answers at once");
//!
//! for _ in 0..30 {
//!     assert!(ask().is_allowed());
//! }
//! let denied = ask();
//! assert_eq!(denied.wait(), Duration::from_millis(100)); // one more every 100 ms
//! assert_eq!(denied.retry_after_seconds(), 1);
//! let shown = denied.shown().expect("the tier has a window");
//! assert_eq!((shown.rule.most(), shown.remaining), (600, 570)); // it is the burst that denied
//!
//! clock.advance(denied.wait());
//! assert!(ask().is_allowed());
//! # Ok::<(), picora_ratelimit::CheckError>(())
//! ```
//!
//! A limiter that needs the network answers `None` to [`Limiter::try_decide`] and is asked by [`Limiter::decide`].
//!
//! # What it costs to trust a clock
//!
//! `now` may go back. A step back never panics; it locks nobody out for longer than one emission interval per unit of cost (bursts) or
//! two lengths (windows), and a request may be let in for each one that the step has made forgotten.
//!
//! Sources: requirements C59–C63, rows #221–#242; ITU-T I.371 (GCRA); draft-ietf-httpapi-ratelimit-headers for the words.

#![deny(clippy::float_arithmetic)]

pub mod calendar;
pub mod captcha;
pub mod cell;
pub mod check;
pub mod code_mail;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod decision;
pub mod error;
mod exact;
mod frame;
pub mod gcra;
pub mod lease;
pub mod limit;
pub mod limiter;
pub mod memory;
pub mod name;
pub mod policy;
pub mod record;
pub mod rolling;
pub mod rule;
mod shown;
pub mod step;
pub mod subject;
pub mod tiers;
pub mod window;

pub use calendar::{Calendar, CalendarUnit};
pub use cell::{Cell, CellKind};
pub use check::Check;
pub use decision::{Decision, Report, Verdict};
pub use error::{CheckError, PolicyError};
pub use gcra::Gcra;
pub use lease::{Asked, Lease, LeaseCall, LeaseTerms};
pub use limit::{Exceeded, Limit};
pub use limiter::Limiter;
pub use memory::{MemoryLimiter, MemoryOptions};
pub use name::Name;
pub use policy::Policy;
pub use record::Record;
pub use rolling::{Log, Rolling, Stamp};
pub use rule::Rule;
pub use step::{Step, peek, refund, step};
pub use subject::{Namespace, Subject, SubjectHasher, SubjectKey};
pub use tiers::{Tier, Tiers};
pub use window::Window;
