use futures::FutureExt;
use futures::executor::block_on;
use picora_tiering::{Guard, Moved, ObjectHeaders, TierControl};

use super::*;

/// Moves and readers who find nothing exclude each other, which no race shows often enough: a name that is about to be changed is waited
/// for, a writer is not.
#[test]
fn who_finds_nothing_waits_for_a_move_and_for_nothing_else() {
    let [hot, archive] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let store = TieredStore::open(hot.path(), archive.path()).unwrap();
    let (key, there) = (Path::from("media/a/b"), Path::from("media/a/there"));
    block_on(store.put(&there, "bytes".into())).unwrap();

    let writer = block_on(store.alone(&[&key])).unwrap();
    assert_eq!(store.probe(&key).now_or_never().unwrap().unwrap(), None);
    let read = store.get(&key).now_or_never().unwrap();
    assert!(matches!(read, Err(Error::NotFound { .. })), "{read:?}");
    drop(writer);

    let moving = block_on(store.unmoved(&key)).unwrap();
    assert!(store.probe(&key).now_or_never().is_none());
    assert!(
        store
            .get_ranges(&key, &[0..1, 1..2])
            .now_or_never()
            .is_none()
    );
    let mut read = store.get(&key).boxed();
    assert!((&mut read).now_or_never().is_none());
    // It ends, and what it brought is found.
    std::fs::copy(
        store.hot.file(&there).unwrap(),
        store.hot.file(&key).unwrap(),
    )
    .unwrap();
    drop(moving);
    assert_eq!(block_on(read).unwrap().meta.size, 5);
}

#[test]
fn a_move_changes_no_name_under_a_reader_who_found_nothing() {
    let [hot, archive] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let store = TieredStore::open(hot.path(), archive.path()).unwrap();
    let key = Path::from("media/a/b");
    block_on(store.put(&key, "bytes".into())).unwrap();
    let present = block_on(store.probe(&key)).unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.unwrap(),
        size: present.size,
    };
    let headers = ObjectHeaders::default();
    let reader = block_on(store.unmoved(&key)).unwrap();
    let mut moved = store.set_tier(&key, Tier::Archive, &guard, &headers);
    assert!((&mut moved).now_or_never().is_none());
    let names = [&store.hot, &store.archive].map(|store| store.file(&key).unwrap().exists());
    assert_eq!(names, [true, false]);
    drop(reader);
    assert_eq!(block_on(moved).unwrap(), Moved::Done);
}
