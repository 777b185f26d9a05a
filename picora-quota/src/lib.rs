//! Exact quotas: what an account may still add, decided and charged in one step.
//!
//! **Decides** whether an operation fits all the limits that it touches, as one all-or-nothing step: *reserve* the bound of what is to
//! come, do it, *commit* what it really was or *release* everything. A reservation that nobody settles expires, so that a crash costs
//! room for minutes and never for good. Vocabulary and semantics are those of two-phase transfers.
//!
//! **Must not know** a database, a clock, HTTP, or any other domain. Other domains write here through
//! [`Posting`](picora_core::Posting) and [`SetLimits`](picora_core::SetLimits), which are data of picora-core.
//!
//! | module | noun |
//! |---|---|
//! | [`cell`] | one number: used, reserved, limit, and how it may move |
//! | [`reserve`] | a request, and [`reserve::decide`], the rule that admits or denies it |
//! | [`denial`] | a refusal with its numbers |
//! | [`reservation`] | an admitted request and its life: pending, then committed, released or expired, once |
//! | [`adjustment`] | overrides and grants: what an account may do beyond its plan, for a while |
//! | [`alert`] | what an account is told when it comes near a limit, once |
//! | [`history`] | how usage went, and when a limit will be reached |
//! | [`reconcile`] | counting the truth again, and posting what differs |
//! | [`audit`] | what must hold of an account's books at any time |
//! | [`ledger`] | the ports: [`Ledger`] for whole steps, [`LedgerIn`] for steps in a caller's transaction |
//! | [`echo`] | copies of an account's usage for readers near by, which decide nothing |
//! | [`books`] | the ledger as plain state, in memory (feature `memory`) |
//! | `conformance` | the suite that every ledger passes (feature `conformance`) |
//!
//! ```
//! use picora_core::{AccountId, Amount, Dimension, Limit, Limits, ReservationId, SetLimits, Timestamp};
//! use picora_core::memory::MemoryStore;
//! use picora_quota::{Books, Item, Items, Ledger, RequestHash, Reserve, Reserved, Settled};
//! use std::time::Duration;
//!
//! # futures::executor::block_on(async {
//! let ledger = MemoryStore::new(Books::default());
//! let (account, now) = (AccountId::from_bytes([1; 16]), Timestamp::from_unix_seconds(1_777_000_000));
//! let limits = Limits::NOTHING.with(Dimension::ImgStorage, Limit::Max(Amount::from(100)));
//! ledger.set_limits(&SetLimits { account, limits, open_reservations: Amount::from(32) }, now).await?;
//!
//! let upload = |number: u8, bytes: u32| Reserve {
//!     id: ReservationId::from_bytes([number; 16]),
//!     account,
//!     request: RequestHash::default(),
//!     items: Items::new([Item::exactly(Dimension::ImgStorage, Amount::from(bytes))]).unwrap(),
//!     tally: None,
//!     expires_after: Duration::from_secs(900),
//! };
//! // Reserve the bound of an upload, store it, commit what it really was.
//! let first = upload(1, 80);
//! assert!(matches!(ledger.reserve(&first, now).await?, Reserved::Admitted(_)));
//! let really = [(Dimension::ImgStorage, Amount::from(60))];
//! assert!(matches!(ledger.commit(first.id, &really, now).await?, Settled::Done(_)));
//!
//! // Another one does not fit, and the refusal carries the numbers that decided it.
//! let Reserved::Denied(denial) = ledger.reserve(&upload(2, 41), now).await? else { panic!("60 + 41 > 100") };
//! assert_eq!((denial.strictest.used.get(), denial.strictest.requested.get()), (60, 41));
//! # Ok::<(), picora_core::StoreError>(()) }).unwrap();
//! ```
//!
//! Sources: requirement rows #176–#184, #192, #197–#209, C4, C75; design decisions 2, 11, 14, 15; TigerBeetle's two-phase transfers.

#![deny(clippy::float_arithmetic)]

pub mod adjustment;
pub mod alert;
pub mod audit;
#[cfg(feature = "memory")]
pub mod books;
pub mod cell;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod denial;
pub mod echo;
pub mod history;
pub mod ledger;
#[cfg(feature = "memory")]
mod memory;
pub mod reconcile;
pub mod reservation;
pub mod reserve;

pub use adjustment::{Adjusted, Adjustment, Entitled, LimitChange};
pub use alert::{Alarm, Alert, Thresholds};
pub use audit::{AccountFacts, Finding};
#[cfg(feature = "memory")]
pub use books::Books;
pub use cell::{Cell, CellKey, Change, Counter};
pub use denial::{Denial, Shortfall};
pub use echo::{Echo, EchoCaps, EchoError, Echoer, Keeper, Snapshot};
pub use history::{Grain, HistoryPoint, HistoryQuery};
pub use ledger::{Extended, Ledger, LedgerIn, LedgerReports, Posted, Reserved, Settled, UsageLine};
pub use reconcile::{Recount, Recounted, Seen};
pub use reservation::{Granted, Reservation, ReservationState};
pub use reserve::{Item, Items, RequestHash, Reserve, decide};
