//! Seeded histories with trouble (`picora_quota::conformance::simulation`) on SQLite and PostgreSQL.
//!
//! Ten thousand short ones run on SQLite as [`SqlStore::sqlite`] opens it, but for `synchronous=OFF`: what a disk does after a commit has no
//! part in what a ledger decides, and hundreds of thousands of commits would wait for it. Two hundred long ones run on a SQLite of the store's
//! own, which is durable, and a hundred on PostgreSQL. Histories of one database follow one another, each with accounts of its own, so that
//! every one also meets what the others have left. `PICORA_SOAK=1` runs twelve times as many.

use std::thread::JoinHandle;

use picora_quota::conformance::simulation::{Happened, Pace, simulate};
use picora_sql::SqlStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::world::{runtime, sqlite};

const HISTORIES: u64 = 10_000;
/// Where the seeds of long histories begin, so that they are others.
const SEEDS: u64 = 1 << 32;
/// Files that are written at the same time.
const PARTS: u64 = 4;
/// A step is some ten statements, and each of them goes to another thread and back.
const SHORT: Pace = Pace {
    steps: 9,
    looks_every: 8,
};
const LONG: Pace = Pace {
    steps: 40,
    looks_every: 10,
};

fn soak() -> u64 {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    if soak { 12 } else { 1 }
}

/// A SQLite file whose commits do not wait for the disk.
async fn hasty() -> (tempfile::TempDir, SqlStore) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("picora.db"))
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options);
    let store = SqlStore::from_pool(pool.await.unwrap());
    store.migrate().await.unwrap();
    (folder, store)
}

/// Runs the histories of these seeds one after the other, in a thread of their own.
fn run(seeds: std::ops::Range<u64>) -> JoinHandle<Happened> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, store) = hasty().await;
            let mut all = Happened::default();
            for seed in seeds {
                all = all.and(simulate(&store, seed, SHORT).await);
            }
            all
        })
    })
}

fn sum(threads: Vec<JoinHandle<Happened>>) -> Happened {
    let all = threads.into_iter().map(|thread| thread.join().unwrap());
    all.fold(Happened::default(), Happened::and)
}

#[test]
fn every_history_on_sqlite_is_sound() {
    let each = HISTORIES * soak() / PARTS;
    let threads = (0..PARTS).map(|part| run(part * each..(part + 1) * each));
    let all = sum(threads.collect());
    println!("{} histories: {all:?}", each * PARTS);
    assert!(all.settled > HISTORIES / 10 && all.unknown > HISTORIES / 10);
}

#[test]
fn histories_on_a_durable_sqlite_are_sound() {
    runtime().block_on(async {
        let (_folder, store) = sqlite().await;
        for seed in SEEDS..SEEDS + 200 * soak() {
            simulate(&store, seed, LONG).await;
        }
    });
}

#[cfg(feature = "real-servers")]
#[test]
fn histories_on_postgres_are_sound() {
    runtime().block_on(async {
        let store = crate::world::postgres(&crate::world::fresh_url()).await;
        for seed in SEEDS..SEEDS + 100 * soak() {
            simulate(&store, seed, LONG).await;
        }
    });
}
