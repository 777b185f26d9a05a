//! Many tasks at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use picora_core::{
    AccountId, Amount, Dimension, Entropy, Limit, Limits, Posting, PostingKey, PostingReason,
    SeededEntropy, SetLimits, Timestamp,
};
use picora_quota::conformance::{NOW, cell, exactly, only, reservation_id};
use picora_quota::{Item, Items, Ledger, RequestHash, Reserve, Reserved, Settled};
use picora_sql::SqlStore;

use crate::world::{count, runtime, sqlite};

/// A thousand reserves from eight tasks admit exactly ⌊limit / size⌋.
async fn admits_exactly_what_fits(store: &SqlStore) {
    store
        .set_limits(&only(Dimension::MediaStorage, 7 * 123 + 6), NOW)
        .await
        .unwrap();
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut admitted = 0;
                for number in 0..125 {
                    let request = exactly(task * 125 + number, Dimension::MediaStorage, 7);
                    match store.reserve(&request, NOW).await.unwrap() {
                        Reserved::Admitted(_) => admitted += 1,
                        Reserved::Denied(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    assert_eq!(admitted, 123);
    let cell = cell(store, Dimension::MediaStorage, NOW).await;
    assert_eq!((cell.used.get(), cell.reserved.get()), (0, 7 * 123));
}

#[test]
fn a_thousand_reserves_from_several_tasks_on_sqlite() {
    runtime().block_on(async {
        let (_folder, store) = sqlite().await;
        admits_exactly_what_fits(&store).await;
    });
}

#[cfg(feature = "real-servers")]
#[test]
fn a_thousand_reserves_from_several_tasks_on_postgres() {
    runtime().block_on(async {
        let store = crate::world::postgres(&crate::world::fresh_url()).await;
        admits_exactly_what_fits(&store).await;
    });
}

const ACCOUNTS: u8 = 3;
const TASKS: u64 = 6;

/// What a task has seen to become used, by account and dimension.
type Seen = BTreeMap<(u8, Dimension), i64>;

/// Everything at once, in several windows and with reservations that die: nobody meets an error, and at the end what is used is what was
/// committed and posted, and nothing is reserved.
async fn weathers_a_storm(store: &SqlStore, seed: u64, steps: u32) {
    let entropy = Arc::new(SeededEntropy::new(seed));
    for account in 0..ACCOUNTS {
        store.set_limits(&limits(account, 500), NOW).await.unwrap();
    }
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, entropy) = (store.clone(), Arc::clone(&entropy));
            tokio::spawn(async move {
                let mut seen = Seen::new();
                for step in 0..steps {
                    let id = task << 32 | u64::from(step);
                    act(&store, &Chance(&entropy), id, &mut seen).await;
                }
                seen
            })
        })
        .collect();
    let mut expected = Seen::new();
    for task in tasks {
        for (key, used) in task.await.unwrap() {
            *expected.entry(key).or_default() += used;
        }
    }
    let end = NOW.saturating_add(Duration::from_secs(10 * 86_400));
    store.sweep(u32::MAX, end).await.unwrap();
    let held = "SELECT count(*) FROM picora_usage WHERE reserved <> 0";
    assert_eq!(
        count(store, held).await,
        0,
        "seed {seed:#x}: something is held for ever"
    );
    for ((account, dimension), used) in expected {
        let sum = format!(
            "SELECT CAST(coalesce(sum(used), 0) AS BIGINT) FROM picora_usage WHERE {} AND counter = '{}'",
            crate::world::is_account(store, account),
            dimension.field()
        );
        assert_eq!(
            count(store, &sum).await,
            used,
            "seed {seed:#x}: {dimension} of {account}"
        );
    }
}

struct Chance<'a>(&'a SeededEntropy);

impl Chance<'_> {
    fn below(&self, bound: u32) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) % bound
    }

    fn dimension(&self) -> Dimension {
        Dimension::ALL[self.below(9) as usize]
    }

    fn now(&self) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(u64::from(self.below(3 * 86_400))))
    }
}

/// One operation with everything that follows it.
async fn act(store: &SqlStore, chance: &Chance<'_>, id: u64, seen: &mut Seen) {
    let account = u8::try_from(chance.below(u32::from(ACCOUNTS))).unwrap();
    let now = chance.now();
    match chance.below(10) {
        0 => {
            let dimension = chance.dimension();
            let posting = Posting {
                key: PostingKey::new("storm", &id),
                account: account_id(account),
                dimension,
                tally: None,
                delta: i64::from(chance.below(9)),
                reason: PostingReason::Force,
                happened_at: now,
            };
            if store.post(&posting, now).await.is_ok() {
                *seen.entry((account, dimension)).or_default() += posting.delta;
            } else {
                assert!(
                    dimension.window_at(now).is_none(),
                    "only single items are refused"
                );
            }
        }
        1 => {
            let limits = limits(account, chance.below(500));
            store.set_limits(&limits, now).await.unwrap();
        }
        2 => {
            store.sweep(chance.below(20), now).await.unwrap();
        }
        3 => {
            store.prune(chance.below(20), now).await.unwrap();
        }
        _ => reserve_and_settle(store, chance, id, account, now, seen).await,
    }
}

async fn reserve_and_settle(
    store: &SqlStore,
    chance: &Chance<'_>,
    id: u64,
    account: u8,
    now: Timestamp,
    seen: &mut Seen,
) {
    let items = || {
        let item = || {
            Item::up_to(
                chance.dimension(),
                Amount::from(chance.below(9)),
                Amount::ZERO,
            )
        };
        Items::new((0..=chance.below(4)).map(|_| item())).unwrap()
    };
    let request = Reserve {
        id: reservation_id(id),
        account: account_id(account),
        request: RequestHash::default(),
        items: items(),
        tally: None,
        expires_after: Duration::from_secs(u64::from(chance.below(7_200))),
    };
    let Reserved::Admitted(_) = store.reserve(&request, now).await.unwrap() else {
        return;
    };
    if chance.below(3) == 0 {
        store.extend(request.id, &items(), now).await.unwrap();
    }
    match chance.below(4) {
        0 => {
            store.release(request.id, now).await.unwrap();
        }
        1 => {} // it dies
        _ => {
            if let Settled::Done(done) = store.commit(request.id, &[], now).await.unwrap() {
                for dimension in Dimension::ALL {
                    let used = done.amount_of(dimension).to_i64();
                    *seen.entry((account, dimension)).or_default() += used;
                }
            }
        }
    }
}

fn account_id(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn limits(account: u8, max: u32) -> SetLimits {
    let limits = Dimension::ALL
        .into_iter()
        .fold(Limits::NOTHING, |limits, dimension| {
            limits.with(dimension, Limit::Max(Amount::from(max)))
        });
    SetLimits {
        account: account_id(account),
        limits,
        open_reservations: Amount::from(64),
    }
}

#[test]
fn a_storm_on_sqlite() {
    runtime().block_on(async {
        let (_folder, store) = sqlite().await;
        weathers_a_storm(&store, 1, 150).await;
    });
}

/// On PostgreSQL the order of locks shows as well: nobody ever waits in a circle.
#[cfg(feature = "real-servers")]
#[test]
fn a_storm_on_postgres() {
    runtime().block_on(async {
        for seed in 1..=4 {
            let store = crate::world::postgres(&crate::world::fresh_url()).await;
            weathers_a_storm(&store, seed, 300).await;
            tokio::time::sleep(Duration::from_millis(1_500)).await; // statistics arrive late
            let deadlocks =
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(count(&store, deadlocks).await, 0, "seed {seed}");
            store.close().await;
        }
    });
}
