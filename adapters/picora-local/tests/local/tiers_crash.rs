//! A server is killed in the middle of its moves.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use picora_core::Timestamp;
use picora_local::TieredStore;
use picora_tiering::{Class, Moved, Tier};

use crate::child;
use crate::tiers::{carry, memory, open_again, seen};

const KILLS: usize = 20;
const OBJECTS: u8 = 4;

/// Which of the objects, each of which is as many times its own number: 1 MiB, so that copies take a while.
fn body(n: u8) -> Vec<u8> {
    vec![n; 1 << 20]
}

fn key(n: u8) -> Path {
    Path::from(format!("media/a/{n}"))
}

/// The folders of a child: the hot one is named, and holds the name of the other.
fn open(hot: &std::path::Path) -> TieredStore {
    let archive = std::fs::read_to_string(hot.join("archive")).unwrap();
    open_again(hot, archive.as_ref())
}

/// Moves objects to and fro without end, and tells each move once it is acknowledged.
#[test]
fn moves_without_end() {
    let Some(hot) = child::folder() else {
        return;
    };
    let store = open(&hot);
    let go_on = |n: u8| -> () {
        loop {
            for to in [Tier::Archive, Tier::Hot] {
                let moved = futures::executor::block_on(carry(&store, &key(n), to));
                assert_eq!(moved, Moved::Done);
                let line = format!("moved {n} {to}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        for n in 0..OBJECTS {
            scope.spawn(move || go_on(n));
        }
    });
}

/// Kills it after so many moves.
fn kill_after(hot: &std::path::Path, moves: usize) {
    let mut command = child::command("tiers_crash::moves_without_end", hot);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok);
    let told = told.filter(|line| line.contains("moved ")).take(moves);
    assert_eq!(told.count(), moves, "the child ended by itself");
    child.kill().expect("it is ours to kill"); // SIGKILL
    child.wait().expect("it is ours to wait for");
}

async fn after_kills(archive: tempfile::TempDir) -> (u64, u64) {
    let hot = tempfile::tempdir().unwrap();
    let named = archive.path().to_str().unwrap();
    std::fs::write(hot.path().join("archive"), named).unwrap();
    let store = open(hot.path());
    for n in 0..OBJECTS {
        store.put(&key(n), body(n).into()).await.unwrap();
    }
    drop(store);
    let (mut staged, mut shadows) = (0, 0);
    for moves in 1..=KILLS {
        kill_after(hot.path(), moves);
        let store = open(hot.path()); // the locks died with their holder
        let mut tiers = Vec::new();
        for n in 0..OBJECTS {
            tiers.push(seen(&store, &key(n)).await.class);
            let found = store.get(&key(n)).await.unwrap().bytes().await.unwrap();
            assert!(found == body(n), "object {n} is not whole");
        }
        let swept = store.sweep(Duration::ZERO, Timestamp::MAX).await.unwrap();
        assert_eq!(swept.staged.left, 0);
        staged += swept.staged.files;
        shadows += swept.shadows;
        for n in 0..OBJECTS {
            let present = seen(&store, &key(n)).await;
            assert_eq!(
                present.class,
                tiers[usize::from(n)],
                "a sweep moves nothing"
            );
            let [hot, archived] = [store.hot_folder(), store.archive_folder()]
                .map(|folder| folder.join("objects").join(key(n).as_ref()).exists());
            assert!(hot != archived, "object {n} is in one folder");
            assert_eq!(
                present.class,
                Class::Tier(if hot { Tier::Hot } else { Tier::Archive })
            );
        }
        let again = store.sweep(Duration::ZERO, Timestamp::MAX).await.unwrap();
        assert_eq!(again, Default::default());
    }
    (staged, shadows)
}

#[tokio::test]
async fn after_a_kill_every_object_is_whole_and_in_one_tier() {
    let (staged, shadows) = after_kills(memory()).await;
    println!("{KILLS} kills left {staged} staged files and {shadows} shadows");
    assert!(
        staged + shadows > 0,
        "no kill fell into the middle of a move"
    );
    // With second names instead of copies there is hardly a middle.
    after_kills(tempfile::tempdir().unwrap()).await;
}
