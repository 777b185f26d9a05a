//! A connection of either database, and the macros that run one text on both.

/// A borrowed connection that is in a transaction.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlConn<'c> {
    /// To PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(&'c mut sqlx::PgConnection),
    /// To SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut sqlx::SqliteConnection),
}

/// What the steps of the ports can run in: [`SqlTx`](crate::SqlTx), or an embedder's own connection that is in a transaction.
///
/// With a plain connection the transaction is the embedder's: begin it by sqlx (on SQLite with `BEGIN IMMEDIATE`, or a step may be
/// refused as a conflict), and roll it back when a step answers an error other than `OutOfRange`.
///
#[cfg_attr(all(feature = "sqlite", feature = "quota"), doc = "```")]
#[cfg_attr(not(all(feature = "sqlite", feature = "quota")), doc = "```ignore")]
/// use picora_core::{AccountId, Dimension, Posting, PostingKey, PostingReason, Timestamp};
/// use picora_quota::LedgerIn;
/// use picora_sql::SqlStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("mine.db")).create_if_missing(true);
/// let mine = sqlx::SqlitePool::connect_with(options).await?;
/// let store = SqlStore::from_pool(mine.clone());
/// store.migrate().await?; // beside the tables that are there
/// sqlx::query("CREATE TABLE photo (name TEXT)").execute(&mine).await?;
///
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let seen = Posting {
///     key: PostingKey::new("seen", &"cat"),
///     account: AccountId::from_bytes([1; 16]),
///     dimension: Dimension::ImgBandwidth,
///     tally: None,
///     delta: 3_000,
///     reason: PostingReason::Meter,
///     happened_at: now,
/// };
/// let mut tx = mine.begin_with("BEGIN IMMEDIATE").await?;
/// sqlx::query("INSERT INTO photo (name) VALUES ('cat')").execute(&mut *tx).await?;
/// store.post_in(&mut *tx, &seen, now).await?;
/// tx.commit().await?; // both or neither
/// # Ok(()) }
/// ```
pub trait AsSqlConn: Send {
    /// The connection.
    fn sql(&mut self) -> SqlConn<'_>;

    /// A step failed halfway: what it wrote must not become durable.
    fn spoil(&mut self);
}

#[cfg(feature = "postgres")]
impl AsSqlConn for sqlx::PgConnection {
    fn sql(&mut self) -> SqlConn<'_> {
        SqlConn::Postgres(self)
    }

    /// PostgreSQL itself turns the COMMIT of a transaction that failed into a rollback.
    fn spoil(&mut self) {}
}

#[cfg(feature = "sqlite")]
impl AsSqlConn for sqlx::SqliteConnection {
    fn sql(&mut self) -> SqlConn<'_> {
        SqlConn::Sqlite(self)
    }

    /// The embedder rolls back.
    fn spoil(&mut self) {}
}

impl SqlConn<'_> {
    /// The name of the database in errors.
    pub(crate) const fn backend(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => crate::POSTGRES,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => crate::SQLITE,
        }
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(conn) => sqlx::Connection::is_in_transaction(*conn),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => sqlx::Connection::is_in_transaction(*conn),
        }
    }
}

/// Runs one text on either database and answers how many rows it touched.
macro_rules! execute {
    ($conn:expr, $sql:literal $(, $value:expr)* $(,)?) => {
        match $conn {
            #[cfg(feature = "postgres")]
            $crate::SqlConn::Postgres(conn) => sqlx::query($sql)$(.bind($value))*.execute(&mut **conn).await?.rows_affected(),
            #[cfg(feature = "sqlite")]
            $crate::SqlConn::Sqlite(conn) => sqlx::query($sql)$(.bind($value))*.execute(&mut **conn).await?.rows_affected(),
        }
    };
}

/// Reads rows by one text on either database. What follows `locking` is for PostgreSQL only: SQLite has one writer, and no row locks.
macro_rules! select {
    ($conn:expr, $row:ty, $sql:literal $(locking $lock:literal)? $(, $value:expr)* $(,)?) => {
        match $conn {
            #[cfg(feature = "postgres")]
            $crate::SqlConn::Postgres(conn) => {
                sqlx::query_as::<_, $row>(concat!($sql $(, " ", $lock)?))$(.bind($value))*.fetch_all(&mut **conn).await?
            }
            #[cfg(feature = "sqlite")]
            $crate::SqlConn::Sqlite(conn) => sqlx::query_as::<_, $row>($sql)$(.bind($value))*.fetch_all(&mut **conn).await?,
        }
    };
}

pub(crate) use {execute, select};
