//! How SQLite is opened.

use std::path::Path;
use std::time::Duration;

use picora_core::StoreError;
use sqlx::Connection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use crate::SqlStore;
use crate::error;
use crate::store::Pools;

impl SqlStore {
    /// Opens the database in this file, and makes the file when there is none.
    ///
    /// One connection writes, a few others read beside it (write-ahead log). What a step answered survives a crash of the process and of
    /// the machine (`synchronous=FULL`). A second process may use the same file: a writer waits up to [`BUSY_TIMEOUT`] for another.
    pub async fn sqlite(path: impl AsRef<Path> + Send) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let write = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = || {
            SqlitePoolOptions::new()
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false) // there is no network that could have lost it
        };
        let write = pool()
            .max_connections(1)
            .after_release(|conn, _| Box::pin(is_out_of_its_transaction(conn)))
            .connect_with(write)
            .await
            .map_err(|error| error::of(error, crate::SQLITE, "open"))?;
        let read = pool()
            .max_connections(READERS)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self::new(Pools::Sqlite { write, read }))
    }
}

/// Whether a connection that was given back can be used again; if not, it is closed, and the next step opens another.
///
/// When SQLite itself undoes a transaction, as a full disk makes it do, the driver goes on counting it and would refuse to begin another.
async fn is_out_of_its_transaction(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if conn.is_in_transaction() {
        conn.ping().await?; // the rollback of a transaction that was dropped may be on its way
    }
    Ok(!conn.is_in_transaction())
}

/// How long a writer waits for the writer of another process.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads are short, and each has a thread of its own.
const READERS: u32 = 4;
