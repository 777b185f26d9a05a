//! How an adapter asks a vendor that speaks JSON or forms over HTTPS.
//!
//! **Decides** where a secret may travel to, how long an answer may take and be, and whether a request that failed was sent.
//!
//! **Must not know** any vendor, what is asked, or what an answer means.
//!
//! | module | noun |
//! |---|---|
//! | [`endpoint`] | [`Endpoint`]: an address with a deadline, and a client for it |
//! | [`exchange`](mod@exchange) | [`exchange()`]: one request and its whole [`Answer`], or [`Unanswered`] |
//!
//! ```
//! use picora_https::Endpoint;
//! use std::time::Duration;
//!
//! let endpoint = Endpoint::new("https://api.example.com/v1")?.with_deadline(Duration::from_secs(10));
//! let _client = endpoint.client()?; // follows no redirects, which would carry secrets elsewhere
//! assert!(Endpoint::new("http://api.example.com").is_err());
//! # Ok::<(), picora_https::EndpointError>(())
//! ```

pub mod endpoint;
pub mod exchange;

pub use endpoint::{Endpoint, EndpointError};
pub use exchange::{Answer, Unanswered, exchange};
