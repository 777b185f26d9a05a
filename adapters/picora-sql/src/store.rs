//! A database that holds what the ports write.

use picora_core::StoreError;

use crate::connection::{AsSqlConn, SqlConn};
use crate::error;

/// The ports of Picora on one database. Cheap to clone; all clones share their connections.
///
/// Run [`SqlStore::migrate`] once at start; it makes the tables of every domain that is compiled in.
#[derive(Clone, Debug)]
pub struct SqlStore {
    pools: Pools,
    #[cfg(feature = "quota")]
    thresholds: std::sync::Arc<picora_quota::Thresholds>,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "sqlite")]
    Sqlite {
        write: sqlx::SqlitePool,
        read: sqlx::SqlitePool,
    },
}

/// The pool of an embedder, of either database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SqlPool {
    /// To PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    /// To SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for SqlPool {
    fn from(pool: sqlx::PgPool) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for SqlPool {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

impl SqlStore {
    /// Works on the pool of an embedder, whose settings stand: on SQLite they should be WAL, `synchronous=FULL` and a busy timeout, on
    /// PostgreSQL a `lock_timeout` and `plan_cache_mode=force_generic_plan`, without which statements are planned again and again.
    #[must_use]
    pub fn from_pool(pool: impl Into<SqlPool>) -> Self {
        Self::new(match pool.into() {
            #[cfg(feature = "postgres")]
            SqlPool::Postgres(pool) => Pools::Postgres(pool),
            #[cfg(feature = "sqlite")]
            SqlPool::Sqlite(pool) => Pools::Sqlite {
                write: pool.clone(),
                read: pool,
            },
        })
    }

    /// Waits for steps under way and closes all connections; later steps are refused as unavailable.
    pub async fn close(&self) {
        match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.close().await,
            // The writer is last to leave, so that it folds the write-ahead log into the database.
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    pub(crate) fn new(pools: Pools) -> Self {
        Self {
            pools,
            #[cfg(feature = "quota")]
            thresholds: std::sync::Arc::new(picora_quota::Thresholds::standard()),
        }
    }

    /// Tells accounts of other levels than [`Thresholds::standard`](picora_quota::Thresholds::standard). All processes on one database
    /// should have the same.
    #[cfg(feature = "quota")]
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: picora_quota::Thresholds) -> Self {
        self.thresholds = std::sync::Arc::new(thresholds);
        self
    }

    #[cfg(feature = "quota")]
    pub(crate) fn thresholds(&self) -> &picora_quota::Thresholds {
        &self.thresholds
    }

    pub(crate) const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The name of the database in errors.
    pub(crate) const fn backend(&self) -> &'static str {
        match self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => crate::POSTGRES,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => crate::SQLITE,
        }
    }

    /// A connection for single reads.
    pub(crate) async fn reader(&self, operation: &'static str) -> Result<Reader, StoreError> {
        let acquired = match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.acquire().await.map(Reader::Postgres),
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => read.acquire().await.map(Reader::Sqlite),
        };
        acquired.map_err(|error| error::of(error, self.backend(), operation))
    }
}

/// A connection of the pool, outside any transaction.
pub(crate) enum Reader {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
}

impl AsSqlConn for Reader {
    fn sql(&mut self) -> SqlConn<'_> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(conn) => SqlConn::Postgres(conn),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => SqlConn::Sqlite(conn),
        }
    }

    /// It writes nothing.
    fn spoil(&mut self) {}
}
