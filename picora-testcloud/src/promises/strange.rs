//! Answers that no vendor gives, and objects that are not what they were.

use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use picora_core::{StoreError, StoreErrorKind};
use picora_storage::error::is_corrupt;
use picora_tiering::{Class, Guard, Moved, Present, RestoreAck, RestoreSpeed, Restoring, Tier};

use super::{MOST_TRIES, Store};
use crate::{Cloud, Fault, Garbage};

async fn photo(store: &impl Store) -> Path {
    let path = Path::from("photo");
    store.put(&path, "0123456789".into()).await.unwrap();
    path
}

async fn seen(store: &impl Store, path: &Path) -> Present {
    store.probe(path).await.unwrap().unwrap()
}

async fn moved(store: &impl Store, path: &Path, to: Tier) -> Result<Moved, StoreError> {
    let present = seen(store, path).await;
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    store.set_tier(path, to, &guard, &present.headers).await
}

async fn listed(store: &impl ObjectStore) -> object_store::Result<usize> {
    let all: Vec<_> = store.list(None).try_collect().await?;
    Ok(all.len())
}

/// Neither is something done because a proxy says 200, nor is nothing there because it says 404.
pub async fn a_page_of_somebody_in_front_is_no_answer<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = photo(&store).await;
    for status in [200, 403, 404, 502] {
        let page = || Fault::Page(status);
        cloud.faults().script("HeadObject", page());
        assert_eq!(seen(&store, &path).await.size.get(), 10);
        cloud.faults().script("GetObject", page());
        let read = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, "0123456789");
        for list in ["ListObjects", "ListObjectsV2"] {
            cloud.faults().script(list, page());
        }
        assert_eq!(listed(&store).await.unwrap(), 1);
        cloud.faults().script("CopyObject", page());
        let unknown = moved(&store, &path, Tier::Archive).await.unwrap_err();
        assert_eq!(unknown.kind(), StoreErrorKind::Unknown, "{unknown}");
        assert_eq!(seen(&store, &path).await.class, Class::Tier(Tier::Hot));
        if store.caps().needs_restore {
            cloud.faults().script("RestoreObject", page());
            let asked = store.restore(&path, 1, RestoreSpeed::Expedited).await;
            assert_eq!(asked.unwrap_err().kind(), StoreErrorKind::Unknown);
        }
    }
    cloud.faults().script("DeleteObject", Fault::Page(200));
    store.delete(&path).await.unwrap();
    assert!(store.probe(&path).await.unwrap().is_none());
}

pub async fn what_is_no_document_says_nothing<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    for garbage in [Garbage::Noise, Garbage::Bomb, Garbage::Deep] {
        let (cloud, store) = fresh();
        let path = photo(&store).await;
        lists_answer(&cloud, garbage);
        let list = listed(&store).await;
        assert!(matches!(list, Err(Error::Generic { .. })), "{list:?}");
        cloud.faults().calm();
        assert_eq!(listed(&store).await.unwrap(), 1);
        cloud.faults().script("CopyObject", Fault::Garbage(garbage));
        let unknown = moved(&store, &path, Tier::Archive).await.unwrap_err();
        assert_eq!(unknown.kind(), StoreErrorKind::Unknown, "{unknown}");
        for start in ["CreateMultipartUpload", "InitiateMultipartUpload"] {
            for _ in 0..MOST_TRIES {
                cloud.faults().script(start, Fault::Garbage(garbage));
            }
        }
        assert!(store.put_multipart(&path).await.is_err());
        cloud.faults().calm();
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("whole".into()).await.unwrap();
        let end = "CompleteMultipartUpload";
        cloud.faults().script(end, Fault::Garbage(garbage));
        assert!(upload.complete().await.is_err());
        let read = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, "0123456789");
    }
}

/// However often it is asked.
fn lists_answer(cloud: &Cloud, garbage: Garbage) {
    for list in ["ListObjects", "ListObjectsV2"] {
        for _ in 0..MOST_TRIES {
            cloud.faults().script(list, Fault::Garbage(garbage));
        }
    }
}

/// 256 MiB are announced each time; nobody needs so many to see that it is no list.
pub async fn what_never_ends_is_not_read_to_its_end<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    lists_answer(&cloud, Garbage::Long);
    let list = listed(&store).await;
    assert!(matches!(list, Err(Error::Generic { .. })), "{list:?}");
    assert!(cloud.sent() < 64 << 20, "{}", cloud.sent());
}

/// On the way, or where it is stored: also after it was moved.
pub async fn a_changed_bit_is_found<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = photo(&store).await;
    let read = || async { store.get(&path).await.unwrap().bytes().await };
    cloud.faults().script("GetObject", Fault::Flipped);
    assert!(matches!(read().await, Err(Error::Generic { .. })));
    assert_eq!(read().await.unwrap(), "0123456789");
    assert!(cloud.corrupt("photo") && !cloud.corrupt("nothing"));
    assert!(matches!(read().await, Err(Error::Generic { .. })));
    assert_eq!(
        moved(&store, &path, Tier::Archive).await.unwrap(),
        Moved::Done
    );
    if store.caps().needs_restore {
        let asked = store.restore(&path, 1, RestoreSpeed::Expedited).await;
        assert_eq!(asked.unwrap(), RestoreAck::Accepted);
        cloud.clock().advance(Duration::from_secs(61));
    }
    assert!(is_corrupt(&read().await.unwrap_err()));
    store.put(&path, "anew".into()).await.unwrap();
    assert_eq!(read().await.unwrap(), "anew");
}

pub async fn a_restore_that_never_ends_goes_on<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    if !store.caps().needs_restore {
        return;
    }
    let path = photo(&store).await;
    assert_eq!(
        moved(&store, &path, Tier::Archive).await.unwrap(),
        Moved::Done
    );
    cloud.faults().script("RestoreObject", Fault::NeverReady);
    let restore = || store.restore(&path, 1, RestoreSpeed::Expedited);
    assert_eq!(restore().await.unwrap(), RestoreAck::Accepted);
    cloud
        .clock()
        .advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(seen(&store, &path).await.restoring, Restoring::Ongoing);
    assert_eq!(restore().await.unwrap(), RestoreAck::InProgress);
    let read = store.get(&path).await;
    assert!(
        matches!(read, Err(Error::PermissionDenied { .. })),
        "{read:?}"
    );
}

pub async fn what_has_vanished_is_missing<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = photo(&store).await;
    cloud.faults().script("HeadObject", Fault::Vanished);
    assert!(store.probe(&path).await.unwrap().is_none());
    photo(&store).await;
    cloud.faults().script("GetObject", Fault::Vanished);
    let read = store.get(&path).await;
    assert!(matches!(read, Err(Error::NotFound { .. })), "{read:?}");
    photo(&store).await;
    cloud.faults().script("CopyObject", Fault::Vanished);
    assert_eq!(
        moved(&store, &path, Tier::Archive).await.unwrap(),
        Moved::Missing
    );
}
