//! Tiers: moves that keep every header, restores, and what is refused.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStoreExt, PutOptions};
use picora_core::Amount;
use picora_storage::error::is_frozen;
use picora_tiering::{Class, Guard, Moved, Present, RestoreAck, RestoreSpeed, Restoring, Tier};

use super::Store;
use crate::{Cloud, Fault};

async fn photo(store: &impl Store) -> Path {
    let path = Path::from("photo");
    let attributes: Attributes = [
        (Attribute::ContentType, "image/png"),
        (Attribute::CacheControl, "max-age=31536000, immutable"),
        (
            Attribute::ContentDisposition,
            "inline; filename=\"cat.png\"",
        ),
        (Attribute::ContentLanguage, "de"),
        (Attribute::Metadata("sha256".into()), "ab"),
        (Attribute::Metadata("owner".into()), "acc_1"),
    ]
    .into_iter()
    .collect();
    let options = PutOptions {
        attributes,
        ..PutOptions::default()
    };
    store
        .put_opts(&path, "0123456789".into(), options)
        .await
        .unwrap();
    path
}

async fn seen(store: &impl Store, path: &Path) -> Present {
    store.probe(path).await.unwrap().unwrap()
}

fn guard(present: &Present) -> Guard {
    Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    }
}

/// Makes an archived object readable, where that is needed.
async fn thaw(cloud: &Cloud, store: &impl Store, path: &Path) {
    let ack = store
        .restore(path, 1, RestoreSpeed::Expedited)
        .await
        .unwrap();
    assert_eq!(ack, RestoreAck::Accepted);
    cloud.clock().advance(Duration::from_secs(61));
}

/// Rows #82, #83: the archive's class is written and told, and nothing else changes.
pub async fn ten_moves_keep_every_header_and_every_byte<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = photo(&store).await;
    let before = seen(&store, &path).await;
    assert_eq!(before.class, Class::Tier(Tier::Hot));
    assert_eq!(before.headers.metadata.len(), 2);
    for _ in 0..5 {
        let hot = seen(&store, &path).await;
        let moved = store
            .set_tier(&path, Tier::Archive, &guard(&hot), &hot.headers)
            .await;
        assert_eq!(moved.unwrap(), Moved::Done);
        if store.caps().needs_restore {
            thaw(&cloud, &store, &path).await;
        }
        let cold = seen(&store, &path).await;
        assert_eq!(cold.class, Class::Tier(Tier::Archive));
        let restored = matches!(cold.restoring, Restoring::ReadableUntil(_));
        assert_eq!(restored, store.caps().needs_restore);
        let moved = store
            .set_tier(&path, Tier::Hot, &guard(&cold), &cold.headers)
            .await;
        assert_eq!(moved.unwrap(), Moved::Done);
    }
    let after = seen(&store, &path).await;
    assert_eq!(after, before);
    assert_eq!(after.same_bytes(&before), Some(true));
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "0123456789"
    );
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// Rows #84, #85, #96, #97, #99: an archived object is read at once, or after its restore, as the adapter says of its store.
pub async fn an_archived_object_is_read_as_the_caps_say<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    if store.caps().transparent_read {
        read_at_once(&cloud, &store).await;
    } else {
        frozen_until_it_is_restored(&cloud, &store).await;
    }
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// A store that has no restores is asked for none.
async fn read_at_once(cloud: &Cloud, store: &impl Store) {
    assert!(!store.caps().needs_restore);
    let path = photo(store).await;
    let hot = seen(store, &path).await;
    let restore = || store.restore(&path, 1, RestoreSpeed::Expedited);
    assert_eq!(restore().await.unwrap(), RestoreAck::NotArchived);
    for to in [Tier::Archive, Tier::Hot] {
        let now = seen(store, &path).await;
        let moved = store.set_tier(&path, to, &guard(&now), &hot.headers).await;
        assert_eq!(moved.unwrap(), Moved::Done);
        assert_eq!(
            store.get(&path).await.unwrap().bytes().await.unwrap(),
            "0123456789"
        );
        assert_eq!(restore().await.unwrap(), RestoreAck::NotArchived);
        let now = seen(store, &path).await;
        assert_eq!((now.class, now.restoring), (to.into(), Restoring::No));
    }
    assert!(!cloud.operations().contains(&"RestoreObject"));
}

/// One request begins a restore, the others join, and then the bytes are there.
async fn frozen_until_it_is_restored(cloud: &Cloud, store: &impl Store) {
    let path = photo(store).await;
    let not = store
        .restore(&path, 1, RestoreSpeed::Expedited)
        .await
        .unwrap();
    assert_eq!(not, RestoreAck::NotArchived);
    let hot = seen(store, &path).await;
    let moved = store
        .set_tier(&path, Tier::Archive, &guard(&hot), &hot.headers)
        .await;
    assert_eq!(moved.unwrap(), Moved::Done);
    let read = store.get(&path).await;
    assert!(
        matches!(&read, Err(error @ Error::PermissionDenied { .. }) if is_frozen(error)),
        "{read:?}"
    );
    let cold = seen(store, &path).await;
    let moved = store
        .set_tier(&path, Tier::Hot, &guard(&cold), &cold.headers)
        .await;
    assert_eq!(moved.unwrap(), Moved::Frozen);

    let restore = || store.restore(&path, 1, RestoreSpeed::Expedited);
    assert_eq!(restore().await.unwrap(), RestoreAck::Accepted);
    assert_eq!(restore().await.unwrap(), RestoreAck::InProgress);
    assert_eq!(seen(store, &path).await.restoring, Restoring::Ongoing);
    cloud.clock().advance(Duration::from_secs(61));
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "0123456789"
    );
    assert_eq!(restore().await.unwrap(), RestoreAck::Readable);
    cloud.clock().advance(Duration::from_secs(3 * 24 * 60 * 60));
    assert_eq!(seen(store, &path).await.restoring, Restoring::No);
    assert!(store.get(&path).await.is_err());
}

pub async fn what_is_not_there_or_another_is_not_moved<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (_cloud, store) = fresh();
    let path = photo(&store).await;
    let present = seen(&store, &path).await;
    let nothing = Path::from("nothing");
    assert_eq!(store.probe(&nothing).await.unwrap(), None);
    let move_it = |path: Path, guard: Guard| {
        let (store, headers) = (store.clone(), present.headers.clone());
        async move {
            store
                .set_tier(&path, Tier::Archive, &guard, &headers)
                .await
                .unwrap()
        }
    };
    assert_eq!(
        move_it(nothing.clone(), guard(&present)).await,
        Moved::Missing
    );
    let other = Guard {
        etag: "\"0\"".to_owned(),
        ..guard(&present)
    };
    assert_eq!(move_it(path.clone(), other).await, Moved::Changed);
    let large = Guard {
        size: Amount::new(store.caps().copy_limit.get() + 1).expect("it is in range"),
        ..guard(&present)
    };
    assert_eq!(move_it(path.clone(), large).await, Moved::TooLarge);
    assert_eq!(seen(&store, &path).await, present);
    let ack = store
        .restore(&nothing, 1, RestoreSpeed::Bulk)
        .await
        .unwrap();
    assert_eq!(ack, RestoreAck::Missing);
}

/// A store that changes something else says so by the same status as one that restores already.
pub async fn another_conflict_is_no_restore<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    let path = photo(&store).await;
    if !store.caps().needs_restore {
        return;
    }
    let hot = seen(&store, &path).await;
    let moved = store
        .set_tier(&path, Tier::Archive, &guard(&hot), &hot.headers)
        .await;
    assert_eq!(moved.unwrap(), Moved::Done);
    let conflict = Fault::Deny(409, "OperationAborted");
    cloud.faults().script("RestoreObject", conflict);
    let ack = store.restore(&path, 1, RestoreSpeed::Expedited).await;
    assert!(ack.is_err(), "{ack:?}");
}

/// What cannot be done without a loss is refused.
pub async fn a_copy_onto_itself_loses_no_header<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (_cloud, store) = fresh();
    let path = photo(&store).await;
    let before = seen(&store, &path).await;
    let _ = store.copy(&path, &path).await;
    assert_eq!(seen(&store, &path).await.headers, before.headers);
}
