//! The writer's promises, with every call failing in every way and every future dropped at every await.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_core::{StoreError, StoreErrorKind};
use picora_storage::faults::{Fault, FaultyStore, poll_at_most};
use picora_storage::{Measured, ObjectWriter, object};
use proptest::prelude::*;

const PART: NonZeroUsize = NonZeroUsize::new(10).unwrap();
const BEFORE: &[u8] = b"what was there before";

fn path() -> Path {
    Path::from("media/a/b")
}

/// A store that holds an older object under the key, and the same store behind faults.
fn stores() -> (Arc<InMemory>, FaultyStore) {
    let inner = Arc::new(InMemory::new());
    block_on(inner.put(&path(), BEFORE.into())).expect("memory never refuses");
    (Arc::clone(&inner), FaultyStore::new(inner))
}

async fn write_all(store: &dyn ObjectStore, body: &[u8]) -> Result<Measured, StoreError> {
    let mut writer = ObjectWriter::with_part_bytes(store, path(), PART);
    for chunk in body.chunks(4) {
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    writer.finish().await
}

fn stored(store: &dyn ObjectStore) -> Option<Measured> {
    block_on(object::measure(store, &path())).expect("memory can be read")
}

#[test]
fn up_to_one_part_is_one_put_and_more_is_an_upload_of_equal_parts() {
    for (length, calls) in [(0, 1), (9, 1), (10, 1), (11, 4), (20, 4), (21, 5)] {
        let (inner, store) = stores();
        let body = vec![7; length];
        let measured = block_on(write_all(&store, &body)).unwrap();
        assert_eq!(measured, Measured::of(&body));
        assert_eq!(stored(&*inner), Some(measured));
        assert_eq!(store.calls(), calls, "{length} bytes");
    }
}

#[test]
fn a_failed_call_leaves_the_old_object_or_the_whole_new_one_and_says_which_is_possible() {
    for length in [10, 35] {
        let body = vec![7; length];
        let calls = {
            let (_, store) = stores();
            block_on(write_all(&store, &body)).unwrap();
            store.calls()
        };
        for (call, fault) in (1..=calls).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
            let (inner, store) = stores();
            store.fail_at(call, fault);
            let error = block_on(write_all(&store, &body)).unwrap_err();
            let now = stored(&*inner);
            if now == Some(Measured::of(BEFORE)) {
                let decisive = call == calls;
                assert_eq!(
                    error.kind() == StoreErrorKind::Unknown,
                    decisive,
                    "{call} {fault:?}"
                );
            } else {
                assert_eq!(error.kind(), StoreErrorKind::Unknown, "{call} {fault:?}");
                // Only a store that breaks its own promise of an atomic `put` shows half an object.
                let torn = fault == Fault::Truncate && calls == 1;
                assert_eq!(now == Some(Measured::of(&body)), !torn, "{call} {fault:?}");
            }
        }
    }
}

#[test]
fn a_future_dropped_at_any_await_leaves_the_old_object_or_the_whole_new_one() {
    for length in [10, 35] {
        let body = vec![7; length];
        let mut seen = Vec::new();
        for polls in 0.. {
            let (inner, store) = stores();
            store.hesitate(true);
            let done = poll_at_most(write_all(&store, &body), polls);
            let now = stored(&*inner).unwrap();
            seen.push(now);
            if let Some(result) = done {
                assert_eq!(now, result.unwrap());
                break;
            }
        }
        assert!(seen.len() > 2, "nothing was dropped in the middle");
        assert!(
            seen.iter()
                .all(|now| [Measured::of(BEFORE), Measured::of(&body)].contains(now))
        );
    }
}

#[test]
fn a_writer_whose_write_was_dropped_or_failed_publishes_nothing() {
    for dropped in [true, false] {
        let (inner, store) = stores();
        let mut writer = ObjectWriter::with_part_bytes(&store, path(), PART);
        block_on(writer.write(Bytes::from_static(&[7; 25]))).unwrap();
        if dropped {
            store.hesitate(true);
            assert!(poll_at_most(writer.write(Bytes::from_static(&[7; 10])), 2).is_none());
            store.hesitate(false);
        } else {
            store.fail_next(Fault::FailBefore);
            block_on(writer.write(Bytes::from_static(&[7; 10]))).unwrap_err();
        }
        let again = block_on(writer.write(Bytes::from_static(b"x"))).unwrap_err();
        assert_eq!(again.kind(), StoreErrorKind::Internal);
        let finish = block_on(writer.finish()).unwrap_err();
        assert_eq!(finish.kind(), StoreErrorKind::Internal);
        assert_eq!(stored(&*inner), Some(Measured::of(BEFORE)));
    }
}

/// A saga runs in a task of its own, so what it awaits has to move between threads.
#[test]
fn its_futures_can_be_spawned() {
    fn spawnable<F: Future + Send>(_: F) {}
    let (_, store) = stores();
    spawnable(write_all(&store, b""));
    spawnable(ObjectWriter::new(&store, path()).abort());
    spawnable(object::measure(&store, &path()));
}

#[test]
fn abort_gives_up_what_was_sent() {
    let (inner, store) = stores();
    let mut writer = ObjectWriter::with_part_bytes(&store, path(), PART);
    block_on(writer.write(Bytes::from_static(&[7; 25]))).unwrap();
    let sent = store.calls();
    block_on(writer.abort()).unwrap();
    assert_eq!(store.calls(), sent + 1);
    assert_eq!(stored(&*inner), Some(Measured::of(BEFORE)));
}

#[test]
fn a_full_store_is_told_as_unavailable() {
    let (_, store) = stores();
    store.set_down(true);
    let mut writer = ObjectWriter::with_part_bytes(&store, path(), PART);
    let error = block_on(writer.write(Bytes::from_static(&[7; 11]))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(error.backend(), "object store");
}

proptest! {
    #[test]
    fn any_chunking_of_the_same_bytes_is_the_same_object(
        body in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0..200usize, 0..12),
        part in 1..64usize,
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let store = InMemory::new();
        let measured = block_on(async {
            let part = NonZeroUsize::new(part).unwrap();
            let mut writer = ObjectWriter::with_part_bytes(&store, path(), part);
            for range in cuts.windows(2) {
                let chunk = Bytes::copy_from_slice(&body[range[0]..range[1]]);
                writer.write(chunk).await.unwrap();
            }
            prop_assert_eq!(writer.bytes().get(), body.len() as u64);
            Ok::<_, TestCaseError>(writer.finish().await.unwrap())
        });
        prop_assert_eq!(measured?, Measured::of(&body));
        let bytes = block_on(async { store.get(&path()).await.unwrap().bytes().await.unwrap() });
        prop_assert_eq!(&bytes[..], &body[..]);
    }
}
