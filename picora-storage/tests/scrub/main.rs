//! Scrubs of stores in memory, with what goes wrong.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod odd;

use std::sync::Arc;

use futures::executor::block_on;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_core::StoreErrorKind;
use picora_storage::error::is_corrupt;
use picora_storage::faults::{Fault, FaultyStore};
use picora_storage::scrub::{MOST_AT_FAULT, Scrub, Scrubbed};

use odd::{Odd, Oddity};

fn key(number: usize) -> Path {
    Path::from(format!("media/a/{number:04}"))
}

/// So many objects, each a byte longer than the one before, and one that is somewhere else.
fn filled(objects: usize) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    block_on(async {
        for number in 0..objects {
            let bytes = vec![7; number + 1];
            store.put(&key(number), bytes.into()).await.unwrap();
        }
        let elsewhere = Path::from("mediathek/x");
        store.put(&elsewhere, "no media".into()).await.unwrap();
    });
    store
}

fn scrub() -> Scrub {
    Scrub::below(Path::from("media"))
}

/// Runs until nothing is behind; all that was found, and how many runs it took.
fn in_parts(store: &dyn ObjectStore, part: Scrub) -> (Scrubbed, usize) {
    let (mut all, mut runs, mut after) = (Scrubbed::default(), 0, None);
    loop {
        let part = Scrub {
            after,
            ..part.clone()
        };
        let found = block_on(part.run(store)).unwrap();
        all.whole += found.whole;
        all.bytes += found.bytes;
        all.gone += found.gone;
        all.at_fault.extend(found.at_fault);
        runs += 1;
        after = found.next;
        if after.is_none() {
            return (all, runs);
        }
    }
}

#[test]
fn every_object_below_the_prefix_is_read_once_however_it_is_cut() {
    let store = filled(50);
    let bytes = (1..=50).sum::<u64>();
    for (most_objects, most_bytes, runs) in [
        (u64::MAX, u64::MAX, 1),
        (7, u64::MAX, 8),
        (1, u64::MAX, 50),
        (0, u64::MAX, 50), // a run gets on, whatever it was told
        (50, u64::MAX, 1),
        (u64::MAX, 1, 50), // each alone is more than may be read
        (u64::MAX, bytes - 1, 2),
        (u64::MAX, bytes, 1),
    ] {
        for at_once in [1, 4, 100] {
            let part = Scrub {
                most_objects,
                most_bytes,
                at_once: at_once.try_into().unwrap(),
                ..scrub()
            };
            let (all, took) = in_parts(&*store, part);
            assert_eq!((all.whole, all.bytes, took), (50, bytes, runs));
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_key_and_the_others_are_read() {
    for (fault, corrupt) in [
        (Fault::FailBefore, false),
        (Fault::FailAfter, false),
        (Fault::Truncate, false),
    ] {
        for call in 2..=6 {
            let store = FaultyStore::new(filled(5));
            store.fail_at(call, fault); // the first one lists
            let found = block_on(scrub().run(&store)).unwrap();
            assert_eq!((found.whole, found.at_fault.len()), (4, 1), "{found:?}");
            assert_eq!(found.at_fault[0].key, key(call - 2));
            assert_eq!(found.at_fault[0].corrupt, corrupt);
            assert_eq!(found.next, None);
        }
    }
}

#[test]
fn a_list_that_fails_is_an_error_and_the_run_can_be_repeated() {
    for fault in Fault::ALL {
        let store = FaultyStore::new(filled(5));
        store.fail_at(1, fault);
        let error = block_on(scrub().run(&store)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!(block_on(scrub().run(&store)).unwrap().whole, 5);
    }
}

#[test]
fn a_store_that_is_down_does_not_fill_the_memory_with_faults() {
    let (inner, many) = (Arc::new(InMemory::new()), MOST_AT_FAULT + 500);
    block_on(async {
        for number in 0..many {
            inner.put(&key(number), "x".into()).await.unwrap();
        }
    });
    let store = FaultyStore::new(inner);
    for call in 2..=many + 1 {
        store.fail_at(call, Fault::FailBefore);
    }
    let found = block_on(scrub().run(&store)).unwrap();
    assert_eq!(found.at_fault.len(), MOST_AT_FAULT);
    assert_eq!(found.next, Some(key(MOST_AT_FAULT - 1)));
}

#[test]
fn what_is_found_is_sorted() {
    let oddities = [
        Oddity::Corrupt,
        Oddity::Frozen,
        Oddity::Gone,
        Oddity::Short,
        Oddity::Frozen,
    ];
    let odd = (0..).map(key).zip(oddities).collect();
    let store = Odd {
        inner: filled(9),
        odd,
        backwards: false,
    };
    let found = block_on(scrub().run(&store)).unwrap();
    assert_eq!((found.whole, found.frozen, found.gone), (4, 2, 1));
    assert_eq!(found.bytes, 6 + 7 + 8 + 9);
    let [corrupt, short] = &found.at_fault[..] else {
        panic!("{found:?}");
    };
    assert!(corrupt.corrupt && corrupt.key == key(0) && is_corrupt(&corrupt.cause));
    assert!(short.corrupt && short.key == key(3));
    assert!(short.cause.to_string().contains("3 bytes instead of 4"));
}

/// Nobody knows what is behind a key where there is no order; all at once can be read nevertheless.
#[test]
fn a_store_without_an_order_is_not_read_in_parts() {
    let store = Odd {
        inner: filled(9),
        odd: Vec::new(),
        backwards: true,
    };
    assert_eq!(block_on(scrub().run(&store)).unwrap().whole, 9);
    let part = Scrub {
        most_objects: 5,
        ..scrub()
    };
    let error = block_on(part.run(&store)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    let rest = Scrub {
        after: Some(key(3)),
        ..scrub()
    };
    let error = block_on(rest.run(&store)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
}
