//! The echo on one server and on a cluster; and servers that lose what they held.

use std::future::Future;
use std::sync::{Arc, Mutex as StdMutex, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use picora_core::{AccountId, Amount, CalendarMonth, Limit, StoreError, StoreErrorKind, Timestamp};
use picora_quota::conformance::echo::{EchoHarness, Place, World};
use picora_quota::echo::{
    Budget, Echo, EchoErase, EchoError, EchoSource, Keeper, Numbers, Pace, Rhythm, Slot, Snapshot,
    keys_of,
};
use picora_redis::{RedisConfig, RedisEcho};
use picora_testkit::{Redis, RedisCluster, Wire};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::world::{config, runtime};

#[derive(Clone, Copy, Debug)]
enum On {
    Server,
    Cluster,
}

/// The keys are the product's: who tests has the server for himself.
#[derive(Debug)]
struct Alone {
    on: On,
    _turn: OwnedMutexGuard<()>,
}

fn server() -> &'static Redis {
    static SERVER: OnceLock<Redis> = OnceLock::new();
    SERVER.get_or_init(Redis::start)
}

fn cluster() -> &'static RedisCluster {
    static CLUSTER: OnceLock<RedisCluster> = OnceLock::new();
    CLUSTER.get_or_init(RedisCluster::start)
}

impl On {
    fn nodes(self) -> &'static [Redis] {
        match self {
            Self::Server => std::slice::from_ref(server()),
            Self::Cluster => cluster().nodes(),
        }
    }

    fn echo(self) -> Arc<dyn Echo> {
        let _runtime = runtime().enter();
        let echo = match self {
            Self::Server => RedisEcho::single(&server().url(), &config()),
            Self::Cluster => RedisEcho::cluster(cluster().urls(), &config()),
        };
        Arc::new(echo.unwrap())
    }
}

impl EchoHarness for On {
    fn run<F: Future>(&self, future: F) -> F::Output {
        runtime().block_on(future)
    }

    fn fresh(&self) -> World {
        static TURNS: OnceLock<[Arc<Mutex<()>>; 2]> = OnceLock::new();
        let turn = TURNS.get_or_init(Default::default)[*self as usize].clone();
        let turn = turn.blocking_lock_owned();
        for node in self.nodes() {
            node.command(&["FLUSHALL"]);
        }
        World {
            echo: self.echo(),
            other: self.echo(),
            place: Box::new(Alone {
                on: *self,
                _turn: turn,
            }),
        }
    }
}

#[async_trait]
impl Place for Alone {
    fn now(&self) -> Timestamp {
        wall()
    }

    async fn pass(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)> {
        let node = &self.on.nodes()[0]; // `redis-cli` follows to the others
        let life: i64 = node.command(&["PTTL", key]).parse().unwrap();
        match life {
            -2 => None,
            -1 => Some((node.command(&["GET", key]), None)),
            _ => {
                let left = Duration::from_millis(life.try_into().unwrap());
                Some((node.command(&["GET", key]), Some(left)))
            }
        }
    }

    async fn empty(&self) {
        for node in self.on.nodes() {
            node.command(&["FLUSHALL"]);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is a shell: Redis counts by its own clock"
)]
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::from_unix_micros(since.unwrap().as_micros().try_into().unwrap())
}

mod on_a_server {
    picora_quota::echo_conformance!(super::On::Server);
}

mod on_a_cluster {
    picora_quota::echo_conformance!(super::On::Cluster);
}

/// Accounts as a ledger has them.
#[derive(Default)]
struct Ledger(StdMutex<Vec<Snapshot>>);

impl Ledger {
    fn all(&self) -> Vec<Snapshot> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl EchoSource for Ledger {
    async fn moved(
        &self,
        _since: Timestamp,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.every(after, most).await
    }

    async fn numbers(
        &self,
        accounts: &[AccountId],
        _now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError> {
        let all = self.all();
        let found = all.iter().filter(|it| accounts.contains(&it.account));
        Ok(found.map(numbers).collect())
    }

    async fn every(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        let all = self.all().into_iter().map(|it| it.account);
        let later = all.filter(|it| after.is_none_or(|after| *it > after));
        Ok(later.take(most as usize).collect())
    }
}

/// The numbers of which a snapshot is made.
fn numbers(of: &Snapshot) -> Numbers {
    let sum = |a: Amount, b: Amount| Amount::saturating(a.get() + b.get());
    let nothing = Numbers::nothing(of.account, of.month);
    Numbers {
        epoch: of.epoch,
        used: [
            of.image_storage,
            of.image_bandwidth,
            sum(of.video_storage, of.audio_storage),
            sum(of.video_bandwidth, of.audio_bandwidth),
            of.documents,
            of.audio_storage,
            of.audio_bandwidth,
        ],
        video_limit: if of.video_status == "ok" {
            Limit::Unlimited
        } else {
            Limit::NOTHING
        },
        ..nothing
    }
}

fn status(_played: Amount, limit: Limit) -> &'static str {
    if limit == Limit::Unlimited {
        "ok"
    } else {
        "degraded"
    }
}

/// A ledger, and the library's keeper of its echo, in a hurry.
struct Kept<'w> {
    world: &'w World,
    ledger: Arc<Ledger>,
    keeper: Keeper,
    rebuilt: u32,
}

impl<'w> Kept<'w> {
    fn of(world: &'w World, accounts: u8) -> Self {
        let pace = Pace {
            budget: Budget::new(1_000, Duration::from_millis(1)),
            look_every: Duration::from_millis(20),
            pause: Duration::from_millis(20),
            ..Pace::default()
        };
        let rhythm = Rhythm {
            read_every: Duration::from_millis(20),
            page: 20,
            most_steps: 3, // so that a test can lose something in between
            ..Rhythm::default()
        };
        let ledger = Arc::new(Ledger::default());
        let first = (0..accounts).map(|it| world.snapshot(it, 1));
        *ledger.0.lock().unwrap() = first.collect();
        let echo = world.echo.clone();
        Self {
            world,
            keeper: Keeper::new(ledger.clone(), echo, status, rhythm, pace, 7),
            ledger,
            rebuilt: 0,
        }
    }

    fn change(&mut self, account: usize) {
        let mut all = self.ledger.0.lock().unwrap();
        let epoch = all[account].epoch + 1;
        all[account] = self.world.snapshot(u8::try_from(account).unwrap(), epoch);
    }

    async fn work(&mut self) {
        let tick = self.keeper.tick(wall()).await;
        self.rebuilt += u32::from(tick.rebuilt);
    }

    async fn work_for(&mut self, span: Duration) {
        let until = tokio::time::Instant::now() + span;
        while tokio::time::Instant::now() < until {
            self.work().await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Works until the echo is marked as whole for this how-manieth time; fails after 20 seconds.
    async fn is_rebuilt(&mut self, times: u32) {
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.rebuilt < times && tokio::time::Instant::now() < until {
            self.work_for(Duration::from_millis(20)).await;
        }
        assert_eq!(self.rebuilt, times, "nobody has noticed");
    }

    /// Works until the echo says what the ledger says of every account; fails after 20 seconds.
    async fn comes_to_say_all(&mut self) {
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        'again: loop {
            self.work_for(Duration::from_millis(100)).await;
            for it in &self.ledger.all() {
                let standing = self.world.echo.standing(it.account, it.month, wall()).await;
                let says = standing.is_ok_and(|now| {
                    Slot::ALL
                        .iter()
                        .all(|slot| now.amount(*slot) == slot.amount(it))
                });
                if !says {
                    assert!(tokio::time::Instant::now() < until, "{it:?} is missing");
                    continue 'again;
                }
            }
            return;
        }
    }
}

fn a_lost_echo_is_rebuilt(on: On, lose: impl Fn()) {
    let world = on.fresh();
    on.run(async {
        let mut keeper = Kept::of(&world, 100);
        keeper.comes_to_say_all().await;
        keeper.is_rebuilt(1).await;
        for round in 0..4 {
            for account in 0..50 {
                keeper.change(account);
            }
            for _ in 0..round {
                keeper.work().await; // so that it happens before, while and after half of it is written
            }
            lose();
            keeper.comes_to_say_all().await;
            keeper.is_rebuilt(round + 2).await;
        }
    });
}

/// `FLUSHALL` while it publishes, and while it rebuilds.
#[test]
fn a_flushed_server_is_rebuilt() {
    a_lost_echo_is_rebuilt(On::Server, || drop(server().command(&["FLUSHALL"])));
}

/// One node alone loses its third.
#[test]
fn a_cluster_of_which_one_node_is_flushed_is_rebuilt() {
    a_lost_echo_is_rebuilt(On::Cluster, || {
        drop(cluster().nodes()[1].command(&["FLUSHALL"]));
    });
}

/// On a wire that loses answers, and then swallows everything: an error in time; afterwards all is said, and nothing is late.
#[test]
fn a_bad_wire_costs_errors_and_no_number() {
    let world = On::Server.fresh();
    let wire = Wire::to(server().port());
    runtime().block_on(async {
        let url = format!("redis://127.0.0.1:{}", wire.port());
        let impatient = RedisConfig {
            deadline: Duration::from_millis(100),
            ..config()
        };
        let echo = Arc::new(RedisEcho::single(&url, &impatient).unwrap());
        let world = World {
            echo,
            other: world.other.clone(),
            place: world.place,
        };
        let mut keeper = Kept::of(&world, 30);
        keeper.comes_to_say_all().await;
        for trouble in [Wire::lose_answers, Wire::black_hole] {
            trouble(&wire);
            let kind = |error: EchoError| error.error.kind();
            let failed = world.echo.publish(&[keeper.ledger.all()[0]], wall()).await;
            assert_eq!(failed.map_err(kind), Err(StoreErrorKind::Unknown));
            for account in 0..30 {
                keeper.change(account);
            }
            keeper.work_for(Duration::from_millis(300)).await;
            wire.pass();
            keeper.comes_to_say_all().await;
        }
    });
}

/// What others wrote under the echo's names is an error, and neither a number nor zero.
#[test]
fn foreign_values_are_errors() {
    let world = On::Server.fresh();
    let snapshot = world.snapshot(1, 1);
    let key = picora_quota::echo::key(Slot::Documents, snapshot.account, snapshot.month);
    for foreign in ["-3", "many", "1.5", "00"] {
        server().command(&["SET", &key, foreign]);
        let asked = world
            .echo
            .standing(snapshot.account, snapshot.month, wall());
        let error = runtime().block_on(asked).unwrap_err();
        assert_eq!(error.error.kind(), StoreErrorKind::Corrupt);
    }
    server().command(&["SET", "quota:echo", "mine"]);
    let asked = runtime().block_on(world.echo.marker(wall()));
    assert_eq!(asked.unwrap_err().error.kind(), StoreErrorKind::Corrupt);
    assert_eq!(snapshot.documents, Amount::from(104));
}

/// Of an erased account no key stays, in no month that may live, and nothing beside the keys; others keep theirs.
#[test]
fn an_erased_account_leaves_no_key() {
    for on in [On::Server, On::Cluster] {
        let world = on.fresh();
        let echo = {
            let _runtime = runtime().enter();
            match on {
                On::Server => RedisEcho::single(&server().url(), &config()),
                On::Cluster => RedisEcho::cluster(cluster().urls(), &config()),
            }
        };
        let echo = echo.unwrap();
        let (gone, other) = (world.snapshot(1, 1), world.snapshot(2, 1));
        let earlier = Snapshot {
            month: CalendarMonth::of(CalendarMonth::of(wall()).start().saturating_sub(HOUR)),
            ..gone
        };
        runtime().block_on(async {
            echo.publish(&[earlier], wall()).await.unwrap();
            echo.publish(&[gone, other], wall()).await.unwrap();
            for _ in 0..2 {
                echo.erase(gone.account, wall()).await.unwrap();
            }
        });
        let keys = |account: AccountId| {
            let found = on.nodes().iter().map(|node| {
                let pattern = format!("*{account}*");
                node.command(&["--scan", "--pattern", &pattern])
            });
            let found: Vec<String> = found.collect();
            let keys = found.iter().flat_map(|it| it.lines());
            keys.filter(|it| !it.is_empty()).count()
        };
        assert_eq!(keys(gone.account), 0, "{on:?}");
        assert_eq!(keys(other.account), 16, "{on:?}");
        assert!(keys_of(gone.account, wall()).len() > 8);
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
