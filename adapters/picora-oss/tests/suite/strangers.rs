//! Who is refused, and what is told of it.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::StoreErrorKind;
use picora_sign::Credentials;
use picora_testcloud::Fault;
use picora_tiering::{Guard, Tier, TierControl};

use crate::world::{fresh, open};

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

/// By the vendor's word for it, and by his clock.
#[tokio::test]
async fn a_temporary_key_holds_until_its_end() {
    let (cloud, _) = fresh();
    let lent = cloud.temporary(Duration::from_secs(900));
    let store = open(&cloud, |config| config.credentials = lent.clone());
    let path = Path::from("photo");
    store.put(&path, "bytes".into()).await.unwrap();
    assert!(store.probe(&path).await.unwrap().is_some());
    cloud.clock().advance(Duration::from_secs(900));
    let error = store.put(&path, "other".into()).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
    let told = format!("{error} {error:?}");
    assert!(told.contains("SecurityTokenExpired"), "{told}");
    assert!(
        !told.contains("lent1") && !told.contains("CAISexample1"),
        "{told}"
    );
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// What is slow is given up, and tried again where that does no harm.
#[tokio::test]
async fn a_store_that_hangs_is_not_waited_for() {
    let (cloud, _) = fresh();
    let store = open(&cloud, |config| {
        config.read_timeout = Duration::from_millis(300)
    });
    let (path, hangs) = (Path::from("photo"), Fault::Hang(Duration::from_secs(3)));
    cloud.faults().script("PutObject", hangs.clone());
    store.put(&path, "bytes".into()).await.unwrap();
    cloud.faults().script("GetObject", hangs.clone());
    let read = store.get(&path).await.unwrap().bytes().await;
    assert_eq!(read.unwrap(), "bytes");
    let present = store.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    cloud.faults().script("CopyObject", hangs);
    let moved = store.set_tier(&path, Tier::Archive, &guard, &present.headers);
    assert_eq!(moved.await.unwrap_err().kind(), StoreErrorKind::Unknown);
    let class = store.probe(&path).await.unwrap().unwrap().class;
    assert_eq!(class, Tier::Archive.into());
}
