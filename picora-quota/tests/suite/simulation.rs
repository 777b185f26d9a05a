//! Ten thousand histories with trouble on the ledger in memory; `PICORA_SOAK=1` runs twenty times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::executor::block_on;
use picora_core::memory::MemoryStore;
use picora_quota::Books;
use picora_quota::conformance::simulation::simulate;

use crate::broken::{Broken, Fault};

const HISTORIES: u64 = 10_000;

#[test]
fn every_history_is_sound() {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    for seed in 0..HISTORIES * if soak { 20 } else { 1 } {
        block_on(simulate(&MemoryStore::new(Books::default()), seed, 40));
    }
}

/// A few dozen histories find each of these, by the invariant that it breaks.
#[test]
fn broken_ledgers_are_found() {
    for (fault, invariant) in [
        (Fault::DropsUsageOnPlanChange, "I1"),
        (Fault::KeepsReleased, "I1"),
        (Fault::LosesPostingKeys, "I5"),
        (Fault::TellsTwice, "I10"),
        (Fault::TellsNothingOfLimits, "I10"),
    ] {
        let found = (0..60).find_map(|seed| {
            let broken = Broken::new(fault);
            let run = catch_unwind(AssertUnwindSafe(|| block_on(simulate(&broken, seed, 40))));
            run.err()
        });
        let panic = found.unwrap_or_else(|| panic!("{fault:?} is not found"));
        let why = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(why.contains(&format!("{invariant}: ")), "{fault:?}: {why}");
    }
}
