//! The faulty store does to each call what it says, and nothing to the others.

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_storage::faults::{Fault, FaultyStore, poll_at_most};

fn path(name: &str) -> Path {
    Path::from(name)
}

fn stores() -> (Arc<InMemory>, FaultyStore) {
    let inner = Arc::new(InMemory::new());
    block_on(async {
        inner.put(&path("one"), "1234".into()).await?;
        inner.put(&path("two"), "5678".into()).await
    })
    .expect("memory never refuses");
    (Arc::clone(&inner), FaultyStore::new(inner))
}

fn read(store: &dyn ObjectStore, name: &str) -> Option<Bytes> {
    block_on(async { store.get(&path(name)).await.ok()?.bytes().await.ok() })
}

#[test]
fn a_put_is_done_not_at_all_wholly_or_by_half() {
    for (fault, expected) in [
        (Fault::FailBefore, None),
        (Fault::FailAfter, Some(Bytes::from("abcd"))),
        (Fault::Truncate, Some(Bytes::from("ab"))),
    ] {
        let (inner, store) = stores();
        store.fail_next(fault);
        let error = block_on(store.put(&path("new"), "abcd".into())).unwrap_err();
        assert!(
            error.to_string().contains("injected fault at call 1"),
            "{error}"
        );
        assert_eq!(read(&*inner, "new"), expected);
        block_on(store.put(&path("new"), "efgh".into())).unwrap();
        assert_eq!(store.calls(), 2);
    }
}

#[test]
fn a_read_breaks_off_in_the_middle() {
    let (_, store) = stores();
    store.fail_next(Fault::Truncate);
    let chunks: Vec<_> = block_on(async {
        store
            .get(&path("one"))
            .await
            .unwrap()
            .into_stream()
            .collect()
            .await
    });
    assert_eq!(chunks[0].as_ref().unwrap(), &Bytes::from("12"));
    assert!(chunks[1].is_err());
}

#[test]
fn streams_fail_before_in_the_middle_or_at_the_end() {
    for (fault, listed, removed) in [
        (Fault::FailBefore, 0, false),
        (Fault::Truncate, 1, false),
        (Fault::FailAfter, 2, true),
    ] {
        let (inner, store) = stores();
        store.fail_next(fault);
        let items: Vec<_> = block_on(store.list(None).collect());
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), listed);
        assert!(items.last().unwrap().is_err());

        store.fail_next(fault);
        block_on(store.delete(&path("one"))).unwrap_err();
        assert_eq!(read(&*inner, "one").is_none(), removed, "{fault:?}");
    }
}

#[test]
fn undisturbed_it_is_the_store_within() {
    let (_, store) = stores();
    let names: Vec<_> =
        block_on(store.list(None).map_ok(|meta| meta.location).try_collect()).unwrap();
    assert_eq!(names, [path("one"), path("two")]);
    assert_eq!(read(&store, "two"), Some(Bytes::from("5678")));
    assert_eq!(store.to_string(), "FaultyStore(InMemory)");
}

#[test]
fn down_means_that_nothing_is_done() {
    let (inner, store) = stores();
    store.set_down(true);
    block_on(store.delete(&path("one"))).unwrap_err();
    block_on(store.put_multipart(&path("new"))).unwrap_err();
    store.set_down(false);
    assert!(read(&*inner, "one").is_some());
    assert!(read(&store, "one").is_some());
}

#[test]
fn a_hesitating_call_can_be_dropped_before_and_after_its_work() {
    for (polls, done) in [(1, false), (2, true), (3, true)] {
        let (inner, store) = stores();
        store.hesitate(true);
        let answer = poll_at_most(store.put(&path("new"), "abcd".into()), polls);
        assert_eq!(answer.is_some(), polls == 3);
        assert_eq!(read(&*inner, "new").is_some(), done, "{polls}");
    }
}
