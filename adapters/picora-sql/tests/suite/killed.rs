//! PostgreSQL that is killed and started again, several times, under callers who must know what they have paid for.
//!
//! The callers are those of the simulation, each with a journal, several of them on the same accounts at once. A call that the kill cuts off
//! is unavailable or unknown; what is unknown is asked for again under its own name. At last the sum of all journals is what the books say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use picora_core::{
    AccountId, Amount, Dimension, Limit, Limits, SetLimits, StoreError, StoreErrorKind, Timestamp,
};
use picora_quota::conformance::TTL;
use picora_quota::conformance::simulation::{Answer, Call, Caller, Chance, Line};
use picora_quota::{Alert, Counter, Ledger, LedgerReports};
use picora_sql::SqlStore;
use picora_testkit::{Postgres, PostgresOptions};
use tokio::task::JoinHandle;

use crate::world::{postgres, runtime};

const TASKS: u64 = 6;
const ACCOUNTS: u8 = 3;
/// A quarter of an hour before a month ends.
const START: Timestamp = Timestamp::from_unix_seconds(1_798_761_600 - 900);

/// What all callers share.
#[derive(Default)]
struct Scene {
    clock: AtomicI64,
    over: AtomicBool,
    answered: AtomicU64,
    unavailable: AtomicU64,
    unknown: AtomicU64,
    denied: AtomicU64,
}

impl Scene {
    /// Waits until the callers have had so many more answers; a few milliseconds later they are in the middle of something.
    fn works_on(&self, answers: u64) {
        let enough = self.answered.load(Ordering::Relaxed) + answers;
        for _ in 0..20_000 {
            if self.answered.load(Ordering::Relaxed) >= enough {
                return;
            }
            std::thread::sleep(Duration::from_millis(7));
        }
        panic!("nobody is answered any more");
    }
}

/// A caller's line to the real database. Its clock is a few seconds behind those of others.
struct Real {
    store: SqlStore,
    scene: Arc<Scene>,
    behind: Duration,
}

impl Line for Real {
    fn now(&self) -> Timestamp {
        let clock = self.scene.clock.load(Ordering::Relaxed);
        Timestamp::from_unix_micros(clock).saturating_sub(self.behind)
    }

    async fn ask(&mut self, call: Call) -> Result<Answer, StoreError> {
        let second = 1_000_000;
        self.scene.clock.fetch_add(second, Ordering::Relaxed);
        let answer = call.run(&self.store, self.now()).await;
        let count = match &answer {
            Ok(Answer::Reserved(picora_quota::Reserved::Denied(_))) => &self.scene.denied,
            Ok(_) => &self.scene.answered,
            Err(error) => match error.kind() {
                StoreErrorKind::Unknown => &self.scene.unknown,
                StoreErrorKind::Conflict | StoreErrorKind::Unavailable => &self.scene.unavailable,
                StoreErrorKind::OutOfRange => &self.scene.answered,
                _ => panic!("{call:?}: {error:?}"),
            },
        };
        count.fetch_add(1, Ordering::Relaxed);
        if answer.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        answer
    }
}

fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number + 1; 16])
}

fn limits(number: u8) -> SetLimits {
    let all = |limits: Limits, dimension| {
        let max = match dimension {
            Dimension::DocCount => 5,
            Dimension::UploadsPerDay | Dimension::UploadsPerMonth => 4_000,
            _ => 300,
        };
        limits.with(dimension, Limit::Max(Amount::from(max)))
    };
    SetLimits {
        account: account(number),
        limits: Dimension::ALL.into_iter().fold(Limits::NOTHING, all),
        open_reservations: Amount::from(8),
    }
}

/// Works until it is over, and then until it has no doubts.
fn caller(task: u64, store: &SqlStore, scene: &Arc<Scene>) -> JoinHandle<Caller> {
    let mut line = Real {
        store: store.clone(),
        scene: Arc::clone(scene),
        behind: Duration::from_secs(task),
    };
    tokio::spawn(async move {
        let chance = Chance::new(task);
        let mut caller = Caller::new(task, (0..ACCOUNTS).map(account).collect());
        while !line.scene.over.load(Ordering::Relaxed) {
            caller.act(&mut line, &chance).await.unwrap();
        }
        caller.crash(); // and what it knows is what it has written down
        while caller.journal().in_doubt_since().is_some() {
            caller.clear_doubts(&mut line, &chance).await.unwrap();
        }
        caller
    })
}

/// Sweeps, and watches that nothing is above its limit, while everybody works.
fn watch(store: &SqlStore, scene: &Arc<Scene>) -> JoinHandle<u64> {
    let (store, scene) = (store.clone(), Arc::clone(scene));
    tokio::spawn(async move {
        let mut looks = 0;
        while !scene.over.load(Ordering::Relaxed) {
            let now = Timestamp::from_unix_micros(scene.clock.load(Ordering::Relaxed));
            let _down = store.sweep(100, now).await;
            for number in 0..ACCOUNTS {
                if let Ok(Some(facts)) = store.facts(account(number), now).await {
                    fits(&facts);
                    looks += 1;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        looks
    })
}

/// Nothing is above its limit that nobody may force above it.
fn fits(facts: &picora_quota::AccountFacts) {
    for (key, (cell, _)) in &facts.cells {
        let forced = matches!(
            key.counter,
            Counter::Dimension(
                Dimension::ImgBandwidth | Dimension::MediaBandwidth | Dimension::UploadsPerDay
            )
        );
        let fits = cell.limit.max().is_none_or(|max| cell.taken() <= max);
        assert!(forced || fits, "{key:?} is above its limit: {cell:?}");
    }
}

#[test]
fn nothing_is_lost_or_paid_twice_when_postgres_is_killed() {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    let kills = if soak { 60 } else { 6 };
    let mut server = Postgres::start_with(PostgresOptions {
        durable: true,
        ..PostgresOptions::default()
    });
    let url = server.fresh_database();
    let runtime = runtime();
    let scene = Arc::new(Scene::default());
    scene.clock.store(START.unix_micros(), Ordering::Relaxed);
    let (store, callers, watcher) = runtime.block_on(async {
        let store = postgres(&url).await;
        for number in 0..ACCOUNTS {
            store.set_limits(&limits(number), START).await.unwrap();
        }
        let callers = (0..TASKS).map(|task| caller(task, &store, &scene));
        let callers: Vec<_> = callers.collect();
        let watcher = watch(&store, &scene);
        (store, callers, watcher)
    });
    for kill in 0..kills {
        scene.works_on(100 + kill % 5 * 20);
        server.kill();
        std::thread::sleep(Duration::from_millis(kill % 3 * 60));
        server.restart();
    }
    scene.works_on(100);
    scene.over.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        let looks = watcher.await.unwrap();
        let mut told = BTreeMap::new();
        for caller in callers {
            for (spot, used) in caller.await.unwrap().journal().used() {
                *told.entry(spot).or_insert(0) += used;
            }
        }
        told.retain(|_, used| *used != 0);
        audit(&store, &scene, &told).await;
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let (answered, denied) = (count(&scene.answered), count(&scene.denied));
        let (unavailable, unknown) = (count(&scene.unavailable), count(&scene.unknown));
        println!("{kills} kills, {answered} answered, {denied} denied, {unavailable} unavailable, {unknown} unknown, {looks} looks");
        assert!(answered > 100 * kills && denied > 10 && looks > 10);
        assert!(unavailable + unknown > kills, "the kills hit nobody");
    });
}

type Used = BTreeMap<(AccountId, Counter, String), i128>;

/// The journals are the books; nobody is told twice; when the time of the last reservation is over, nothing is held.
async fn audit(store: &SqlStore, scene: &Scene, told: &Used) {
    let now = Timestamp::from_unix_micros(scene.clock.load(Ordering::Relaxed));
    assert_eq!(
        used(store, now).await,
        *told,
        "the books, then the journals"
    );
    let dead = now.saturating_add(TTL + Duration::from_secs(60));
    store.sweep(u32::MAX, dead).await.unwrap();
    assert_eq!(used(store, dead).await, *told);
    for number in 0..ACCOUNTS {
        let facts = store.facts(account(number), dead).await.unwrap().unwrap();
        assert_eq!(facts.examine(dead), []);
        assert_eq!(facts.pending, [], "something is still held");
        fits(&facts);
        let alerts = store.alerts(account(number)).await.unwrap();
        let mut keys: Vec<String> = alerts.iter().map(Alert::key).collect();
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "somebody is told twice");
    }
}

/// What is used, by the books.
async fn used(store: &SqlStore, now: Timestamp) -> Used {
    let mut all = Used::new();
    for number in 0..ACCOUNTS {
        let facts = store.facts(account(number), now).await.unwrap().unwrap();
        for (key, (cell, _)) in &facts.cells {
            if cell.used > Amount::ZERO {
                let spot = (facts.account, key.counter, key.window.to_string());
                all.insert(spot, i128::from(cell.used.get()));
            }
        }
    }
    all
}
