//! picora-ratelimit in memory against `governor`, keyed, at its defaults (DashMap, quanta).
//!
//! The peer asks two limiters one after the other, as one must who has a burst and an hourly ceiling; ours keeps three limits and
//! charges all or none. Both start from a `String` that names the account, and both read the clock for every decision. The strings lie in
//! memory in the order in which they are asked for, as those of requests do that have just been read: what is measured is the store.

mod limitador;
pub(crate) mod memory;
mod ours;
mod peer;
mod redis;

use crate::rounds::{alternate, per_second, per_second_on};
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
    let orders = [order(0, &accounts), order(1, &accounts)];
    for (threads, row) in [(1, "ratelimit/1-thread"), (2, "ratelimit/2-threads")] {
        let result = alternate(
            || spread(threads, &orders, |it| ours.decide(it)),
            || spread(threads, &orders, |it| peer.decide(it)),
        );
        print(Row::against(row, result, "decisions/s", Goal::AtLeast(3.0)));
    }
    let result = alternate(
        || spread(1, &orders, |it| ours.decide_with_credential(it)),
        || spread(1, &orders, |it| peer.decide(it)),
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
    print(three_limits(&accounts));
    print(Row::against(
        "ratelimit/bytes-per-key",
        memory::both(),
        "bytes/key",
        Goal::AtMost(0.5),
    ));
    redis::measure(print);
}

/// Against the peer that has several limits on a key; it is asked less often, for it takes longer.
fn three_limits(accounts: &[String]) -> Row {
    let (few, asked) = (&accounts[..100_000], 20_000);
    let (ours, peer) = (Ours::new(), limitador::InMemory::new(few.len() as u64));
    let asked = &order(7, few)[..asked];
    let each = |decide: &dyn Fn(&String) -> bool| {
        per_second(asked.len(), || {
            for account in asked {
                std::hint::black_box(decide(account));
            }
        })
    };
    let result = alternate(
        || each(&|it| ours.decide(it)),
        || each(&|it| peer.decide(it)),
    );
    Row::against(
        "ratelimit/three-limits",
        result,
        "decisions/s",
        Goal::AtLeast(20.0),
    )
}

/// What services key by: an id as text.
fn accounts() -> Vec<String> {
    (0..KEYS).map(|i| format!("acc_{i:026}")).collect()
}

/// The accounts in the order in which a thread asks for them, the same in every round and for both, one text after the other.
fn order(thread: u64, accounts: &[String]) -> Vec<String> {
    let dice = SeededEntropy::new(thread);
    let at = |_| dice.next_u64() as usize % accounts.len();
    (0..DECISIONS).map(|it| accounts[at(it)].clone()).collect()
}

fn spread(threads: usize, orders: &[Vec<String>], decide: impl Fn(&String) -> bool + Sync) -> f64 {
    per_second_on(threads, DECISIONS, |thread| {
        for account in &orders[thread] {
            std::hint::black_box(decide(account));
        }
    })
}

fn repeat(account: &String, decide: impl Fn(&String) -> bool) {
    for _ in 0..DECISIONS {
        std::hint::black_box(decide(account));
    }
}
