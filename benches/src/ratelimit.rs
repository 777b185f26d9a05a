//! picora-ratelimit in memory against `governor`, keyed, at its defaults (DashMap, quanta).
//!
//! The peer asks two limiters one after the other, as one must who has a burst and an hourly ceiling; ours keeps three limits and
//! charges all or none. Both start from a `String` that names the account, and both read the clock for every decision.

pub(crate) mod memory;
mod ours;
mod peer;

use crate::rounds::{alternate, per_second_on};
use crate::row::{Goal, Row};
use ours::Ours;
use peer::Peer;
use picora_core::SeededEntropy;

/// Accounts in the stores.
const KEYS: usize = 1_000_000;
/// Decisions of one thread in one round.
const DECISIONS: usize = 500_000;

pub(crate) fn measure(print: &mut dyn FnMut(Row)) {
    let accounts = accounts();
    let (ours, peer) = (Ours::new(), Peer::new());
    for account in &accounts {
        assert!(
            ours.decide(account) && peer.decide(account),
            "the first is always allowed"
        );
    }
    for (threads, row) in [(1, "ratelimit/1-thread"), (2, "ratelimit/2-threads")] {
        let result = alternate(
            || spread(threads, &accounts, |it| ours.decide(it)),
            || spread(threads, &accounts, |it| peer.decide(it)),
        );
        print(Row::against(row, result, "decisions/s", Goal::AtLeast(3.0)));
    }
    let result = alternate(
        || spread(1, &accounts, |it| ours.decide_with_credential(it)),
        || spread(1, &accounts, |it| peer.decide(it)),
    );
    print(Row::against(
        "ratelimit/two-subjects",
        result,
        "decisions/s",
        Goal::AtLeast(1.5),
    ));

    let hot = &accounts[0];
    let result = alternate(
        || per_second_on(2, DECISIONS, |_| repeat(hot, |it| ours.decide(it))),
        || per_second_on(2, DECISIONS, |_| repeat(hot, |it| peer.decide(it))),
    );
    print(Row::against(
        "ratelimit/hot-key-denied",
        result,
        "decisions/s",
        Goal::AtLeast(2.0),
    ));
    drop((ours, peer));
    print(Row::against(
        "ratelimit/bytes-per-key",
        memory::both(),
        "bytes/key",
        Goal::AtMost(0.5),
    ));
}

/// What services key by: an id as text.
fn accounts() -> Vec<String> {
    (0..KEYS).map(|i| format!("acc_{i:026}")).collect()
}

/// Every thread asks for accounts in an order of its own, the same in every round and for both.
fn spread(threads: usize, accounts: &[String], decide: impl Fn(&String) -> bool + Sync) -> f64 {
    per_second_on(threads, DECISIONS, |thread| {
        let order = SeededEntropy::new(thread as u64);
        for _ in 0..DECISIONS {
            let at = order.next_u64() as usize % accounts.len();
            std::hint::black_box(decide(&accounts[at]));
        }
    })
}

fn repeat(account: &String, decide: impl Fn(&String) -> bool) {
    for _ in 0..DECISIONS {
        std::hint::black_box(decide(account));
    }
}
