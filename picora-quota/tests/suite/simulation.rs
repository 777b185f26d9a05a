//! Ten thousand histories with trouble on the ledger in memory; `PICORA_SOAK=1` runs twenty times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::executor::block_on;
use picora_core::memory::MemoryStore;
use picora_quota::Books;
use picora_quota::conformance::simulation::{Happened, Pace, simulate};

use crate::broken::{Broken, Fault};

const HISTORIES: u64 = 10_000;
const PACE: Pace = Pace {
    steps: 40,
    looks_every: 1,
};

#[test]
fn every_history_is_sound() {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    let histories = HISTORIES * if soak { 20 } else { 1 };
    let threads = [0, 1].map(|thread| {
        std::thread::spawn(move || {
            let seeds = (0..histories).filter(|seed| seed % 2 == thread);
            let run = |seed| block_on(simulate(&MemoryStore::new(Books::default()), seed, PACE));
            seeds.map(run).fold(Happened::default(), Happened::and)
        })
    });
    let all = threads.map(|thread| thread.join().unwrap());
    let all = all.into_iter().fold(Happened::default(), Happened::and);
    println!("{histories} histories: {all:?}");
    // A simulation in which nothing happens proves nothing.
    let Happened {
        admitted,
        denied,
        settled,
        posted,
        corrected,
        told,
        unknown,
        windows_over,
        ..
    } = all;
    let each = [
        admitted,
        denied,
        settled,
        posted,
        corrected,
        told,
        unknown,
        windows_over,
    ];
    for happened in each {
        assert!(happened > histories / 10, "{all:?}");
    }
}
