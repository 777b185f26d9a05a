//! Transactions of a [`SqlStore`].

use async_trait::async_trait;
use picora_core::{StoreError, Transact};

use crate::connection::{AsSqlConn, SqlConn};
use crate::error::{self, Fault};
use crate::store::{Pools, SqlStore};

/// A transaction of a [`SqlStore`]. Dropped before [`Transact::finish`], it leaves nothing.
///
/// Rows of one's own are written in it through [`AsSqlConn::sql`].
#[derive(Debug)]
pub struct SqlTx {
    inner: Inner,
    spoiled: bool,
}

#[derive(Debug)]
enum Inner {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

impl AsSqlConn for SqlTx {
    fn sql(&mut self) -> SqlConn<'_> {
        match &mut self.inner {
            #[cfg(feature = "postgres")]
            Inner::Postgres(tx) => SqlConn::Postgres(tx),
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(tx) => SqlConn::Sqlite(tx),
        }
    }

    fn spoil(&mut self) {
        self.spoiled = true;
    }
}

#[cfg(feature = "quota")]
impl SqlStore {
    /// A transaction in which all reads are as of one moment; it writes nothing, and waits for no writer.
    pub(crate) async fn begin_reading(&self, operation: &'static str) -> Result<SqlTx, StoreError> {
        let began = match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                pool.begin_with(begin).await.map(Inner::Postgres)
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => read.begin().await.map(Inner::Sqlite),
        };
        let inner = began.map_err(|error| error::of(error, self.backend(), operation))?;
        Ok(SqlTx {
            inner,
            spoiled: false,
        })
    }
}

#[async_trait]
impl Transact<SqlTx> for SqlStore {
    async fn begin(&self) -> Result<SqlTx, StoreError> {
        let began = match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.begin().await.map(Inner::Postgres),
            // A transaction that began by reading could not always go on to write.
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => {
                write.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite)
            }
        };
        let inner = began.map_err(|error| error::of(error, self.backend(), "begin"))?;
        Ok(SqlTx {
            inner,
            spoiled: false,
        })
    }

    async fn finish(&self, transaction: SqlTx) -> Result<(), StoreError> {
        if transaction.spoiled {
            // PostgreSQL would answer COMMIT as if all were well, and roll back.
            return Err(Fault::Spoiled.told(self.backend(), "commit"));
        }
        let finished = match transaction.inner {
            #[cfg(feature = "postgres")]
            Inner::Postgres(tx) => tx.commit().await,
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(tx) => tx.commit().await,
        };
        finished.map_err(|error| error::of_commit(error, self.backend()))
    }
}
