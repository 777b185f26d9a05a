//! What takes its time: parts that are joined, and copies.

use std::num::NonZeroUsize;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::StoreErrorKind;
use picora_storage::ObjectWriter;
use picora_tiering::{Guard, Moved, Tier};

use super::{Opening, Store};
use crate::{Cloud, Fault};

/// Vendors say 200 when they begin to join parts or to copy, and then send spaces until they have ended.
pub async fn a_long_join_is_waited_for<S: Store>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let cloud = start();
    let opening = Opening {
        read_timeout: Duration::from_millis(500),
        ..Opening::of(&cloud)
    };
    let (store, path) = (open(&cloud, opening), Path::from("photo"));
    let drips = Fault::Drips(12, Duration::from_millis(100));
    cloud
        .faults()
        .script("CompleteMultipartUpload", drips.clone());
    let mut writer = ObjectWriter::with_part_bytes(&store, path.clone(), PART);
    let body = vec![7; PART.get() + 1];
    writer.write(body.clone().into()).await.unwrap();
    writer.finish().await.unwrap();
    cloud.faults().script("CopyObject", drips.clone());
    let other = Path::from("other");
    store.copy(&path, &other).await.unwrap();
    assert_eq!(
        store.get(&other).await.unwrap().bytes().await.unwrap(),
        body
    );
    cloud.faults().script("CopyObject", drips);
    let present = store.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    let moved = store.set_tier(&path, Tier::Archive, &guard, &present.headers);
    assert_eq!(moved.await.unwrap(), Moved::Done);

    // Nothing comes any more, and it may be going on: it is not given up, and nothing is begun beside it.
    let stops = Fault::Drips(1, Duration::from_secs(2));
    cloud.faults().script("CopyObject", stops.clone());
    let copied = store.copy(&other, &path).await;
    assert!(matches!(copied, Err(Error::Generic { .. })), "{copied:?}");
    assert_eq!(cloud.faults().met().len(), 4);
    cloud.faults().script("CompleteMultipartUpload", stops);
    let mut writer = ObjectWriter::with_part_bytes(&store, path, PART);
    writer.write(body.into()).await.unwrap();
    let finished = writer.finish().await;
    assert_eq!(finished.unwrap_err().kind(), StoreErrorKind::Unknown);
    let operations = cloud.operations();
    assert!(
        !operations.contains(&"AbortMultipartUpload"),
        "{operations:?}"
    );
    let copies = operations.iter().filter(|it| **it == "CopyObject").count();
    assert_eq!(copies, 3);
}

/// No vendor of ours wants larger ones.
const PART: NonZeroUsize = NonZeroUsize::new(5 << 20).expect("it is not zero");
