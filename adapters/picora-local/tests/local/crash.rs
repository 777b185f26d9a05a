//! A server is killed in the middle of its writes.

use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use picora_core::Timestamp;
use picora_local::LocalStore;
use picora_storage::ObjectWriter;

use crate::child;

const WRITERS: u32 = 3;
const KILLS: usize = 20;
const PART: NonZeroUsize = NonZeroUsize::new(256 << 10).expect("256 KiB is not zero");

/// The body of the n-th object, which its key tells: up to 2 MiB.
fn body(n: u32) -> Bytes {
    let mixed = n.wrapping_mul(2_654_435_761); // Knuth's multiplier
    let length = usize::try_from(mixed).unwrap() % (8 * PART.get());
    let mut body = mixed.to_le_bytes().repeat(length / 4 + 1);
    body.truncate(length);
    body.into()
}

/// One `put`, or an upload in parts.
async fn write(store: &LocalStore, n: u32, in_parts: bool) {
    if !in_parts {
        store.put(&key(n), body(n).into()).await.unwrap();
        return;
    }
    let mut writer = ObjectWriter::with_part_bytes(store, key(n), PART);
    writer.write(body(n)).await.unwrap();
    writer.finish().await.unwrap();
}

/// What a reader sees under the key; `None` when there is nothing.
async fn read(store: &LocalStore, path: &Path) -> Option<Bytes> {
    store.get(path).await.ok()?.bytes().await.ok()
}

/// In memory where there is such a folder: a kill takes no page from the cache, and without a disk's waits most kills fall into a write.
fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

fn key(n: u32) -> Path {
    Path::from(format!("media/account{}/{n}", n % 7))
}

fn number(path: &Path) -> u32 {
    let name = path.filename().expect("a key has a last part");
    name.parse().expect("only our own keys are visible")
}

/// Writes objects without end, and tells each number once it is acknowledged.
#[test]
fn writes_without_end() {
    let Some(folder) = child::folder() else {
        return;
    };
    let (store, next) = (LocalStore::open(folder).unwrap(), AtomicU32::new(0));
    let write_on = |writer: u32| {
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            futures::executor::block_on(write(&store, n, writer == 0));
            // One write: a line is not torn by the kill.
            std::io::stdout()
                .write_all(format!("stored {n}\n").as_bytes())
                .unwrap();
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || -> () { write_on(writer) });
        }
    });
}

/// Reads acknowledgements, kills the child after so many, and answers all that it gave.
fn kill_after(mut child: Child, acknowledgements: usize) -> Vec<u32> {
    let stdout = child.stdout.take().expect("its output is piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let mut told = |most: usize| -> Vec<u32> {
        let lines = lines.by_ref();
        let stored = lines.filter_map(|line| Some(line.split_once("stored ")?.1.parse().unwrap()));
        stored.take(most).collect()
    };
    let mut acknowledged = told(acknowledgements);
    assert_eq!(
        acknowledged.len(),
        acknowledgements,
        "the child ended by itself"
    );
    child.kill().expect("it is ours to kill"); // SIGKILL
    child.wait().expect("it is ours to wait for");
    acknowledged.extend(told(usize::MAX));
    acknowledged
}

#[tokio::test]
async fn after_a_kill_all_that_was_acknowledged_is_whole_and_nothing_half_is_visible() {
    let mut staged = 0;
    for acknowledgements in 1..=KILLS {
        let folder = folder();
        let mut command = child::command("crash::writes_without_end", folder.path());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let acknowledged = kill_after(child, acknowledgements);

        let store = LocalStore::open(folder.path()).unwrap(); // the lock died with its holder
        for n in acknowledged {
            let found = read(&store, &key(n)).await;
            assert!(found == Some(body(n)), "object {n} was acknowledged");
        }
        let visible: Vec<_> = store.list(None).try_collect().await.unwrap();
        for meta in visible {
            let found = read(&store, &meta.location).await;
            let whole = body(number(&meta.location));
            assert!(found == Some(whole), "{} is visible", meta.location);
        }
        let swept = store
            .sweep_staged(Duration::ZERO, Timestamp::MAX)
            .await
            .unwrap();
        assert_eq!(swept.left, 0);
        staged += swept.files;
        let again = store
            .sweep_staged(Duration::ZERO, Timestamp::MAX)
            .await
            .unwrap();
        assert_eq!((again.files, again.left), (0, 0));
    }
    assert!(staged > 0, "no kill fell into the middle of a write");
}
