//! The embedded default: objects as files in a folder, which survive a crash.
//!
//! **Decides** nothing about media. It makes [`object_store`]'s files durable: once a call has returned, what it did outlives the process
//! *and* the machine's power; and it moves them between a hot and an archive folder. One process uses a folder at a time, or several that
//! all say so ([`LocalStore::open_shared`]).
//!
//! **Must not know** accounts, assets, quotas, HTTP, or when it pays to archive. Reading and listing are object_store's own.
//!
//! | module | noun |
//! |---|---|
//! | [`store`] | [`LocalStore`]: an `ObjectStore` over a folder |
//! | [`folder`] | the folder: made, locked, checked; [`OpenError`] |
//! | [`tiers`] | [`TieredStore`]: the same over a hot and an archive folder, with moves between them |
//! | [`staged`] | files of uploads that never came to an end: [`Swept`] |
//!
//! ```
//! use object_store::ObjectStoreExt;
//! use picora_core::Timestamp;
//! use picora_local::LocalStore;
//! use std::time::Duration;
//!
//! # let temporary = tempfile::tempdir().unwrap();
//! # let folder = temporary.path().join("media");
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let store = LocalStore::open(&folder)?; // at start
//! store.put(&"media/a/b".into(), "bytes".into()).await?; // durable now
//!
//! // Now and then: what dead processes left behind.
//! let now = Timestamp::from_unix_seconds(1_777_000_000); // the server's clock
//! let swept = store.sweep_staged(Duration::from_secs(3_600), now).await?;
//! assert_eq!(swept.files, 0);
//!
//! let second = LocalStore::open(&folder).unwrap_err();
//! assert!(second.to_string().ends_with("is in use by another server"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What durable means here
//!
//! A write goes to a hidden file beside its key (`key#1`); that file is synced, renamed onto the key, and the folder is synced. Folders on
//! the way are synced before, each into its parent. A removal syncs the folder too, so that what an account has erased stays erased. This
//! is as true as the disk's own word; on systems other than Unix folders cannot be synced.
//!
//! # Tiers
//!
//! ```
//! use object_store::ObjectStoreExt;
//! use picora_local::TieredStore;
//! use picora_tiering::{Guard, Moved, Tier, TierControl};
//!
//! # let temporary = tempfile::tempdir().unwrap();
//! # let (ssd, disk) = (temporary.path().join("ssd"), temporary.path().join("disk"));
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let store = TieredStore::open(&ssd, &disk)?;
//! let key = "media/a/b".into();
//! store.put(&key, "bytes".into()).await?;
//!
//! let present = store.probe(&key).await?.expect("it was put");
//! let guard = Guard { etag: present.etag.expect("files have one"), size: present.size };
//! let moved = store.set_tier(&key, Tier::Archive, &guard, &present.headers).await?;
//! assert_eq!(moved, Moved::Done);
//! assert!(disk.join("objects/media/a/b").exists());
//! assert_eq!(store.get(&key).await?.bytes().await?, "bytes"); // with a restore delay: frozen
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! The order of a move: the bytes get to the other disk under a hidden name, are synced, get their name there, that is synced, and only then
//! the first name goes. Where the power fails in between, both names have the same bytes, and the hot one counts.
//!
//! A full disk, a read-only one and missing rights are told apart from faults by
//! [`is_full_or_read_only`](picora_storage::error::is_full_or_read_only); folded into a `StoreError` they are `Unavailable`.
//!
//! Sources: requirement rows #65, #82–#85, #96, #99; design decision 5; `object_store::local` (what it hides, when it syncs).

mod blocking;
mod dirs;
mod examine;
pub mod folder;
mod nothing;
mod one_file;
pub mod staged;
pub mod store;
pub mod tiers;
mod upload;

pub use folder::OpenError;
pub use staged::Swept;
pub use store::LocalStore;
pub use tiers::{TieredStore, TiersSwept, pair_of};
