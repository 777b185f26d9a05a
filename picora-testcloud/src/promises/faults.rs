//! What goes wrong on the way: nothing is silently lost, doubled or cut short.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions};
use picora_core::StoreErrorKind;
use picora_storage::ObjectWriter;
use picora_tiering::{Class, Guard, Moved, Tier};

use super::Store;
use crate::{Cloud, Fault};

/// How many requests of this operation have come.
fn sent(cloud: &Cloud, operation: &str) -> usize {
    let operations = cloud.operations();
    operations.iter().filter(|it| **it == operation).count()
}

pub async fn a_put_is_sent_again_until_it_is_there_once<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    for fault in [
        Fault::Refuse(503),
        Fault::Refuse(429),
        Fault::Refuse(500),
        Fault::RefuseFor(429, 0),
        Fault::DoneAndRefused(500),
        Fault::Drop,
        Fault::DoneAndDropped,
        Fault::CutRequest(3),
        Fault::FlippedOnTheWay,
        Fault::Page(200),
        Fault::Page(502),
        Fault::DoneAndPage(504),
    ] {
        let (cloud, store) = fresh();
        cloud.faults().script("PutObject", fault.clone());
        let path = Path::from("photo");
        let create = PutOptions::from(PutMode::Create);
        let put = store.put_opts(&path, "bytes".into(), create).await;
        assert!(put.is_ok(), "{fault:?}: {put:?}");
        assert_eq!(cloud.faults().met(), [("PutObject", fault.clone())]);
        assert_eq!(sent(&cloud, "PutObject"), 2, "{fault:?}");
        assert_eq!(
            store.get(&path).await.unwrap().bytes().await.unwrap(),
            "bytes"
        );
    }
}

/// Somebody else's object is not ours, also when an answer of ours was lost before.
pub async fn a_lost_create_does_not_take_somebody_elses_object_for_its_own<S: Store>(
    fresh: impl Fn() -> (Cloud, S),
) {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "theirs".into()).await.unwrap();
    cloud.faults().script("PutObject", Fault::Drop);
    let put = store
        .put_opts(&path, "ours".into(), PutMode::Create.into())
        .await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })), "{put:?}");
    assert_eq!(cloud.faults().met(), [("PutObject", Fault::Drop)]);
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "theirs"
    );
}

/// An adapter may ask for the rest. What it hands on is whole, or it says that it is not.
pub async fn a_body_that_is_cut_short_is_an_error<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    cloud.faults().script("GetObject", Fault::Truncated(4));
    match store.get(&path).await.unwrap().bytes().await {
        Ok(whole) => assert_eq!(whole, "0123456789"),
        Err(error) => assert!(matches!(error, Error::Generic { .. }), "{error:?}"),
    }
    for _ in 0..20 {
        cloud.faults().script("GetObject", Fault::Truncated(0));
    }
    let read = store.get(&path).await.unwrap().bytes().await;
    assert!(matches!(read, Err(Error::Generic { .. })), "{read:?}");
}

pub async fn an_error_inside_a_200_is_no_copy<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
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
pub async fn a_move_whose_answer_is_lost_is_unknown<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
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
        assert_eq!(sent(&cloud, "CopyObject"), 1);
        let class = store.probe(&path).await.unwrap().unwrap().class;
        assert_eq!(class == Class::Tier(Tier::Archive), happened);
    }
}

/// Who is refused after an answer of his was lost does not know that nothing has happened.
pub async fn a_refusal_after_a_lost_answer_is_not_certain<S: Store>(
    fresh: impl Fn() -> (Cloud, S),
) {
    let (cloud, store) = fresh();
    let path = Path::from("photo");
    let denied = Fault::Deny(403, "AccessDenied");
    let lost_and_denied = |operation| {
        cloud.faults().script(operation, Fault::DoneAndDropped);
        cloud.faults().script(operation, denied.clone());
    };
    lost_and_denied("PutObject");
    let put = store.put(&path, "bytes".into()).await;
    assert!(matches!(put, Err(Error::Generic { .. })), "{put:?}");
    lost_and_denied("PutObject");
    let written = ObjectWriter::new(&store, path.clone()).finish().await;
    assert_eq!(written.unwrap_err().kind(), StoreErrorKind::Unknown);
    lost_and_denied("DeleteObject");
    let deleted = store.delete(&path).await;
    assert!(matches!(deleted, Err(Error::Generic { .. })), "{deleted:?}");
    // Nothing was lost before this one, and a read changes nothing.
    cloud.faults().script("PutObject", denied.clone());
    let put = store.put(&path, "bytes".into()).await;
    assert!(
        matches!(put, Err(Error::PermissionDenied { .. })),
        "{put:?}"
    );
    lost_and_denied("GetObject");
    let read = store.get(&path).await;
    assert!(
        matches!(read, Err(Error::PermissionDenied { .. })),
        "{read:?}"
    );
}
