//! Use cases that span domains: what happens, in which order, so that a crash or a race never leaves bytes without a row, a row without
//! bytes, or quota without either.
//!
//! **Decides** the order of the steps of an upload and a removal, what becomes of an upload that nobody finished, what content is, and
//! how a plan becomes limits. **Must not know** HTTP, SQL, a runtime, or how a store keeps its promises.
//!
//! One upload, as the data sees it:
//!
//! 1. its first bytes are looked at ([`content`]): what is not of the wanted kind costs nothing;
//! 2. one transaction reserves quota in all dimensions and writes an [`UploadIntent`];
//! 3. the bytes stream into the object store while they are counted and hashed; the reservation grows when it must;
//! 4. one transaction ends the intent, inserts the [`Asset`] and commits the reservation with what really came.
//!
//! Whatever fails before step 4 is undone at once; whatever a crash leaves is undone by the [`Janitor`], which finds the intent. An object
//! is removed only after it was *condemned* in a transaction, so that removing it can be repeated until it succeeds.
//!
//! | module | noun |
//! |---|---|
//! | [`media`] | [`Media`], which holds the ports, and its [`UploadPolicy`] |
//! | [`upload`], [`document`], [`remove`] | the use cases |
//! | [`janitor`] | what puts right what a crash left |
//! | [`census`], [`reconcile`] | what is stored beside what the ledger says, and bringing it back |
//! | [`accounts`] | making accounts and keys, changing plans |
//! | [`account`], [`asset`] | the nouns that they are about |
//! | [`contact`] | where an account is reached, and which mails it wants |
//! | [`catalogue`] | the ports |
//! | [`content`], [`markdown`] | what content is, read from the content |
//! | [`body`], [`detach`] | a request's bytes, and how a saga outlives the request |
//! | `memory`, `conformance`, `faults` | the catalogue in memory, the suite that every catalogue passes, a store that fails on demand (features of these names) |
//!
//! Sources: requirement rows #46, #55, #56, #67, #163, #176–#184, #192; C32, C44, C82; design decisions 2, 6, 14.

#![deny(clippy::float_arithmetic)]

pub mod account;
pub mod accounts;
pub mod asset;
pub mod body;
pub mod catalogue;
pub mod census;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contact;
pub mod content;
pub mod detach;
pub mod document;
#[cfg(feature = "faults")]
pub mod faults;
pub mod janitor;
pub mod markdown;
pub mod media;
#[cfg(feature = "memory")]
pub mod memory;
pub mod reconcile;
pub mod remove;
pub mod scavenge;
pub mod upload;

pub use account::{Account, ApiKey, ApiSecret, AuditEntry, Role};
pub use asset::{Asset, AssetChange, AssetQuery, TagError, Tags};
pub use body::{Body, BodyError};
pub use catalogue::{
    Accounts, AccountsIn, Catalogue, CatalogueIn, Condemned, MediaStore, UploadIntent,
};
pub use census::{Census, Counted, Miscount, Stock};
pub use contact::{Contact, Contacts, ContactsIn, EmailAddress, EmailAddressError};
pub use detach::Detach;
pub use janitor::{Janitor, Tidied};
pub use media::{Media, UploadPolicy};
pub use reconcile::{Corrected, Correction, Reconciling};
pub use scavenge::{Scavenged, Scavenging};
pub use upload::{NewUpload, UploadError, Uploaded};
