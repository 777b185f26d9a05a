//! What served bytes mean for an account: metering at the origin.
//!
//! **Decides** which dimension and which month a delivery counts for, what of it has been handed to the ledger, and which deliveries
//! are news about an asset's last access.
//!
//! **Must not know** HTTP, a runtime, a database, a clock, or how postings are written. Uploads are never metered (#131), and documents
//! have no bandwidth quota (#43).
//!
//! | module | noun |
//! |---|---|
//! | [`delivery`] | bytes that went to a viewer |
//! | [`meter`] | the counter of one process: [`OriginMeter`] |
//! | [`batch`] | what it hands to the ledger, under keys that make a repeat harmless |
//!
//! # A minute of a server
//!
//! ```
//! use picora_bandwidth::{Delivery, MeterId, OriginMeter};
//! use picora_core::{AccountId, AssetId, MediaKind, SeededEntropy, Timestamp};
//!
//! let now = Timestamp::from_unix_seconds(1_777_000_000);
//! let meter = OriginMeter::new(MeterId::generate(now, &SeededEntropy::new(1)));
//!
//! // For each chunk that was sent, or once for each response:
//! let account = AccountId::from_bytes([1; 16]);
//! let asset = AssetId::from_bytes(MediaKind::Image, [2; 16]);
//! meter.record(&Delivery { account, asset, bytes: 1_000, at: now });
//! meter.record(&Delivery { account, asset, bytes: 500, at: now });
//!
//! // Once a minute and at shutdown: post, then acknowledge.
//! let batch = meter.fold().expect("there was traffic");
//! assert_eq!(batch.postings[0].delta, 1_500);
//! assert_eq!(meter.fold().as_ref(), Some(&batch)); // until it is acknowledged, the same keys again
//! meter.acknowledge(batch.number);
//! assert_eq!(meter.fold(), None);
//! ```
//!
//! Whoever writes a batch posts all of it and then acknowledges. A process that is killed loses what it had not folded: one minute.
//!
//! Sources: requirement rows #43, #130–#133; C23 (one meter for each medium), C25 (the month of the traffic), C49 (what an access is).

#![deny(clippy::float_arithmetic)]

pub mod batch;
pub mod delivery;
pub mod meter;
mod shard;
mod status;

pub use batch::{Access, Batch, MeterId};
pub use delivery::Delivery;
pub use meter::OriginMeter;
pub use status::VideoStatus;
