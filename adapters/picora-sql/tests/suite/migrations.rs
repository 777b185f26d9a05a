//! The tables are made once, whoever is first.

use picora_core::StoreErrorKind;
use picora_sql::{SqlStore, Tables};

use crate::world::{count, run, runtime};

const APPLIED: &str = "SELECT count(*) FROM picora_quota_migrations";

#[test]
fn sqlite_is_migrated_once_by_several_at_once() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picora.db");
        let first = SqlStore::sqlite(&path).await.unwrap();
        assert_eq!(first.tables().await.unwrap(), Tables::Earlier);
        let mut others = Vec::new();
        for _ in 0..8 {
            let store = SqlStore::sqlite(&path).await.unwrap(); // a writer of its own, as another process has
            others.push(tokio::spawn(async move { store.migrate().await.unwrap() }));
        }
        for other in others {
            other.await.unwrap();
        }
        first.migrate().await.unwrap();
        tell_their_version(&first).await;
        assert_eq!(count(&first, APPLIED).await, 3);
        refuses_another_text(
            &first,
            "UPDATE picora_quota_migrations SET checksum = x'00'",
        )
        .await;
    });
}

#[cfg(feature = "real-servers")]
#[test]
fn postgres_is_migrated_once_by_several_at_once() {
    runtime().block_on(async {
        let url = crate::world::fresh_url();
        let first = SqlStore::postgres(&url).await.unwrap();
        assert_eq!(first.tables().await.unwrap(), Tables::Earlier);
        let mut others = Vec::new();
        for _ in 0..8 {
            let store = SqlStore::postgres(&url).await.unwrap();
            others.push(tokio::spawn(async move { store.migrate().await.unwrap() }));
        }
        for other in others {
            other.await.unwrap();
        }
        first.migrate().await.unwrap();
        tell_their_version(&first).await;
        assert_eq!(count(&first, APPLIED).await, 4);
        refuses_another_text(
            &first,
            "UPDATE picora_quota_migrations SET checksum = '\\x00'",
        )
        .await;
    });
}

/// Looking changes nothing.
async fn tell_their_version(store: &SqlStore) {
    assert_eq!(store.tables().await.unwrap(), Tables::Current);
    let renamed = |version| {
        format!(
            "UPDATE picora_media_migrations SET version = {version} WHERE version = (SELECT max(version) FROM picora_media_migrations)"
        )
    };
    let newest = count(store, "SELECT max(version) FROM picora_media_migrations").await;
    run(store, &renamed(99)).await;
    assert_eq!(store.tables().await.unwrap(), Tables::Foreign);
    run(store, &renamed(newest)).await;
    assert_eq!(store.tables().await.unwrap(), Tables::Current);
    let kept = "CREATE TABLE kept AS SELECT * FROM picora_media_migrations WHERE version > 1";
    run(store, kept).await;
    let gone = "DELETE FROM picora_media_migrations WHERE version > 1";
    run(store, gone).await;
    assert_eq!(store.tables().await.unwrap(), Tables::Earlier);
    assert_eq!(store.tables().await.unwrap(), Tables::Earlier);
    let again = "INSERT INTO picora_media_migrations SELECT * FROM kept";
    run(store, again).await;
    assert_eq!(store.tables().await.unwrap(), Tables::Current);
}

/// Tables that were made by another text are not ours to use.
async fn refuses_another_text(store: &SqlStore, tamper: &str) {
    run(store, tamper).await;
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal, "{error}");
}
