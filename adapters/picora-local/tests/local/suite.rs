//! object_store's own integration suite.

use object_store::integration;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_local::LocalStore;

fn open() -> (tempfile::TempDir, LocalStore) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = LocalStore::open(folder.path()).expect("a folder of our own");
    (folder, store)
}

#[tokio::test]
async fn object_stores_own_suite_holds() {
    let (_folder, store) = open();
    integration::put_get_delete_list(&store).await;
    integration::get_opts(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    integration::stream_get(&store).await;
    integration::put_opts(&store, false).await;
}

#[tokio::test]
async fn offsets_are_exclusive() {
    let (_folder, store) = open();
    integration::list_with_offset_exclusivity(&store).await;
}

#[tokio::test]
async fn racing_uploads_of_one_key_end_with_one_of_them() {
    let (_folder, store) = open();
    integration::multipart_race_condition(&store, true).await;
    let (_folder, store) = open();
    integration::multipart_out_of_order(&store).await;
}

#[test]
fn it_works_without_a_runtime() {
    let (_folder, store) = open();
    let path = "media/a/b".into();
    futures::executor::block_on(async {
        store.put(&path, "bytes".into()).await.unwrap();
        assert_eq!(
            store.get(&path).await.unwrap().bytes().await.unwrap(),
            "bytes"
        );
        store.delete(&path).await.unwrap();
        store.head(&path).await.unwrap_err();
    });
}

#[tokio::test]
async fn the_lock_is_no_object() {
    let (folder, store) = open();
    let listed = store.list_with_delimiter(None).await.unwrap();
    assert!(listed.objects.is_empty());
    assert!(folder.path().join("lock").exists());
    assert_eq!(
        store.to_string(),
        format!("LocalStore({})", folder.path().display())
    );
}
