//! What goes wrong on the way: nothing is silently lost, doubled or cut short.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picora_core::StoreErrorKind;
use picora_sign::Credentials;
use picora_testcloud::Fault;
use picora_tiering::{Class, Guard, Moved, Tier, TierControl};

use crate::world::{fresh, open};

#[tokio::test]
async fn a_put_is_sent_again_until_it_is_there_once() {
    for fault in [
        Fault::Refuse(503),
        Fault::Refuse(429),
        Fault::Refuse(500),
        Fault::Drop,
        Fault::DoneAndDropped,
    ] {
        let (cloud, store) = fresh();
        cloud.faults().script("PutObject", fault.clone());
        let path = Path::from("photo");
        let create = PutOptions::from(PutMode::Create);
        let put = store.put_opts(&path, "bytes".into(), create).await;
        assert!(put.is_ok(), "{fault:?}: {put:?}");
        assert_eq!(
            store.get(&path).await.unwrap().bytes().await.unwrap(),
            "bytes"
        );
    }
}

/// Somebody else's object is not ours, also when an answer of ours was lost before.
#[tokio::test]
async fn a_lost_create_does_not_take_somebody_elses_object_for_its_own() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "theirs".into()).await.unwrap();
    cloud.faults().script("PutObject", Fault::Drop);
    let put = store
        .put_opts(&path, "ours".into(), PutMode::Create.into())
        .await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })), "{put:?}");
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "theirs"
    );
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_an_error() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    cloud.faults().script("GetObject", Fault::Truncated(4));
    let read = store.get(&path).await.unwrap().bytes().await;
    assert!(matches!(read, Err(Error::Generic { .. })), "{read:?}");
}

#[tokio::test]
async fn an_error_inside_a_200_is_no_copy() {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    cloud.faults().script("CopyObject", Fault::ErrorInside);
    let present = store.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    let moved = store
        .set_tier(&path, Tier::Archive, &guard, &present.headers)
        .await;
    assert_eq!(moved.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(
        store.probe(&path).await.unwrap().unwrap().class,
        Class::Tier(Tier::Hot)
    );
    let moved = store
        .set_tier(&path, Tier::Archive, &guard, &present.headers)
        .await;
    assert_eq!(moved.unwrap(), Moved::Done);
}

/// A move whose answer is lost is unknown, and is not tried again by itself.
#[tokio::test]
async fn a_move_whose_answer_is_lost_is_unknown() {
    for (fault, happened) in [(Fault::Drop, false), (Fault::DoneAndDropped, true)] {
        let (cloud, store) = fresh();
        let path = Path::from("photo");
        store.put(&path, "0123456789".into()).await.unwrap();
        let present = store.probe(&path).await.unwrap().unwrap();
        let guard = Guard {
            etag: present.etag.clone().unwrap(),
            size: present.size,
        };
        cloud.faults().script("CopyObject", fault);
        let moved = store
            .set_tier(&path, Tier::Archive, &guard, &present.headers)
            .await;
        assert_eq!(moved.unwrap_err().kind(), StoreErrorKind::Unknown);
        let copies = cloud
            .operations()
            .iter()
            .filter(|it| **it == "CopyObject")
            .count();
        assert_eq!(copies, 1);
        let class = store.probe(&path).await.unwrap().unwrap().class;
        assert_eq!(class == Class::Tier(Tier::Archive), happened);
    }
}

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
    let mut config = picora_oss::OssConfig::new(
        &cloud.url(),
        picora_testcloud::cloud::BUCKET,
        picora_testcloud::cloud::REGION,
        picora_testcloud::Cloud::credentials(),
    )
    .unwrap();
    config.native.bucket_in_path = true;
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
    let store = open(&cloud, |config| {
        config.native.endpoint = closed.parse().unwrap()
    });
    let path = Path::from("photo");
    let answer = tokio::time::timeout(Duration::from_secs(20), store.get(&path)).await;
    let error = answer.unwrap().unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error:?}");
    let error = store.probe(&Path::from("photo")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}
