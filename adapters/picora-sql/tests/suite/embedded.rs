//! The ledger in transactions that also hold rows of somebody else's.

use picora_core::{
    AccountId, Dimension, Posting, PostingKey, PostingReason, StoreErrorKind, Transact,
};
use picora_quota::conformance::{ACCOUNT, NOW, exactly, numbers, only};
use picora_quota::{Ledger, LedgerIn, Posted, Reserved};
use picora_sql::{AsSqlConn, SqlConn, SqlStore};
use sqlx::{Connection, SqliteConnection};

use crate::world::{count, run, runtime, sqlite};

const IMAGES: Dimension = Dimension::ImgStorage;
const PHOTOS: &str = "SELECT count(*) FROM photo";

/// A store with room for 100 and a table of the embedder's.
async fn prepare(store: &SqlStore) {
    run(store, "CREATE TABLE photo (name TEXT PRIMARY KEY)").await;
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
}

/// Takes 60 and adds a photo, in the embedder's transaction.
macro_rules! upload {
    ($store:expr, $tx:expr) => {{
        let request = exactly(1, IMAGES, 60);
        let answer = $store.reserve_in(&mut *$tx, &request, NOW).await.unwrap();
        assert!(matches!(answer, Reserved::Admitted(_)), "{answer:?}");
        $store
            .commit_in(&mut *$tx, request.id, &[], NOW)
            .await
            .unwrap();
        sqlx::query("INSERT INTO photo (name) VALUES ('cat')")
            .execute(&mut *$tx)
            .await
            .unwrap();
    }};
}

#[test]
fn an_embedders_sqlite_transaction_takes_the_ledger_with_it() {
    runtime().block_on(async {
        let (folder, store) = sqlite().await;
        prepare(&store).await;
        let url = format!("sqlite://{}", folder.path().join("picora.db").display());
        let mut conn = SqliteConnection::connect(&url).await.unwrap();
        for commits in [false, true] {
            let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.unwrap();
            upload!(store, tx);
            if commits {
                tx.commit().await.unwrap();
            } else {
                tx.rollback().await.unwrap();
            }
            let expected = if commits { (60, 1) } else { (0, 0) };
            assert_eq!(numbers(&store, IMAGES, NOW).await, (expected.0, 0));
            assert_eq!(count(&store, PHOTOS).await, expected.1);
        }
        refuses_to_fall_apart(&store, &mut conn).await;
    });
}

#[cfg(feature = "real-servers")]
#[test]
fn an_embedders_postgres_transaction_takes_the_ledger_with_it() {
    runtime().block_on(async {
        let url = crate::world::fresh_url();
        let store = crate::world::postgres(&url).await;
        prepare(&store).await;
        let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
        for commits in [false, true] {
            let mut tx = conn.begin().await.unwrap();
            upload!(store, tx);
            if commits {
                tx.commit().await.unwrap();
            } else {
                tx.rollback().await.unwrap();
            }
            let expected = if commits { (60, 1) } else { (0, 0) };
            assert_eq!(numbers(&store, IMAGES, NOW).await, (expected.0, 0));
            assert_eq!(count(&store, PHOTOS).await, expected.1);
        }
        refuses_to_fall_apart(&store, &mut conn).await;
    });
}

/// Outside a transaction each statement would be one of its own.
async fn refuses_to_fall_apart<T: AsSqlConn>(store: &SqlStore, conn: &mut T) {
    let refused = store.reserve_in(conn, &exactly(7, IMAGES, 1), NOW).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Unsupported);
    assert_eq!(numbers(store, IMAGES, NOW).await.1, 0);
}

/// A number out of range is an answer like another: nothing was written, and the transaction goes on.
async fn goes_on_after_a_refused_posting(store: &SqlStore) {
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
    let posting = |key: &str, delta| Posting {
        key: PostingKey::new("test", &key),
        account: ACCOUNT,
        dimension: IMAGES,
        tally: None,
        delta,
        reason: PostingReason::Reconcile,
        happened_at: NOW,
    };
    let mut tx = store.begin().await.unwrap();
    let refused = store.post_in(&mut tx, &posting("a", -1), NOW).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::OutOfRange);
    let done = store.post_in(&mut tx, &posting("a", 5), NOW).await.unwrap();
    assert!(matches!(done, Posted::Done { .. }));
    store.finish(tx).await.unwrap();
    assert_eq!(numbers(store, IMAGES, NOW).await, (5, 0));
}

/// A transaction in which a step failed halfway cannot be made durable, whatever the caller thinks of it.
async fn refuses_to_finish_what_failed(store: &SqlStore) {
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
    let request = exactly(1, IMAGES, 60);
    store.reserve(&request, NOW).await.unwrap();
    run(store, "UPDATE picora_usage SET reserved = 1").await; // somebody else's doing
    let mut tx = store.begin().await.unwrap();
    let failed = store.release_in(&mut tx, request.id, NOW).await;
    assert_eq!(failed.unwrap_err().kind(), StoreErrorKind::OutOfRange);
    store.finish(tx).await.unwrap_err();
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 1));
    run(store, "UPDATE picora_usage SET reserved = 60").await;
}

/// Rows of one's own go into a transaction of the store through its connection.
async fn carries_rows_of_ones_own(store: &SqlStore) {
    run(store, "CREATE TABLE photo (name TEXT PRIMARY KEY)").await;
    for finishes in [false, true] {
        let mut tx = store.begin().await.unwrap();
        let insert = "INSERT INTO photo (name) VALUES ('cat')";
        match tx.sql() {
            #[cfg(feature = "real-servers")]
            SqlConn::Postgres(conn) => drop(sqlx::query(insert).execute(conn).await.unwrap()),
            SqlConn::Sqlite(conn) => drop(sqlx::query(insert).execute(conn).await.unwrap()),
            _ => unreachable!("there are two databases"),
        }
        if finishes {
            store.finish(tx).await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(count(store, PHOTOS).await, i64::from(finishes));
    }
}

/// Whose a posting was is forgotten with the account; its key is not.
async fn forgets_whose_a_posting_was(store: &SqlStore) {
    let posting = Posting {
        key: PostingKey::new("test", &"erased"),
        account: ACCOUNT,
        dimension: IMAGES,
        tally: None,
        delta: 5,
        reason: PostingReason::Free,
        happened_at: NOW,
    };
    store.post(&posting, NOW).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let tombstone = AccountId::from_bytes([9; 16]);
    store.erase_in(&mut tx, ACCOUNT, tombstone).await.unwrap();
    store.finish(tx).await.unwrap();
    for table in ["account_limit", "usage", "reservation", "posting"] {
        let of_account = crate::world::is_account(store, 7);
        let rows = format!("SELECT count(*) FROM picora_{table} WHERE {of_account}");
        assert_eq!(count(store, &rows).await, 0, "{table}");
    }
    assert_eq!(store.post(&posting, NOW).await.unwrap(), Posted::Used);
}

crate::world::on_both! {
    a_refused_posting_does_not_spoil: goes_on_after_a_refused_posting;
    a_failed_step_spoils: refuses_to_finish_what_failed;
    rows_of_ones_own: carries_rows_of_ones_own;
    tombstones: forgets_whose_a_posting_was;
}
