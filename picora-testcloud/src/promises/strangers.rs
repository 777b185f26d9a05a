//! Who is refused, what is told of it, and what an operator is told to do.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::{Clock, ManualClock, StoreErrorKind};
use picora_sign::Credentials;
use picora_storage::{Examine, Trouble};
use picora_tiering::{Guard, Tier};

use super::{Opening, Store};
use crate::{Cloud, Fault};

/// A store of whoever asks with this key.
fn asked_by<S: Store + Examine>(
    cloud: &Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
    credentials: Credentials,
) -> S {
    let opening = Opening {
        credentials,
        ..Opening::of(cloud)
    };
    open(cloud, opening)
}

pub async fn strangers_are_refused_and_told_why_without_their_secret<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let (cloud, path) = (start(), Path::from("photo"));
    let known = Cloud::credentials().access_key_id;
    let over = Credentials::new(&known, Cloud::SECRET).with_token("over");
    // Some have one word for a key that they do not know and for a token that is none.
    for (credentials, words, is_token) in [
        (
            Credentials::new(&known, "hush"),
            ["SignatureDoesNotMatch"; 2],
            false,
        ),
        (
            Credentials::new("nobody", "hush"),
            ["InvalidAccessKeyId", "Unauthorized"],
            false,
        ),
        (over, ["Token", "Unauthorized"], true),
    ] {
        let store = asked_by(&cloud, &open, credentials);
        let error = store.get(&path).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
            ),
            "{error:?}"
        );
        let probed = store.probe(&path).await.unwrap_err();
        assert_eq!(probed.kind(), StoreErrorKind::Internal, "{probed}");
        let trouble = store.examine().await.unwrap_err();
        match &trouble {
            Trouble::Token { .. } => assert!(is_token, "{trouble}"),
            Trouble::Credentials { .. } => assert!(!is_token, "{trouble}"),
            other => panic!("{other}"),
        }
        for told in [
            format!("{error} {error:?}"),
            format!("{probed} {probed:?}"),
            format!("{trouble} {trouble:?}"),
        ] {
            assert!(!told.contains("hush") && !told.contains("over"), "{told}");
        }
        for told in [error.to_string(), trouble.to_string()] {
            assert!(words.iter().any(|word| told.contains(word)), "{told}");
        }
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// A clock that is 20 minutes off, to either side, is refused by the store, and whoever has to mend it is told so.
pub async fn a_wrong_clock_is_called_by_its_name<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let (cloud, path) = (start(), Path::from("photo"));
    let (now, off) = (cloud.clock().now(), Duration::from_secs(20 * 60));
    for wrong in [now.saturating_sub(off), now.saturating_add(off)] {
        let opening = Opening {
            clock: std::sync::Arc::new(ManualClock::at(wrong)),
            ..Opening::of(&cloud)
        };
        let store = open(&cloud, opening);
        let error = store.get(&path).await.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
        let trouble = store.examine().await.unwrap_err();
        assert!(matches!(trouble, Trouble::Clock { .. }), "{trouble:?}");
        assert!(trouble.to_string().contains("clock"), "{trouble}");
        // Some say only that they deny it; that the clocks differ is seen.
        let denied = Fault::Deny(403, "AccessDenied");
        cloud.faults().script("PutObject", denied);
        let trouble = store.examine().await.unwrap_err();
        assert!(matches!(trouble, Trouble::Clock { .. }), "{trouble:?}");
    }
}

/// What a key may not do is named, each step of the service's day by its verb.
pub async fn a_right_that_is_missing_is_named<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    for (request, verb) in [
        ("PutObject", "write"),
        ("GetObject", "read"),
        ("DeleteObject", "remove"),
    ] {
        let cloud = start();
        let store = open(&cloud, Opening::of(&cloud));
        cloud
            .faults()
            .script(request, Fault::Deny(403, "AccessDenied"));
        let trouble = store.examine().await.unwrap_err();
        let Trouble::Permission { operation, .. } = &trouble else {
            panic!("{trouble:?}");
        };
        assert_eq!(*operation, verb);
        // The small object of the examination is gone, but for the one that may not be removed.
        let left = store.examine().await;
        assert!(left.is_ok(), "{left:?}");
        let removed = cloud.operations();
        let removed = removed.iter().filter(|it| **it == "DeleteObject").count();
        assert_eq!(removed, if verb == "write" { 1 } else { 2 });
    }
}

pub async fn a_bucket_that_is_not_there_is_named<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let cloud = start();
    let store = open(&cloud, Opening::of(&cloud));
    for request in ["PutObject", "GetObject", "DeleteObject"] {
        cloud
            .faults()
            .script(request, Fault::Deny(404, "NoSuchBucket"));
    }
    let trouble = store.examine().await.unwrap_err();
    let named =
        matches!(&trouble, Trouble::NoSuchBucket { host, .. } if cloud.url().ends_with(host));
    assert!(named, "{trouble:?}");
    // A missing bucket says nothing about an object: that is no answer to "is it there".
    let path = Path::from("photo");
    let read = store.get(&path).await;
    assert!(matches!(read, Err(Error::Generic { .. })), "{read:?}");
    let removed = store.delete(&path).await;
    assert!(matches!(removed, Err(Error::Generic { .. })), "{removed:?}");
}

pub async fn a_store_that_works_is_examined_without_a_trace<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let cloud = start();
    let store = open(&cloud, Opening::of(&cloud));
    store.examine().await.unwrap();
    assert_eq!(
        cloud.operations(),
        ["PutObject", "GetObject", "DeleteObject"]
    );
    assert_eq!(cloud.surprises(), Vec::<String>::new());
    let listed = store.list_with_delimiter(None).await.unwrap();
    assert!(listed.objects.is_empty() && listed.common_prefixes.is_empty());
}

/// By the vendor's word for it, and by his clock.
pub async fn a_temporary_key_holds_until_its_end<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let (cloud, path) = (start(), Path::from("photo"));
    let lent = cloud.temporary(Duration::from_secs(900));
    let store = asked_by(&cloud, &open, lent);
    store.examine().await.unwrap();
    store.put(&path, "bytes".into()).await.unwrap();
    assert!(store.probe(&path).await.unwrap().is_some());
    cloud.clock().advance(Duration::from_secs(900));
    let error = store.put(&path, "other".into()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
        ),
        "{error:?}"
    );
    let trouble = store.examine().await.unwrap_err();
    assert!(matches!(trouble, Trouble::Token { .. }), "{trouble:?}");
    for told in [
        format!("{error} {error:?}"),
        format!("{trouble} {trouble:?}"),
    ] {
        assert!(
            !told.contains("lent1") && !told.contains("CAISexample1"),
            "{told}"
        );
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// What is slow is given up, and tried again where that does no harm.
pub async fn a_store_that_hangs_is_not_waited_for<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let cloud = start();
    let opening = Opening {
        read_timeout: Duration::from_millis(300),
        ..Opening::of(&cloud)
    };
    let store = open(&cloud, opening);
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
