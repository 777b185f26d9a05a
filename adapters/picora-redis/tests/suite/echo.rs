//! The echo on one server and on a cluster; and servers that lose what they held.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use picora_core::{Amount, StoreErrorKind, Timestamp};
use picora_quota::conformance::echo::{EchoHarness, Place, World};
use picora_quota::echo::{Budget, Echo, EchoError, Echoer, Marker, Pace, Slot, Snapshot, Step};
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

/// Accounts as SQL has them, and who keeps their echo.
struct Keeper<'w> {
    world: &'w World,
    echoer: Echoer,
    sql: Vec<Snapshot>,
    rebuilt: u32,
}

impl<'w> Keeper<'w> {
    fn of(world: &'w World, accounts: u8) -> Self {
        let pace = Pace {
            budget: Budget::new(1_000, Duration::from_millis(1)),
            look_every: Duration::from_millis(20),
            pause: Duration::from_millis(20),
            ..Pace::default()
        };
        let mut caps = world.echo.caps();
        caps.bulk = 20;
        Self {
            world,
            echoer: Echoer::new(caps, pace, 7),
            sql: (0..accounts).map(|it| world.snapshot(it, 1)).collect(),
            rebuilt: 0,
        }
    }

    fn change(&mut self, account: usize) {
        let epoch = self.sql[account].epoch + 1;
        let account = u8::try_from(account).unwrap();
        let changed = self.world.snapshot(account, epoch);
        self.sql[usize::from(account)] = changed;
        self.echoer.offer(changed, wall());
    }

    /// One step; whether it was one.
    async fn work(&mut self) -> bool {
        let (echo, now) = (&self.world.echo, wall());
        match self.echoer.next(now) {
            Step::Publish(batch) => match echo.publish(batch.snapshots(), now).await {
                Ok(_) => self.echoer.published(batch, wall()),
                Err(error) => self.echoer.failed(batch, &error, wall()),
            },
            Step::Look => match echo.marker(now).await {
                Ok(seen) => self.echoer.looked(seen, wall()),
                Err(error) => self.echoer.faltered(&error, wall()),
            },
            Step::Mark { was, by } => match echo.mark(was, by, now).await {
                Ok(replaced) => {
                    self.rebuilt += u32::from(replaced && matches!(by, Marker::Whole(_)));
                    self.echoer.marked(replaced);
                }
                Err(error) => self.echoer.faltered(&error, wall()),
            },
            Step::OfferAll => {
                for snapshot in &self.sql {
                    self.echoer.offer(*snapshot, now);
                }
                self.echoer.offered_all();
            }
            Step::Wait(_) => return false,
        }
        true
    }

    async fn work_for(&mut self, span: Duration) {
        let until = tokio::time::Instant::now() + span;
        while tokio::time::Instant::now() < until {
            if !self.work().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Works until the echo says what SQL says of every account; fails after 20 seconds.
    async fn comes_to_say_all(&mut self) {
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        'again: loop {
            self.work_for(Duration::from_millis(100)).await;
            for it in &self.sql {
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
        let mut keeper = Keeper::of(&world, 100);
        keeper.comes_to_say_all().await;
        assert_eq!(keeper.rebuilt, 1);
        for round in 0..4 {
            for account in 0..50 {
                keeper.change(account);
            }
            for _ in 0..round {
                keeper.work().await; // so that it happens before, while and after half of it is written
            }
            lose();
            keeper.comes_to_say_all().await;
            assert_eq!(keeper.rebuilt, round + 2, "nobody has noticed");
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
        let mut keeper = Keeper::of(&world, 30);
        keeper.comes_to_say_all().await;
        for trouble in [Wire::lose_answers, Wire::black_hole] {
            trouble(&wire);
            let kind = |error: EchoError| error.error.kind();
            let failed = world.echo.publish(&[keeper.sql[0]], wall()).await;
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
