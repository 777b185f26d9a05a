//! Media on Cloudflare R2.
//!
//! **Decides** how R2 is spoken to: bytes go through object_store's S3 client, of which this crate is the transport. So every request is
//! signed by the clock that the caller gives, sent again only where that does no harm, refused with the vendor's word for it, and what an
//! answer says beyond what that client reads (class, CRC-64/NVME) is not lost. Classes are `STANDARD` and `STANDARD_IA`; both are read at
//! once. A move is a copy onto itself, guarded at its source and at its destination.
//!
//! **Must not know** which bytes are whose, or when they should move.
//!
//! | module | noun |
//! |---|---|
//! | [`config`] | where a bucket is, and how long is waited |
//! | [`answer`] | what an answer says beyond what object_store reads |
//! | `wire` | one request, signed and sent until its answer stands |
//! | `transport` | object_store's requests on the wire |
//! | `store` | bytes: `object_store::ObjectStore` for [`R2`] |
//! | `upload` | an upload in parts |
//! | `control` | tiers: `picora_tiering::TierControl` for [`R2`] |
//! | `examine` | is all well before work begins: `picora_storage::Examine` for [`R2`] |
//!
//! ```
//! use picora_core::{Clock, ManualClock, Timestamp};
//! use picora_r2::{R2, R2Config};
//! use picora_sign::Credentials;
//! use std::sync::Arc;
//!
//! let account = "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com";
//! let config = R2Config::new(account, "photos", Credentials::new("AK", "SK"))?;
//! let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_795_255_200)));
//! let store = picora_r2::open(config, clock)?; // an `object_store::ObjectStore`, and a `picora_tiering::TierControl`
//! # let _: R2 = store;
//! # Ok::<(), picora_r2::ConfigError>(())
//! ```
//!
//! Sources: the vendor's pages "S3 API compatibility", "Extensions" (conditions of a copy's destination), "Storage classes" and "Limits";
//! rows #82–#83, #97.

pub mod answer;
pub mod config;
mod control;
mod examine;
mod store;
mod transport;
mod upload;
mod wire;

use std::sync::Arc;

use picora_core::Clock;

pub use config::R2Config;
pub use picora_native::ConfigError;
pub use store::R2;

/// Opens a bucket, whose requests are signed by this clock: the store takes signatures of 15 minutes around its own. Nothing is sent.
///
/// **Errors**: [`ConfigError`] when requests cannot be made of the configuration, or no HTTPS client.
pub fn open(config: R2Config, clock: Arc<dyn Clock>) -> Result<R2, ConfigError> {
    R2::new(config, clock)
}
