//! A scrub finds what is not as it was stored, and nothing else.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_storage::error::is_corrupt;
use picora_storage::scrub::{Scrub, Scrubbed};
use picora_tiering::{Guard, Moved, Tier};

use super::Store;
use crate::{Cloud, Fault};

fn key(number: usize) -> Path {
    Path::from(format!("media/a/{number:02}"))
}

async fn filled(store: &impl ObjectStore, objects: usize) {
    for number in 0..objects {
        let bytes = format!("photo {number}");
        store.put(&key(number), bytes.into()).await.unwrap();
    }
}

async fn scrubbed(store: &impl ObjectStore, scrub: Scrub) -> Scrubbed {
    scrub.run(store).await.unwrap()
}

fn all() -> Scrub {
    Scrub::below(Path::from("media"))
}

pub async fn a_flipped_bit_is_found_by_its_key<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    filled(&store, 12).await;
    let found = scrubbed(&store, all()).await;
    assert_eq!((found.whole, found.at_fault.len()), (12, 0), "{found:?}");
    assert!(cloud.corrupt(key(7).as_ref()));
    let found = scrubbed(&store, all()).await;
    let [at_fault] = &found.at_fault[..] else {
        panic!("{found:?}");
    };
    assert!(at_fault.corrupt && is_corrupt(&at_fault.cause));
    assert_eq!((found.whole, &at_fault.key), (11, &key(7)));
}

pub async fn what_is_archived_is_frozen_and_what_is_denied_is_told<S: Store>(
    fresh: impl Fn() -> (Cloud, S),
) {
    let (cloud, store) = fresh();
    filled(&store, 3).await;
    let cold = key(1);
    let present = store.probe(&cold).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    let moved = store.set_tier(&cold, Tier::Archive, &guard, &present.headers);
    assert_eq!(moved.await.unwrap(), Moved::Done);
    let denied = Fault::Deny(403, "AccessDenied");
    cloud.faults().script("GetObject", denied);
    let one_by_one = Scrub {
        at_once: std::num::NonZeroUsize::MIN,
        ..all()
    };
    let found = scrubbed(&store, one_by_one).await;
    let frozen = u64::from(store.caps().needs_restore);
    assert_eq!(
        (found.whole, found.frozen),
        (2 - frozen, frozen),
        "{found:?}"
    );
    assert!(!found.at_fault[0].corrupt && found.at_fault[0].key == key(0));
}

/// Each run goes on where the one before came to, and asks for nothing that was read before.
pub async fn a_scrub_in_parts_reads_each_object_once<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let (cloud, store) = fresh();
    filled(&store, 10).await;
    let (mut after, mut whole, mut runs) = (None, 0, 0);
    loop {
        let part = Scrub {
            after,
            most_objects: 4,
            ..all()
        };
        let found = scrubbed(&store, part).await;
        whole += found.whole;
        runs += 1;
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((whole, runs), (10, 3));
    let operations = cloud.operations();
    let reads = operations.iter().filter(|it| **it == "GetObject").count();
    assert_eq!(reads, 10);
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
