//! Where the stores under test live.

use std::future::Future;

use picora_core::Transact;
use picora_quota::conformance::Harness;
use picora_sql::{AsSqlConn, SqlConn, SqlStore, SqlTx};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A runtime as a server has it: several threads.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
}

/// A SQLite file of its own in a folder that goes with its value.
pub(crate) async fn sqlite() -> (TempDir, SqlStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqlStore::sqlite(folder.path().join("picora.db")).await;
    let store = store.expect("the file opens");
    store.migrate().await.expect("the tables are made");
    (folder, store)
}

/// Fresh SQLite files.
pub(crate) struct Sqlite(Runtime);

impl Sqlite {
    pub(crate) fn start() -> Self {
        Self(runtime())
    }
}

impl Harness for Sqlite {
    type Tx = SqlTx;
    type Store = SqlStore;
    type Guard = TempDir;

    fn run<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn fresh(&self) -> (TempDir, SqlStore) {
        self.0.block_on(sqlite())
    }
}

/// Fresh databases of one PostgreSQL.
#[cfg(feature = "real-servers")]
pub(crate) struct Postgres(Runtime);

#[cfg(feature = "real-servers")]
impl Postgres {
    pub(crate) fn start() -> Self {
        Self(runtime())
    }
}

#[cfg(feature = "real-servers")]
pub(crate) fn fresh_url() -> String {
    picora_testkit::Postgres::shared().fresh_database()
}

/// A PostgreSQL database with the tables.
#[cfg(feature = "real-servers")]
pub(crate) async fn postgres(url: &str) -> SqlStore {
    let store = SqlStore::postgres(url).await.expect("the server answers");
    store.migrate().await.expect("the tables are made");
    store
}

#[cfg(feature = "real-servers")]
impl Harness for Postgres {
    type Tx = SqlTx;
    type Store = SqlStore;
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn fresh(&self) -> ((), SqlStore) {
        ((), self.0.block_on(postgres(&fresh_url())))
    }
}

/// Twenty random histories, each on a store of its own.
pub(crate) fn follows_the_books<H: Harness>(harness: &H) {
    for seed in 0..20 {
        let (_guard, store) = harness.fresh();
        harness.run(picora_quota::conformance::history::follows_the_books(
            &store, seed,
        ));
    }
}

/// One number, by a text of the test's own.
pub(crate) async fn count(store: &SqlStore, sql: &str) -> i64 {
    let mut tx = store.begin().await.expect("a transaction begins");
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match tx.sql() {
        #[cfg(feature = "real-servers")]
        SqlConn::Postgres(conn) => sqlx::query_scalar(sql).fetch_one(conn).await,
        SqlConn::Sqlite(conn) => sqlx::query_scalar(sql).fetch_one(conn).await,
        _ => unreachable!("there are two databases"),
    }
    .expect("the text is sound")
}

/// Runs a text of the test's own.
pub(crate) async fn run(store: &SqlStore, sql: &str) {
    let mut tx = store.begin().await.expect("a transaction begins");
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match tx.sql() {
        #[cfg(feature = "real-servers")]
        SqlConn::Postgres(conn) => drop(sqlx::query(sql).execute(conn).await.expect("sound")),
        SqlConn::Sqlite(conn) => drop(sqlx::query(sql).execute(conn).await.expect("sound")),
        _ => unreachable!("there are two databases"),
    }
    store.finish(tx).await.expect("it becomes durable");
}

/// The condition that a row is of the account whose 16 bytes are all this one.
pub(crate) fn is_account(store: &SqlStore, byte: u8) -> String {
    let hex = format!("{byte:02x}").repeat(16);
    if format!("{store:?}").contains("Postgres") {
        format!("account = '\\x{hex}'")
    } else {
        format!("account = x'{hex}'")
    }
}

/// Gives each promise, a function of a store, a test on both databases.
macro_rules! on_both {
    ($($test:ident: $promise:ident;)+) => {
        mod sqlite {$(
            #[test]
            fn $test() {
                crate::world::runtime().block_on(async {
                    let (_folder, store) = crate::world::sqlite().await;
                    super::$promise(&store).await;
                });
            }
        )+}
        #[cfg(feature = "real-servers")]
        mod postgres {$(
            #[test]
            fn $test() {
                crate::world::runtime().block_on(async {
                    let store = crate::world::postgres(&crate::world::fresh_url()).await;
                    super::$promise(&store).await;
                });
            }
        )+}
    };
}
pub(crate) use on_both;
