//! Who is refused, and what is told of it.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::StoreErrorKind;
use picora_sign::Credentials;
use picora_tiering::TierControl;

use crate::world::{fresh, old, open};

#[tokio::test]
async fn strangers_are_refused_and_told_why_without_their_secret() {
    let (cloud, _) = fresh();
    let path = Path::from("photo");
    let expired = Credentials::new("LTAI5tExampleExample", picora_testcloud::Cloud::SECRET)
        .with_token("over");
    for (credentials, word) in [
        (
            Credentials::new("LTAI5tExampleExample", "hush"),
            "SignatureDoesNotMatch",
        ),
        (Credentials::new("nobody", "hush"), "InvalidAccessKeyId"),
        (expired, "InvalidSecurityToken"),
    ] {
        let store = open(&cloud, |config| config.credentials = credentials.clone());
        let error = store.get(&path).await.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
        let probed = store.probe(&path).await.unwrap_err();
        assert_eq!(probed.kind(), StoreErrorKind::Internal, "{probed}");
        let told = format!("{error} {error:?}");
        assert!(
            told.contains(word) && !told.contains("hush") && !told.contains("over"),
            "{told}"
        );
    }
    let store = open(&cloud, |config| config.region = "cn-shanghai".to_owned());
    let error = store.get(&path).await.unwrap_err();
    assert!(error.to_string().contains("cn-hangzhou"), "{error}");
}

/// A clock that is 20 minutes off is refused by the store, by its own word for it.
#[tokio::test]
async fn a_wrong_clock_is_called_by_its_name() {
    let (cloud, _) = fresh();
    let late = picora_core::Clock::now(&cloud.clock()).saturating_sub(Duration::from_secs(20 * 60));
    let mut config = picora_native::NativeConfig::new(
        &cloud.url(),
        picora_testcloud::cloud::BUCKET,
        picora_testcloud::cloud::REGION,
        picora_testcloud::Cloud::credentials(),
    )
    .unwrap();
    config.bucket_in_path = true;
    let clock = std::sync::Arc::new(picora_core::ManualClock::at(late));
    let store = picora_oss::open(config, clock).unwrap();
    let error = store.get(&Path::from("photo")).await.unwrap_err();
    assert!(
        error.to_string().contains("RequestTimeTooSkewed"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_within_the_deadline() {
    let (cloud, _) = fresh();
    let closed = format!("http://127.0.0.1:{}", 1);
    let store = open(&cloud, |config| config.endpoint = closed.parse().unwrap());
    let path = Path::from("photo");
    let answer = tokio::time::timeout(Duration::from_secs(20), store.get(&path)).await;
    let error = answer.unwrap().unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error:?}");
    let error = store.probe(&Path::from("photo")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn only_an_old_bucket_takes_the_first_version_of_signatures() {
    let (cloud, _) = fresh();
    let path = Path::from("photo");
    let first = |config: &mut picora_native::NativeConfig| config.first_signature = true;
    let refused = open(&cloud, first).put(&path, "x".into()).await;
    assert!(refused.is_err());

    let (cloud, store) = old();
    store.put(&path, "x".into()).await.unwrap();
    let newer = open(&cloud, |_| {}).get(&path).await.unwrap();
    assert_eq!(newer.bytes().await.unwrap(), "x");
    for (credentials, word) in [
        (
            Credentials::new("LTAI5tExampleExample", "hush"),
            "SignatureDoesNotMatch",
        ),
        (Credentials::new("nobody", "hush"), "InvalidAccessKeyId"),
        (
            picora_testcloud::Cloud::credentials().with_token("over"),
            "InvalidSecurityToken",
        ),
    ] {
        let store = open(&cloud, |config| {
            config.credentials = credentials.clone();
            first(config);
        });
        let error = store.get(&path).await.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
