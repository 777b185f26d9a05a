//! Who is refused, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::{Clock, ManualClock, StoreErrorKind};
use picora_r2::R2Config;
use picora_sign::Credentials;
use picora_storage::{Examine, Trouble};
use picora_testcloud::Cloud;
use picora_testcloud::cloud::BUCKET;
use picora_tiering::TierControl;

use crate::world::{fresh, open};

const KEY: &str = "LTAI5tExampleExample";

#[tokio::test]
async fn strangers_are_refused_and_told_why_without_their_secret() {
    let (cloud, _) = fresh();
    let path = Path::from("photo");
    let expired = Credentials::new(KEY, Cloud::SECRET).with_token("over");
    for (credentials, word) in [
        (Credentials::new(KEY, "hush"), "SignatureDoesNotMatch"),
        (Credentials::new("nobody", "hush"), "Unauthorized"),
        (expired, "Unauthorized"),
    ] {
        let store = open(&cloud, |config| config.credentials = credentials.clone());
        let error = store.get(&path).await.unwrap_err();
        let refused = matches!(
            error,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
        );
        assert!(refused, "{error:?}");
        let probed = store.probe(&path).await.unwrap_err();
        assert_eq!(probed.kind(), StoreErrorKind::Internal, "{probed}");
        let trouble = store.examine().await.unwrap_err();
        assert!(matches!(trouble, Trouble::Credentials { .. }), "{trouble}");
        let told = format!("{error} {error:?} {trouble} {trouble:?} {store:?}");
        assert!(
            told.contains(word) && !told.contains("hush") && !told.contains("over"),
            "{told}"
        );
        assert!(
            !told.contains("<Error>"),
            "a document is no sentence: {told}"
        );
    }
}

/// A bucket that is not there says nothing about its objects: they are not "not found", which the mover would take for lost.
#[tokio::test]
async fn another_bucket_is_called_by_its_name() {
    let (cloud, _) = fresh();
    let store = open(&cloud, |config| config.bucket = "pictures".to_owned());
    let error = store.get(&Path::from("photo")).await.unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error:?}");
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    let trouble = store.examine().await.unwrap_err();
    let Trouble::NoSuchBucket { bucket, host } = trouble else {
        panic!("{trouble}");
    };
    assert_eq!(
        (bucket, host),
        ("pictures".to_owned(), format!("127.0.0.1:{}", cloud.port()))
    );
}

/// A clock that is 20 minutes off is refused by the store, by its own word for it.
#[tokio::test]
async fn a_wrong_clock_is_called_by_its_name() {
    let (cloud, _) = fresh();
    let now = cloud.clock().now();
    let off = Duration::from_secs(20 * 60);
    for wrong in [now.saturating_sub(off), now.saturating_add(off)] {
        let config = R2Config::new(&cloud.url(), BUCKET, Cloud::credentials()).unwrap();
        let store = picora_r2::open(config, Arc::new(ManualClock::at(wrong))).unwrap();
        let error = store.get(&Path::from("photo")).await.unwrap_err();
        assert!(
            error.to_string().contains("RequestTimeTooSkewed"),
            "{error}"
        );
        let trouble = store.examine().await.unwrap_err();
        assert!(matches!(trouble, Trouble::Clock { .. }), "{trouble}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_within_the_deadline() {
    let (cloud, _) = fresh();
    let store = open(&cloud, |config| {
        config.endpoint = "http://127.0.0.1:1".parse().unwrap();
    });
    let path = Path::from("photo");
    let answer = tokio::time::timeout(Duration::from_secs(20), store.get(&path)).await;
    let error = answer.unwrap().unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error:?}");
    let error = store.probe(&path).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let trouble = store.examine().await.unwrap_err();
    assert!(matches!(trouble, Trouble::Unreachable { .. }), "{trouble}");
}

#[tokio::test]
async fn a_store_that_is_well_is_examined_and_left_as_it_was() {
    use futures::TryStreamExt;
    use object_store::ObjectStore;
    let (cloud, store) = fresh();
    store.examine().await.unwrap();
    let left: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(left, []);
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
