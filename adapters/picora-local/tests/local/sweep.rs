//! The sweep beside uploads that are alive.

use std::time::Duration;

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_core::Timestamp;
use picora_local::LocalStore;
use picora_storage::object;

#[tokio::test]
async fn an_upload_outlives_a_sweep_and_a_forgotten_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let path = "media/a/b".into();
    let sweep = async || {
        store
            .sweep_staged(Duration::ZERO, Timestamp::MAX)
            .await
            .unwrap()
    };

    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.put_part("first ".into()).await.unwrap();
    assert_eq!((sweep().await.files, sweep().await.left), (0, 1));
    upload.put_part("second".into()).await.unwrap();
    upload.complete().await.unwrap();
    let stored = object::length(&store, &path).await.unwrap();
    assert_eq!(stored.map(|length| length.get()), Some(12));
    drop(upload);

    // What a killed process leaves: a staged file that nobody writes.
    let left_behind = store.folder().join("objects/media/a/b#1");
    std::fs::write(&left_behind, "half").unwrap();
    let visible: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(visible.len(), 1);
    assert_eq!(sweep().await.bytes.get(), 4);
    assert!(!left_behind.exists());
}
