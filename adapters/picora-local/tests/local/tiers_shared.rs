//! Several processes share the folders: while one moves an object to and fro, the others read it and replace it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use picora_core::Timestamp;
use picora_local::{OpenError, TieredStore};
use picora_tiering::{Moved, ObjectHeaders, Tier, TierControl};

use crate::child;
use crate::tiers::{carry, guard, memory};

const REPLACEMENTS: u32 = 150;
const HOUR: Duration = Duration::from_secs(3_600);

fn key() -> Path {
    Path::from("media/a/b")
}

fn open(hot: &std::path::Path) -> TieredStore {
    let archive = std::fs::read_to_string(hot.join("archive")).unwrap();
    TieredStore::open_shared(hot, archive).unwrap()
}

fn body(n: u32) -> String {
    format!("{n:06}").repeat(5_000)
}

/// Moves the object until it is gone.
#[test]
fn moves_until_it_is_gone() {
    let Some(hot) = child::folder() else {
        return;
    };
    let store = open(&hot);
    let mut done = 0;
    futures::executor::block_on(async {
        for to in [Tier::Archive, Tier::Hot].into_iter().cycle() {
            let Some(present) = store.probe(&key()).await.unwrap() else {
                break;
            };
            let (guard, headers) = (guard(&present), ObjectHeaders::default());
            match store.set_tier(&key(), to, &guard, &headers).await.unwrap() {
                Moved::Done => done += 1,
                Moved::Changed | Moved::Missing => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(done > 0, "nothing was moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn moves_lose_no_replacement_and_no_reader_misses_the_object() {
    for archive in [memory(), tempfile::tempdir().unwrap()] {
        let hot = tempfile::tempdir().unwrap();
        let named = archive.path().to_str().unwrap();
        std::fs::write(hot.path().join("archive"), named).unwrap();
        let store = open(hot.path());
        store.put(&key(), body(0).into()).await.unwrap();
        let alone = TieredStore::open(hot.path(), archive.path()).unwrap_err();
        assert!(matches!(alone, OpenError::InUse { .. }), "{alone}");

        let mover = child::command("tiers_shared::moves_until_it_is_gone", hot.path());
        let mut mover = tokio_child(mover);
        let reader = tokio::spawn(reads_until_it_is_gone(open(hot.path())));
        let sweeper = tokio::spawn(sweeps_until_it_is_gone(open(hot.path())));
        for n in 1..=REPLACEMENTS {
            store.put(&key(), body(n).into()).await.unwrap();
            for _ in 0..4 {
                let read = store.get(&key()).await.unwrap().bytes().await.unwrap();
                assert!(read == body(n), "replacement {n} was lost");
                tokio::task::yield_now().await;
            }
        }
        store.delete(&key()).await.unwrap();
        let reads = reader.await.unwrap();
        sweeper.await.unwrap();
        child::check(&mover.take().unwrap().wait_with_output().unwrap());
        assert!(reads > 0);
        let left: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A client goes away in the middle of a move, which goes on in the background; whoever comes then waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_forgotten_on_its_way_loses_no_replacement() {
    // The archive is the slower one, so that there is time between the copy and the removal.
    let (hot, archive) = (memory(), tempfile::tempdir().unwrap());
    let store = TieredStore::open(hot.path(), archive.path()).unwrap();
    let mut finished = 0;
    for n in 0..400_u32 {
        store.put(&key(), body(n).into()).await.unwrap();
        let present = store.probe(&key()).await.unwrap().unwrap();
        let (guard, headers) = (guard(&present), ObjectHeaders::default());
        {
            let key = key();
            let mut moved = store.set_tier(&key, Tier::Archive, &guard, &headers);
            for _ in 0..n % 40 {
                if futures::poll!(&mut moved).is_ready() {
                    finished += 1;
                    break;
                }
                tokio::task::spawn_blocking(|| ()).await.unwrap(); // as long as a thread takes
            }
        }
        store.put(&key(), body(n + 1_000).into()).await.unwrap();
        let read = store.get(&key()).await.unwrap().bytes().await.unwrap();
        assert!(read == body(n + 1_000), "replacement {n} was lost");
        let present = store.probe(&key()).await.unwrap().unwrap();
        assert_eq!(present.class, Tier::Hot.into());
    }
    assert!((1..400).contains(&finished), "{finished}");
}

/// A large put or copy of another key of the class holds its lock for long, here or in another process.
#[test]
fn who_asks_for_what_is_not_there_waits_for_no_writer() {
    let (hot, archive) = (tempfile::tempdir().unwrap(), memory());
    let store = TieredStore::open_shared(hot.path(), archive.path()).unwrap();
    let files = hot.path().join("keys").read_dir().unwrap();
    let writers: Vec<_> = files
        .map(|file| {
            let file = std::fs::File::options()
                .write(true)
                .open(file.unwrap().path());
            let file = file.unwrap();
            file.lock().unwrap();
            file
        })
        .collect();
    assert!(!writers.is_empty());
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            futures::executor::block_on(async {
                let nothing =
                    |error: Error| assert!(matches!(error, Error::NotFound { .. }), "{error}");
                assert_eq!(store.probe(&key()).await.unwrap(), None);
                nothing(store.get(&key()).await.unwrap_err());
                nothing(store.head(&key()).await.unwrap_err());
                nothing(store.get_ranges(&key(), &[0..1, 1..2]).await.unwrap_err());
            });
            told.send(()).unwrap();
        });
        let answered = hears.recv_timeout(Duration::from_secs(20));
        drop(writers);
        answered.expect("it is answered while others write");
    });
}

fn tokio_child(mut command: std::process::Command) -> Option<std::process::Child> {
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    Some(command.spawn().unwrap())
}

/// Whatever it reads is one of the bodies, whole, and never an older one than before.
async fn reads_until_it_is_gone(store: TieredStore) -> u32 {
    let (mut reads, mut last) = (0, 0);
    loop {
        let found = match store.get(&key()).await {
            Ok(found) => found.bytes().await.unwrap(),
            Err(Error::NotFound { .. }) => break,
            Err(error) => panic!("{error}"),
        };
        let n: u32 = std::str::from_utf8(&found[..6]).unwrap().parse().unwrap();
        assert!(found == body(n), "it is not whole");
        assert!(n >= last, "{n} came back after {last}");
        (reads, last) = (reads + 1, n);
    }
    assert_eq!(last, REPLACEMENTS, "it was missed while it was there");
    reads
}

async fn sweeps_until_it_is_gone(store: TieredStore) {
    while store.probe(&key()).await.unwrap().is_some() {
        let swept = store.sweep(HOUR, now(&store)).await.unwrap();
        assert_eq!(swept.staged.files, 0, "nobody died");
    }
}

/// The file system's clock, which is the one that counts here.
fn now(store: &TieredStore) -> Timestamp {
    let file = store.hot_folder().join("now");
    std::fs::write(&file, "now").unwrap();
    let written = std::fs::metadata(file).unwrap().modified().unwrap();
    let since_epoch = written.duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::EPOCH.saturating_add(since_epoch)
}

/// What is moved was written long ago, and moves keep the time: no sweep takes its staged file for one of the dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_sweep_takes_what_a_move_is_staging() {
    for archive in [memory(), tempfile::tempdir().unwrap()] {
        let hot = tempfile::tempdir().unwrap();
        let store = TieredStore::open_shared(hot.path(), archive.path()).unwrap();
        let other = TieredStore::open_shared(hot.path(), archive.path()).unwrap();
        store.put(&key(), body(1).repeat(30).into()).await.unwrap();
        let object = std::fs::File::options()
            .write(true)
            .open(hot.path().join("objects/media/a/b"));
        let long_ago = std::time::UNIX_EPOCH + 100 * HOUR;
        object.unwrap().set_modified(long_ago).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let sweeping =
            [(store.clone(), Duration::ZERO), (other, HOUR)].map(|(store, older_than)| {
                let over = Arc::clone(&over);
                tokio::spawn(async move {
                    let mut sweeps = 0;
                    while !over.load(Ordering::Relaxed) {
                        let swept = store.sweep(older_than, now(&store)).await.unwrap();
                        assert_eq!(swept.staged.files, 0, "nobody died, {older_than:?}");
                        sweeps += 1;
                    }
                    sweeps
                })
            });
        for to in [Tier::Archive, Tier::Hot].into_iter().cycle().take(60) {
            assert_eq!(carry(&store, &key(), to).await, Moved::Done);
        }
        over.store(true, Ordering::Relaxed);
        for sweeps in sweeping {
            assert!(sweeps.await.unwrap() > 0);
        }
    }
}
