//! Names that come and go: of one file, and below one.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use picora_local::LocalStore;

fn store() -> (tempfile::TempDir, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    (folder, store)
}

fn is_nothing<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::NotFound { .. })), "{answer:?}");
}

async fn body(store: &LocalStore, key: &Path) -> String {
    let bytes = store.get(key).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

/// A copy is a second name of the same file, and POSIX renames one name of a file onto another by doing nothing.
#[tokio::test]
async fn an_object_that_gets_its_copys_name_loses_its_own() {
    let (folder, store) = store();
    let one = Path::from("a/one");
    for copy in ["a/copy", "b/copy"].map(Path::from) {
        store.put(&one, "bytes".into()).await.unwrap();
        store.copy(&one, &copy).await.unwrap();
        store.rename(&one, &copy).await.unwrap();
        is_nothing(store.head(&one).await);
        assert_eq!(body(&store, &copy).await, "bytes");
        let left = folder.path().join("objects/a").read_dir().unwrap();
        assert!(
            left.map(|it| it.unwrap().file_name())
                .all(|it| it == "copy")
        );
        // Its own name is no other one.
        store.rename(&copy, &copy).await.unwrap();
        assert_eq!(body(&store, &copy).await, "bytes");
    }
}

/// Both keys are one name, so there is none to lose.
#[cfg(unix)]
#[tokio::test]
async fn an_object_that_gets_its_own_name_by_a_link_stays() {
    let (folder, store) = store();
    let (one, again) = (Path::from("a/one"), Path::from("link/one"));
    store.put(&one, "bytes".into()).await.unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("objects/link")).unwrap();
    for copies in [0, 1] {
        store.rename(&one, &again).await.unwrap();
        assert_eq!(body(&store, &one).await, "bytes", "{copies} copies");
        store.copy(&one, &"copy".into()).await.unwrap();
    }
}

#[tokio::test]
async fn there_is_nothing_below_an_object() {
    let (_folder, store) = store();
    let (object, below) = (Path::from("a/b"), Path::from("a/b/c"));
    store.put(&object, "bytes".into()).await.unwrap();
    is_nothing(store.head(&below).await);
    is_nothing(store.get(&below).await);
    is_nothing(store.get_ranges(&below, &[0..1, 1..2]).await);
    is_nothing(store.delete(&below).await);
    is_nothing(store.copy(&below, &"copy".into()).await);
    is_nothing(store.rename(&below, &"copy".into()).await);
    let listed: Vec<_> = store.list(Some(&below)).try_collect().await.unwrap();
    assert!(listed.is_empty());
    let listed: Vec<_> = store
        .list_with_offset(Some(&below), &object)
        .try_collect()
        .await
        .unwrap();
    assert!(listed.is_empty());
    assert!(
        store
            .list_with_delimiter(Some(&below))
            .await
            .unwrap()
            .objects
            .is_empty()
    );
    // What cannot be written there says so.
    store.put(&below, "bytes".into()).await.unwrap_err();
    store.copy(&object, &below).await.unwrap_err();
}
