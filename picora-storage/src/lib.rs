//! Where bytes live: key layout and integrity while streaming, over [`object_store`].
//!
//! **Decides** under which key the bytes of an asset are stored, and what is true of a body: its length and SHA-256 as counted here,
//! never as announced by a client. An object is visible under its key whole or not at all.
//!
//! **Must not know** who may upload, what a body means, a runtime, a vendor or a folder. Bytes go through [`object_store::ObjectStore`],
//! which every adapter implements; nothing is encrypted or changed on the way (#65).
//!
//! | module | noun |
//! |---|---|
//! | [`key`] | the key of an asset's bytes, and back |
//! | [`digest`] | length and SHA-256 of a body, chunk by chunk |
//! | [`writer`] | a body on its way into a store, in bounded memory |
//! | [`object`] | what is stored: is it there, is it whole, remove it |
//! | [`error`] | an object store's failure as a [`StoreError`](picora_core::StoreError) |
//! | [`trouble`] | a store looked at before work begins, and what is wrong with it |
//! | `faults` | a store that fails on demand (feature `faults`) |
//!
//! ```
//! use object_store::memory::InMemory;
//! use picora_core::{AccountId, AssetId, MediaKind};
//! use picora_storage::{ObjectKey, ObjectWriter, object};
//!
//! # futures::executor::block_on(async {
//! let store = InMemory::new();
//! let asset = AssetId::from_bytes(MediaKind::Image, [1; 16]);
//! let path = ObjectKey::new(AccountId::from_bytes([2; 16]), asset).to_path();
//!
//! let mut writer = ObjectWriter::new(&store, path.clone());
//! writer.write("a photo ".into()).await?;
//! writer.write("in two chunks".into()).await?;
//! assert_eq!(object::length(&store, &path).await?, None); // not before it is whole
//!
//! let measured = writer.finish().await?;
//! assert_eq!(measured.bytes.get(), 21);
//! assert_eq!(object::measure(&store, &path).await?, Some(measured));
//! # Ok::<(), picora_core::StoreError>(())
//! # }).unwrap();
//! ```
//!
//! Sources: requirement rows #65 (stored bytes are the uploaded bytes), C80 (renditions live in our object storage); design decisions
//! 2 and 5.

#![deny(clippy::float_arithmetic)]

pub mod digest;
pub mod error;
#[cfg(feature = "faults")]
pub mod faults;
pub mod key;
pub mod object;
pub mod trouble;
pub mod writer;

pub use digest::{Digester, Measured};
pub use key::ObjectKey;
pub use trouble::{Corrupt, Examine, Frozen, Trouble};
pub use writer::ObjectWriter;
