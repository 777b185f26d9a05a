//! The vocabulary that every Picora crate speaks.
//!
//! **Decides** nothing. It names things (ids, amounts, time, money, dimensions, plans), carries the data that one
//! domain hands to another ([`Posting`], [`SetLimits`]), and defines the ports that more than one domain needs
//! ([`Transact`], [`Clock`], [`Entropy`]) with the one error that all stores answer ([`StoreError`]).
//!
//! **Must not know** any domain, any adapter, any runtime, and no clock of its own: `now` is always an argument.
//!
//! | module | noun |
//! |---|---|
//! | [`id`] | `acc_…`, `img_…`, `key_…`: one spelling in URLs, JSON and cache keys |
//! | [`amount`], [`limit`] | quantities and what bounds them |
//! | [`dimension`], [`tally`] | the things that a plan limits, under the names of the product's documents, and parts of them |
//! | [`time`], [`calendar`] | instants; days, months and windows in UTC |
//! | [`money`], [`plan`] | prices and the catalogue |
//! | [`posting`] | what one domain asks the ledger of another to write |
//! | [`error`], [`transact`] | what stores answer, and how several ports share one transaction |
//! | [`changes`] | whether something about an account has changed, for live pages |
//! | [`outbox`] | what must leave: messages that are put with a change, and claimed by senders |
//! | [`lease`] | jobs that only one process may run, and the fence that keeps a stale one from writing |
//! | `conformance` | the suites of outboxes and leases (feature `conformance`) |
//! | [`clock`], [`entropy`] | the two things that a rule may not fetch for itself |
//!
//! ```
//! use picora_core::{CalendarMonth, Dimension, Timestamp, Window};
//!
//! let now = Timestamp::from_unix_seconds(1_777_000_000); // 2026-04-24T03:06:40Z
//! assert_eq!(CalendarMonth::of(now).to_string(), "2026-04");
//! assert_eq!(Dimension::ImgStorage.meta_type(), "img_storage");
//! assert_eq!(Dimension::ImgStorage.window_at(now), Some(Window::Always));
//! ```
//!
//! Sources: requirement rows #176–#184 (dimensions), #19–#30 (plans), C28 (binary units), C43 (`meta.type` names), C81
//! (ids); RFC 9562 (UUIDv7).

#![deny(clippy::float_arithmetic)]

pub mod amount;
pub mod calendar;
pub mod changes;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dimension;
pub mod entropy;
pub mod error;
pub mod id;
pub mod kind;
pub mod lease;
pub mod limit;
#[cfg(feature = "memory")]
pub mod memory;
pub mod money;
pub mod outbox;
pub mod plan;
pub mod posting;
pub mod tally;
pub mod time;
pub mod transact;

pub use self::time::Timestamp;
pub use amount::{Amount, AmountError};
pub use calendar::{CalendarDay, CalendarMonth, Window};
pub use changes::{ChangeMark, Changes};
pub use clock::{Clock, ManualClock};
pub use dimension::{Dimension, Measure, Unit};
pub use entropy::{Entropy, SeededEntropy};
pub use error::{Retry, StoreError, StoreErrorKind};
pub use id::{AccountId, AdjustmentId, AssetId, IdError, KeyId, ReservationId};
pub use kind::MediaKind;
pub use lease::{Holder, Lease, LeaseName, Leases, LeasesIn};
pub use limit::{Limit, Limits};
pub use money::{Currency, Money, MoneyError};
pub use outbox::{Claimed, Message, MessageKey, MessageKeyError, Outbox, OutboxIn, Topic};
pub use plan::{Billing, Plan, PlanId, Price};
#[cfg(feature = "catalogue")]
pub use plan::{CatalogueError, PlanCatalogue};
pub use posting::{Posting, PostingKey, PostingReason, SetLimits};
pub use tally::Tally;
pub use transact::Transact;
