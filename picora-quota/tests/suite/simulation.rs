//! Ten thousand histories with trouble on the ledger in memory; `PICORA_SOAK=1` runs a hundred times as many.
//!
//! In the first thousand the auditor looks into the books after every call, so that it can tell which call has broken what.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::executor::block_on;
use picora_core::memory::MemoryStore;
use picora_quota::Books;
use picora_quota::conformance::simulation::{Happened, Pace, simulate};

use crate::broken::{Broken, Fault};

const HISTORIES: u64 = 10_000;
const CLOSELY: Pace = Pace {
    steps: 40,
    looks_every: 1,
};
const FROM_AFAR: Pace = Pace {
    steps: 40,
    looks_every: 7,
};

#[test]
fn every_history_is_sound() {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    let histories = HISTORIES * if soak { 100 } else { 1 };
    let threads = [0, 1].map(|thread| {
        std::thread::spawn(move || {
            let seeds = (0..histories).filter(|seed| seed % 2 == thread);
            let run = |seed| {
                let pace = if seed < 1_000 { CLOSELY } else { FROM_AFAR };
                block_on(simulate(&MemoryStore::new(Books::default()), seed, pace))
            };
            seeds.map(run).fold(Happened::default(), Happened::and)
        })
    });
    let all = threads.map(|thread| thread.join().unwrap());
    let all = all.into_iter().fold(Happened::default(), Happened::and);
    println!("{histories} histories: {all:?}");
    // A simulation in which nothing happens proves nothing.
    let often = [all.admitted, all.denied, all.settled, all.posted, all.told];
    assert!(often.iter().all(|times| *times > histories / 2), "{all:?}");
    let seldom = [all.corrected, all.out_of_range, all.windows_over];
    assert!(
        seldom.iter().all(|times| *times > histories / 20),
        "{all:?}"
    );
    assert!(all.unknown > histories, "{all:?}");
}

/// The same seed makes the same history: what failed once can be looked at again.
#[test]
fn a_history_is_a_function_of_its_seed() {
    let run = |seed| block_on(simulate(&MemoryStore::new(Books::default()), seed, CLOSELY));
    let twice = |seed| (run(seed), run(seed));
    for seed in 0..20 {
        let (first, second) = twice(seed);
        assert_eq!(first, second);
        assert_ne!(first, run(seed + 1));
    }
}

/// Every ledger that breaks an invariant is found by a few hundred histories, and called by its name.
macro_rules! finds {
    ($($name:ident: $fault:ident breaks $($invariant:literal)|+ $(from $seed:literal)?;)+) => {$(
        #[test]
        fn $name() {
            let why = found(Fault::$fault, 0 $(+ $seed)?);
            let named = [$($invariant),+].into_iter().any(|it| why.contains(&format!(": {it}: ")));
            assert!(named, "{:?} is found by another name: {why}", Fault::$fault);
        }
    )+};
}

/// What the first history says that finds a fault, of some hundred from a seed on: what is found seldom begins near one that finds it.
fn found(fault: Fault, from: u64) -> String {
    let found = (from..from + SEEDS).find_map(|seed| {
        let broken = Broken::new(fault);
        let run = catch_unwind(AssertUnwindSafe(|| {
            block_on(simulate(&broken, seed, CLOSELY))
        }));
        run.err()
    });
    let panic = found.unwrap_or_else(|| panic!("{SEEDS} histories do not find {fault:?}"));
    let why = panic.downcast_ref::<String>().map_or("", String::as_str);
    why.lines().next().unwrap_or_default().to_owned()
}

const SEEDS: u64 = 400;

finds! {
    charges_that_are_lost: LosesCommits breaks "I1";
    charges_that_are_doubled: PaysTwice breaks "I1";
    a_journal_that_drifts: Drifts breaks "I1";
    overshoot: AdmitsOneMore breaks "I2";
    endless_open_reservations: UnboundedOpenReservations breaks "I2";
    commits_of_more_than_is_held: CommitsAll breaks "I2";
    grants_that_replace: GrantsReplace breaks "I2";
    overrides_of_yesterday: FirstOverrideStands breaks "I2";
    grants_that_linger: WithdrawsInWords breaks "I2";
    limits_that_never_change_by_themselves: NeverRefreshes breaks "I2";
    numbers_that_stop_at_zero: ClampsPostings breaks "I3";
    limits_that_stop_at_the_most: ClampsLimits breaks "I3";
    tallies_of_another_pool: TakesStrangeTallies breaks "I3";
    releases_that_commit: KeepsReleased breaks "I4";
    commits_that_come_twice: ResolvesTwice breaks "I4";
    commits_after_the_end: ExpiresLate breaks "I4";
    names_that_are_forgotten: ForgetsIds breaks "I5";
    keys_that_are_forgotten: LosesPostingKeys breaks "I5";
    names_that_anyone_may_use: AnswersAnyone breaks "I5";
    adjustments_that_repeat: AdjustsAnew breaks "I5";
    dimensions_one_by_one: ChargesEachDimensionAlone breaks "I6";
    pools_without_their_tally: DropsTallies breaks "I6";
    charges_of_one_dimension_alone: PaysForHalf breaks "I6";
    a_past_that_rolling_up_changes: LosesWhatItRollsUp breaks "I7";
    windows_that_open_again: FollowsTheClockBack breaks "I8";
    windows_that_the_dead_keep_open: TheDeadKeepWindowsOpen breaks "I8" from 3_650;
    windows_of_another_zone: CountsByAnotherClock breaks "I8";
    alerts_that_repeat: TellsTwice breaks "I10";
    alerts_of_every_level: TellsEveryLevel breaks "I10";
    alerts_of_what_is_held: TellsOfWhatIsHeld breaks "I10";
    alerts_that_miss_lowered_limits: TellsNothingOfLimits breaks "I10";
    alerts_that_never_arm: NeverArms breaks "I10";
    alerts_that_miss_new_windows: TellsOncePerLevel breaks "I10";
    alerts_of_closed_windows: TellsForever breaks "I10";
    plan_changes_that_drop_usage: DropsUsageOnPlanChange breaks "I12";
    recounts_that_repeat: CorrectsTwice breaks "I15";
    recounts_that_are_stale: CorrectsBlindly breaks "I15";
    recounts_of_anything: BelievesAnyCount breaks "I15";
    recounts_of_windows: RecountsWindows breaks "I15";
    sweeps_that_sweep_nothing: NeverSweeps breaks "I16";
    the_dead_that_deny: TheDeadDeny breaks "I16";
    heartbeats_of_the_dead: BeatsForever breaks "I4" | "I16";
}
