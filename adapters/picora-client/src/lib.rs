//! A client of the media host: uploads that stream, and retries that honour what the server says.
//!
//! **Decides** when a refused request is repeated ([`backoff::decide`], the one rule), and what an answer means. **Must not know** how the
//! host decides: what it limits is read from its answers. The rule has no clock and no I/O; the clock and chance are in [`Retry`], and the
//! same rule is a policy for any tower service ([`RetryPolicy`]), a sender for reqwest ([`Retry::send`]) and part of [`Picora`].
//!
//! | module or type | noun |
//! |---|---|
//! | [`backoff`] | the rule: how long to wait, and when to give up |
//! | [`retry_after`], [`rate_limit`] | what the fields of an answer say, whatever bytes they are |
//! | [`Retry`], [`RetryPolicy`] | the rule with a clock and with chance, for reqwest and for tower |
//! | [`Picora`] | the host: upload, list, show, delete, usage, verify |
//! | [`Upload`] | a file on its way |
//! | [`Error`], [`Refusal`] | why there is no result, with the code, the numbers and the request's id |
//! | [`ServerUrl`], [`ApiKey`], [`Options`] | where, who, and how patient |
//!
//! Requests of one client that the server limits take turns, so that a hundred uploads behind "one a second" pass one a second and
//! none runs out of retries. What is repeated after a lost answer is repeatable: uploads carry an `Idempotency-Key`.
//!
//! ```no_run
//! use picora_client::{ApiKey, Picora, ServerUrl, Upload};
//! use picora_core::MediaKind;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = ApiKey::new(&std::env::var("PICORA_API_KEY")?)?;
//! let picora = Picora::new(ServerUrl::new("https://media.example")?, &key)?;
//! let cat = Upload::new("cat.gif", MediaKind::Image).tag("pets").progress(|sent, of| println!("{sent} of {of}"));
//! match picora.upload(&cat).await {
//!     Ok(resource) => println!("{}", resource.url),
//!     Err(error) => match error.refusal() {
//!         Some(no) if no.code == "QUOTA_EXCEEDED" => println!("{} of {} bytes are used", no.meta["used"], no.meta["limit"]),
//!         _ => println!("{error}"), // a sentence, with the request's id
//!     },
//! }
//! # Ok(()) }
//! ```
//!
//! The command line `picora` is built by the feature `cli`, which is on by default. TLS is rustls with the system's roots.
//!
//! Sources: C11, rows #54, #243–#247; RFC 9110 §9.2.2, §10.2.3; RFC 6585 §4; draft-ietf-httpapi-ratelimit-headers-10;
//! draft-ietf-httpapi-idempotency-key-header.

pub mod backoff;
pub mod rate_limit;
pub mod retry_after;

mod answer;
mod client;
mod error;
mod policy;
mod retry;
mod setting;
mod shapes;
mod system;
mod turn;
mod upload;

pub use client::{ListQuery, Picora};
pub use error::{Error, Refusal, SettingError};
pub use policy::RetryPolicy;
pub use retry::{IDEMPOTENCY_KEY, Retry, is_repeatable};
pub use setting::{ApiKey, Options, ServerUrl};
pub use shapes::{
    DocUsage, Identity, ImageUsage, Level, Monthly, Page, Resource, UploadUsage, Usage, VideoUsage,
};
pub use upload::{Progress, Upload, kind_of};
