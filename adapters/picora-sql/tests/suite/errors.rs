//! What failures of the databases are called.

use std::path::Path;
use std::time::Duration;

use picora_core::{Dimension, StoreError, StoreErrorKind, Transact};
use picora_quota::conformance::{ACCOUNT, NOW, exactly, numbers, only};
use picora_quota::{Ledger, LedgerIn};
use picora_sql::SqlStore;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::world::{run, runtime, sqlite};

const IMAGES: Dimension = Dimension::ImgStorage;

fn file(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_millis(50))
}

fn over(options: SqliteConnectOptions) -> SqlStore {
    SqlStore::from_pool(
        SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options),
    )
}

async fn reserve(store: &SqlStore) -> StoreError {
    store
        .reserve(&exactly(1, IMAGES, 1), NOW)
        .await
        .unwrap_err()
}

#[test]
fn a_locked_file_is_unavailable_and_nothing_changes() {
    runtime().block_on(async {
        let (folder, store) = sqlite().await;
        store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
        let held = store.begin().await.unwrap();
        let other = over(file(&folder.path().join("picora.db")));
        let error = reserve(&other).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert_eq!(
            numbers(&other, IMAGES, NOW).await,
            (0, 0),
            "readers do not wait for a writer"
        );
        drop(held);
        store.reserve(&exactly(1, IMAGES, 1), NOW).await.unwrap();
        other.reserve(&exactly(2, IMAGES, 1), NOW).await.unwrap();
        assert_eq!(numbers(&store, IMAGES, NOW).await, (0, 2));
    });
}

#[test]
fn a_file_that_cannot_be_written_is_unavailable() {
    runtime().block_on(async {
        let (folder, _store) = sqlite().await;
        let readonly = over(file(&folder.path().join("picora.db")).read_only(true));
        let error = reserve(&readonly).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    });
}

#[test]
fn a_full_disk_is_unavailable_and_nothing_changes() {
    runtime().block_on(async {
        let (folder, store) = sqlite().await;
        store
            .set_limits(&only(IMAGES, 1_000_000), NOW)
            .await
            .unwrap();
        let full = over(file(&folder.path().join("picora.db")).pragma("max_page_count", "20"));
        let mut admitted = 0;
        let error = loop {
            match full.reserve(&exactly(admitted, IMAGES, 1), NOW).await {
                Ok(_) => admitted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert_eq!(numbers(&store, IMAGES, NOW).await, (0, admitted));
    });
}

#[test]
fn a_missing_file_is_unavailable_and_is_not_made() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.db");
        let error = reserve(&over(file(&path))).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!(!path.exists());
        let nowhere = SqlStore::sqlite(folder.path().join("no folder/picora.db")).await;
        assert_eq!(nowhere.unwrap_err().kind(), StoreErrorKind::Unavailable);
    });
}

#[test]
fn a_file_that_is_no_database_is_corrupt() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.db");
        std::fs::write(&path, "Dear Sir or Madam, ".repeat(100)).unwrap();
        let error = SqlStore::sqlite(&path).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    });
}

#[test]
fn a_closed_store_is_unavailable() {
    runtime().block_on(async {
        let (_folder, store) = sqlite().await;
        store.close().await;
        let error = reserve(&store).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        let error = store.usage(ACCOUNT, NOW).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    });
}

#[test]
fn a_transaction_that_read_before_another_wrote_is_a_conflict() {
    runtime().block_on(async {
        let (folder, store) = sqlite().await;
        store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
        let options = file(&folder.path().join("picora.db"));
        let mut conn = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let mut tx = conn.begin().await.unwrap(); // not immediate
        sqlx::query("SELECT count(*) FROM picora_usage")
            .execute(&mut *tx)
            .await
            .unwrap();
        store.reserve(&exactly(1, IMAGES, 1), NOW).await.unwrap();
        let refused = store
            .reserve_in(&mut *tx, &exactly(2, IMAGES, 1), NOW)
            .await;
        let error = refused.unwrap_err();
        assert!(error.is_conflict(), "{error}");
    });
}

/// What somebody else wrote into the tables is told as such, and changes nothing.
async fn tells_what_does_not_read_back(store: &SqlStore) {
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
    let request = exactly(1, IMAGES, 60);
    store.reserve(&request, NOW).await.unwrap();
    run(store, "UPDATE picora_reservation SET granted = 'sixty'").await;
    let error = store.reservation(request.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    let error = store.release(request.id, NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 60));
}

#[test]
fn what_does_not_read_back_from_sqlite_is_corrupt() {
    runtime().block_on(async {
        let (_folder, store) = sqlite().await;
        tells_what_does_not_read_back(&store).await;
    });
}

#[cfg(feature = "real-servers")]
mod on_postgres {
    use super::*;
    use crate::world::{fresh_url, postgres};
    use sqlx::PgConnection;

    async fn over(url: &str, setting: (&str, &str)) -> SqlStore {
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        let options = options.options([setting]);
        SqlStore::from_pool(sqlx::PgPool::connect_with(options).await.unwrap())
    }

    #[test]
    fn what_does_not_read_back_is_corrupt() {
        runtime().block_on(async {
            tells_what_does_not_read_back(&postgres(&fresh_url()).await).await;
        });
    }

    #[test]
    fn a_server_that_is_not_there_is_unavailable() {
        runtime().block_on(async {
            let url = format!(
                "postgres://nobody@127.0.0.1:{}/none",
                picora_testkit::free_port()
            );
            let pool = sqlx::postgres::PgPoolOptions::new()
                .acquire_timeout(Duration::from_millis(200)) // a start would be more patient
                .connect_lazy(&url);
            let error = reserve(&SqlStore::from_pool(pool.unwrap())).await;
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        });
    }

    /// It was killed when it had accepted a connection, or something else listens there.
    #[test]
    fn a_server_that_hangs_up_on_a_greeting_is_unavailable() {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                loop {
                    drop(listener.accept().await);
                }
            });
            let pool = sqlx::postgres::PgPoolOptions::new()
                .acquire_timeout(Duration::from_millis(500))
                .connect_lazy(&format!("postgres://postgres@{address}/picora"));
            let error = reserve(&SqlStore::from_pool(pool.unwrap())).await;
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        });
    }

    #[test]
    fn a_database_that_is_not_there_is_unavailable() {
        runtime().block_on(async {
            let error = SqlStore::postgres(&format!("{}_none", fresh_url())).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        });
    }

    #[test]
    fn a_cell_that_stays_locked_is_unavailable() {
        runtime().block_on(async {
            let url = fresh_url();
            let store = postgres(&url).await;
            store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
            let mut held = store.begin().await.unwrap();
            let request = exactly(9, IMAGES, 1);
            store.reserve_in(&mut held, &request, NOW).await.unwrap();
            let hasty = over(&url, ("lock_timeout", "50")).await;
            let error = reserve(&hasty).await;
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            drop(held);
            hasty.reserve(&exactly(1, IMAGES, 1), NOW).await.unwrap();
        });
    }

    #[test]
    fn a_server_that_only_reads_is_unavailable() {
        runtime().block_on(async {
            let url = fresh_url();
            postgres(&url).await;
            let standby = over(&url, ("default_transaction_read_only", "on")).await;
            let error = reserve(&standby).await;
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        });
    }

    #[test]
    fn a_snapshot_that_is_overtaken_is_a_conflict() {
        runtime().block_on(async {
            let url = fresh_url();
            let store = postgres(&url).await;
            store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
            store.reserve(&exactly(1, IMAGES, 1), NOW).await.unwrap();
            let mut conn = PgConnection::connect(&url).await.unwrap();
            let repeatable = "BEGIN ISOLATION LEVEL REPEATABLE READ";
            let mut tx = conn.begin_with(repeatable).await.unwrap();
            sqlx::query("SELECT 1").execute(&mut *tx).await.unwrap();
            store.reserve(&exactly(2, IMAGES, 1), NOW).await.unwrap();
            let refused = store
                .reserve_in(&mut *tx, &exactly(3, IMAGES, 1), NOW)
                .await;
            let error = refused.unwrap_err();
            assert!(error.is_conflict(), "{error}");
        });
    }

    /// A whole step is the store's own, so it is tried again: the embedder does not see that his server is strict.
    #[test]
    fn a_strict_server_is_met_by_trying_again() {
        runtime().block_on(async {
            let url = fresh_url();
            postgres(&url).await;
            let strict = over(&url, ("default_transaction_isolation", "serializable")).await;
            strict.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
            strict.reserve(&exactly(1, IMAGES, 1), NOW).await.unwrap();
            let (one, other) = (exactly(2, IMAGES, 1), exactly(3, IMAGES, 1));
            let (one, other) = tokio::join!(strict.reserve(&one, NOW), strict.reserve(&other, NOW));
            for answer in [one, other] {
                answer.unwrap();
            }
            assert_eq!(numbers(&strict, IMAGES, NOW).await, (0, 3));
        });
    }
}
