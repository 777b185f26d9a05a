//! Requests that are done when nobody waits for them any more.
//!
//! **Promised**: a create never takes the place of a newer object, nor does a move, which names the version that it is for; and no request is
//! done later than its signature holds, a quarter of an hour at most.
//!
//! **Not promised**: that a plain put, a copy, a completed upload or a delete whose answer was lost does not come after somebody's newer put.
//! No vendor's interface can say it: there is no "only if it is still this one" for them. Who must not be overtaken writes each version under
//! a key of its own, or waits out the signature before he writes again. Nor is a move told from one for an object that was put again with
//! the same bytes: their names are the same, and its headers are then those of the move.

use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use picora_tiering::{Class, Guard, Tier};

use super::Store;
use crate::{Cloud, Fault};

/// Begins something whose first request is held, and gives it up.
async fn given_up<T>(cloud: &Cloud, operation: &str, begun: impl Future<Output = T>) {
    cloud.faults().script(operation, Fault::Held);
    for _ in 0..10 {
        cloud.faults().script(operation, Fault::Drop); // whatever else is tried before
    }
    let held = async {
        while cloud.late() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = held => {}
        _ = begun => {}
    }
    assert_eq!(cloud.late(), 1);
    cloud.faults().calm();
}

/// Now it arrives.
async fn arrives(cloud: &Cloud) {
    cloud.release();
    while cloud.late() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn read(store: &impl Store, path: &Path) -> bytes::Bytes {
    store.get(path).await.unwrap().bytes().await.unwrap()
}

pub async fn a_late_create_takes_nobodys_place<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let ((cloud, store), path) = (fresh(), Path::from("photo"));
    let create = PutMode::Create.into();
    given_up(
        &cloud,
        "PutObject",
        store.put_opts(&path, "ours".into(), create),
    )
    .await;
    store.put(&path, "theirs".into()).await.unwrap();
    arrives(&cloud).await;
    assert_eq!(read(&store, &path).await, "theirs");
}

pub async fn a_late_move_takes_nobodys_place<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let ((cloud, store), path) = (fresh(), Path::from("photo"));
    store.put(&path, "ours".into()).await.unwrap();
    let present = store.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    let moved = store.set_tier(&path, Tier::Archive, &guard, &present.headers);
    given_up(&cloud, "CopyObject", moved).await;
    store.put(&path, "theirs".into()).await.unwrap();
    arrives(&cloud).await;
    assert_eq!(read(&store, &path).await, "theirs");
    let class = store.probe(&path).await.unwrap().unwrap().class;
    assert_eq!(class, Class::Tier(Tier::Hot));
}

/// A put that arrives after its signature has ended is refused; one that arrives sooner overtakes.
pub async fn a_put_overtakes_only_while_its_signature_holds<S: Store>(
    fresh: impl Fn() -> (Cloud, S),
) {
    for (passes, stands) in [(60, "ours"), (16 * 60, "theirs")] {
        let ((cloud, store), path) = (fresh(), Path::from("photo"));
        given_up(&cloud, "PutObject", store.put(&path, "ours".into())).await;
        store.put(&path, "theirs".into()).await.unwrap();
        cloud.clock().advance(Duration::from_secs(passes));
        arrives(&cloud).await;
        assert_eq!(read(&store, &path).await, stands);
    }
}
