//! The ports of Picora on SQLite and PostgreSQL.
//!
//! **Decides** nothing. It loads rows under their locks, lets the rules of the domain crates decide, and writes what they answer, in one
//! transaction. A database holds numbers and keeps them in range; no rule is written in SQL.
//!
//! **Must not know** HTTP, a clock (SQL never asks for the time; `now` is an argument), or how a domain decides.
//!
//! | module | noun |
//! |---|---|
//! | `store` | [`SqlStore`]: the pools of one database |
//! | `sqlite`, `postgres` | how each is opened |
//! | `migrate` | tables, with one record of migrations per domain |
//! | `transaction`, `connection` | [`SqlTx`], and [`AsSqlConn`] for an embedder's own transactions |
//! | `error` | what the databases say, folded into [`StoreError`](picora_core::StoreError) |
//! | `steps` | how the ports run: in a transaction, or as single reads |
//! | `quota` | the ledger (feature `quota`) |
//! | `media` | the catalogue and the accounts (feature `media`) |
//! | `work` | the outbox and the leases (feature `work`) |
//!
//! Features: `sqlite`, `postgres` or both, and one for each domain. All tables are called `picora_…`, so they can live in a database of
//! one's own.
//!
//! ```
//! use picora_core::{AccountId, Amount, Dimension, Limit, Limits, ReservationId, SetLimits, Timestamp};
//! use picora_quota::{Item, Items, Ledger, RequestHash, Reserve, Reserved};
//! use picora_sql::SqlStore;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let store = SqlStore::sqlite(folder.path().join("picora.db")).await?;
//! store.migrate().await?;
//!
//! let (account, now) = (AccountId::from_bytes([1; 16]), Timestamp::from_unix_seconds(1_777_000_000));
//! let limits = Limits::NOTHING.with(Dimension::ImgStorage, Limit::Max(Amount::from(100)));
//! store.set_limits(&SetLimits { account, limits, open_reservations: Amount::from(32) }, now).await?;
//!
//! let upload = Reserve {
//!     id: ReservationId::from_bytes([1; 16]),
//!     account,
//!     request: RequestHash::default(),
//!     items: Items::new([Item::exactly(Dimension::ImgStorage, Amount::from(80))])?,
//!     tally: None,
//!     expires_after: Duration::from_secs(900),
//! };
//! assert!(matches!(store.reserve(&upload, now).await?, Reserved::Admitted(_)));
//! store.commit(upload.id, &[(Dimension::ImgStorage, Amount::from(60))], now).await?;
//! # store.close().await;
//! # Ok(()) }
//! ```
//!
//! An embedder with rows of his own writes them in the same transaction, either in a [`SqlTx`] or in a plain connection of sqlx:
//! `LedgerIn` is implemented for both.
//!
//! Sources: design decisions 2, 12, 14–17; requirement rows #176–#184, #197–#209.

// Without a database there is nothing to link to, and without a domain nothing to run.
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg_attr(
    not(feature = "quota"),
    allow(dead_code, unused_imports, unused_macros)
)]

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod connection;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod error;
#[cfg(all(feature = "media", any(feature = "sqlite", feature = "postgres")))]
mod media;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod migrate;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(all(feature = "quota", any(feature = "sqlite", feature = "postgres")))]
mod quota;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod steps;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod store;
#[cfg(all(
    any(feature = "quota", feature = "work"),
    any(feature = "sqlite", feature = "postgres")
))]
mod stored;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod transaction;
#[cfg(all(feature = "work", any(feature = "sqlite", feature = "postgres")))]
mod work;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use connection::{AsSqlConn, SqlConn};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use migrate::Tables;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use store::{SqlPool, SqlStore};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use transaction::SqlTx;

/// The names of the databases in errors.
#[cfg(feature = "postgres")]
const POSTGRES: &str = "postgres";
#[cfg(feature = "sqlite")]
const SQLITE: &str = "sqlite";
