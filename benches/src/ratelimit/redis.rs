//! picora-redis against a bare script and against `limitador` on the same Redis, which runs beside on this machine.

use super::limitador::OnRedis;
use crate::rounds::{alternate, per_second};
use crate::row::{Goal, Row};
use picora_core::{SeededEntropy, Timestamp};
use picora_ratelimit::{
    Check, LeaseTerms, Limit, Limiter, Namespace, Policy, Subject, SubjectHasher, SubjectKey,
};
use picora_redis::{BreakerConfig, RedisConfig, RedisLimiter};
use picora_testkit::{Redis, Wire};
use redis::aio::MultiplexedConnection;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Who ask at once.
const CALLERS: usize = 64;
/// Decisions of all callers in one round.
const DECISIONS: usize = 32_000;
/// Accounts that are asked for.
const KEYS: u64 = 10_000;

pub(crate) fn measure(print: &mut dyn FnMut(Row)) {
    let server = Redis::start();
    let runtime = Runtime::new().expect("threads can be had");
    strict(&server, &runtime, print);
    print(against_limitador(&server, &runtime));
    leased(&server, &runtime, print);
    print(breaker(&server, &runtime));
}

/// The script against a bare one, with checks that go together, and each alone.
fn strict(server: &Redis, runtime: &Runtime, print: &mut dyn FnMut(Row)) {
    let bare = Arc::new(runtime.block_on(Bare::new(&server.url())));
    for (row, together, two, goal) in [
        ("ratelimit/redis-grouped", true, false, 0.8),
        ("ratelimit/redis-alone", false, false, 0.6),
        ("ratelimit/redis-two-subjects", true, true, 0.0),
    ] {
        let ours = Arc::new(Ours::new(server, runtime, together));
        let result = alternate(
            || {
                callers(runtime, &ours, move |ours, key| async move {
                    ours.decide(key, two).await
                })
            },
            || {
                callers(
                    runtime,
                    &bare,
                    |bare, key| async move { bare.call(key).await },
                )
            },
        );
        print(Row::against(
            row,
            result,
            "decisions/s",
            Goal::AtLeast(goal),
        ));
    }
}

fn against_limitador(server: &Redis, runtime: &Runtime) -> Row {
    let ours = Arc::new(Ours::new(server, runtime, true));
    let peer = Arc::new(runtime.block_on(OnRedis::new(&server.url(), true)));
    let result = alternate(
        || {
            callers(runtime, &ours, |ours, key| async move {
                ours.decide(key, false).await
            })
        },
        || {
            callers(runtime, &peer, |peer, key| async move {
                peer.decide(&format!("acc_{key:026}")).await;
            })
        },
    );
    Row::against(
        "ratelimit/redis-limitador",
        result,
        "decisions/s",
        Goal::AtLeast(2.0),
    )
}

/// A hot key under 60,000 a minute and a burst of 5,000, asked for by all callers for ten seconds.
fn leased(server: &Redis, runtime: &Runtime, print: &mut dyn FnMut(Row)) {
    let minute = Duration::from_secs(60);
    let limits = [
        Limit::window("minute", 60_000, minute).expect("exact"),
        Limit::gcra("burst", 60_000, minute, 5_000).expect("exact"),
    ];
    let policy = Policy::new("hot", limits).expect("sound");
    let policy = Arc::new(policy.leased(LeaseTerms::default()).expect("long enough"));
    let limiter = Arc::new(runtime.block_on(async { limiter(server, RedisConfig::default()) }));
    let before = calls(server);
    let span = Duration::from_secs(10);
    let allowed = runtime.block_on(async {
        let callers =
            (0..CALLERS).map(|_| tokio::spawn(insist(limiter.clone(), policy.clone(), span)));
        let callers: Vec<_> = callers.collect();
        let mut allowed = 0;
        for caller in callers {
            allowed += caller.await.expect("no caller panics");
        }
        allowed
    });
    let per_thousand = (calls(server) - before) * 1_000.0 / allowed as f64;
    print(Row::within(
        "ratelimit/lease-commands",
        per_thousand,
        20.0,
        "per 1,000",
    ));
    let usable = 1_000.0 * span.as_secs_f64() + 5_000.0;
    let used = (allowed as f64, usable);
    print(Row::against(
        "ratelimit/lease-usable",
        used,
        "decisions",
        Goal::AtLeast(0.95),
    ));
}

async fn insist(limiter: Arc<RedisLimiter>, policy: Arc<Policy>, span: Duration) -> u64 {
    let subjects = [Subject {
        key: SubjectKey(5),
        policy: &policy,
    }];
    let check = Check::new(SubjectKey(5), &subjects, 1).expect("it can pass");
    let (until, mut allowed) = (Instant::now() + span, 0);
    while Instant::now() < until {
        let decision = match limiter.try_decide(&check, Timestamp::EPOCH) {
            Some(decision) => decision,
            None => limiter
                .decide(&check, Timestamp::EPOCH)
                .await
                .expect("Redis answers"),
        };
        allowed += u64::from(decision.is_allowed());
        if decision.is_allowed() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(decision.wait().min(Duration::from_millis(5))).await;
        }
    }
    allowed
}

/// A decision's 99th percentile while nothing gets through and the breaker is open, in microseconds.
fn breaker(server: &Redis, runtime: &Runtime) -> Row {
    let wire = Wire::to(server.port());
    let config = RedisConfig {
        breaker: BreakerConfig {
            failures: 3,
            open_for: Duration::from_secs(60),
        },
        ..RedisConfig::default()
    };
    let policy = policy();
    let subjects = [Subject {
        key: SubjectKey(6),
        policy: &policy,
    }];
    let check = Check::new(SubjectKey(6), &subjects, 1).expect("it can pass");
    let mut took: Vec<f64> = runtime.block_on(async {
        let url = format!("redis://127.0.0.1:{}", wire.port());
        let limiter = RedisLimiter::single(&url, config).expect("a URL");
        let ask = || limiter.decide(&check, Timestamp::EPOCH);
        ask().await.expect("the wire passes");
        wire.black_hole();
        while ask()
            .await
            .is_err_and(|it| !it.to_string().contains("breaker"))
        {}
        let mut took = Vec::new();
        for _ in 0..10_000 {
            let started = Instant::now();
            ask().await.expect_err("nothing gets through");
            took.push(started.elapsed().as_secs_f64() * 1e6);
        }
        took
    });
    took.sort_by(f64::total_cmp);
    Row::within(
        "ratelimit/breaker-p99",
        took[took.len() * 99 / 100],
        1_000.0,
        "µs",
    )
}

/// All callers ask for accounts in turn until the round is over.
fn callers<T, F>(
    runtime: &Runtime,
    of: &Arc<T>,
    ask: impl Fn(Arc<T>, u64) -> F + Clone + Send + 'static,
) -> f64
where
    T: Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    per_second(DECISIONS, || {
        runtime.block_on(async {
            let callers = (0..CALLERS).map(|caller| {
                let (of, ask) = (Arc::clone(of), ask.clone());
                tokio::spawn(async move {
                    let dice = SeededEntropy::new(caller as u64);
                    for _ in 0..DECISIONS / CALLERS {
                        ask(Arc::clone(&of), dice.next_u64() % KEYS).await;
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.expect("no caller panics");
            }
        });
    })
}

/// Picora's side.
struct Ours {
    limiter: RedisLimiter,
    accounts: Namespace,
    credentials: Namespace,
    policy: Policy,
    ceiling: Policy,
}

impl Ours {
    fn new(server: &Redis, runtime: &Runtime, together: bool) -> Self {
        let _runtime = runtime.enter();
        let hasher = SubjectHasher::new([42; 16]);
        let hour = Limit::window("hour", 5_000_000_000, Duration::from_secs(3_600));
        let config = RedisConfig {
            group_commit: together,
            deadline: Duration::from_secs(5),
            ..RedisConfig::default()
        };
        Self {
            limiter: limiter(server, config),
            accounts: hasher.namespace("account"),
            credentials: hasher.namespace("credential"),
            policy: policy(),
            ceiling: Policy::new("ceiling", [hour.expect("exact")]).expect("sound"),
        }
    }

    async fn decide(&self, account: u64, two: bool) {
        let key = self.accounts.key(&account.to_le_bytes());
        let credential = self.credentials.key(&account.to_le_bytes());
        let subjects = [
            Subject {
                key,
                policy: &self.policy,
            },
            Subject {
                key: credential,
                policy: &self.ceiling,
            },
        ];
        let subjects = if two { &subjects[..] } else { &subjects[..1] };
        let check = Check::new(key, subjects, 1).expect("it can pass");
        let decision = self.limiter.decide(&check, Timestamp::EPOCH).await;
        assert!(decision.expect("Redis answers").is_allowed());
    }
}

fn limiter(server: &Redis, config: RedisConfig) -> RedisLimiter {
    RedisLimiter::single(&server.url(), config).expect("a URL")
}

/// Three limits that nobody meets, as the tiers and their ceiling have them.
fn policy() -> Policy {
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let limits = [
        Limit::window("minute", 600_000_000, minute),
        Limit::gcra("burst", 1_000_000, second, 1_000_000),
        Limit::window("hour", 5_000_000_000, minute * 60),
    ];
    let limits = limits.map(|limit| limit.expect("exact"));
    Policy::new("read", limits).expect("sound")
}

/// The least that a script can do: read a key and write it.
struct Bare {
    connection: MultiplexedConnection,
    script: String,
}

impl Bare {
    async fn new(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a URL");
        let mut connection = client
            .get_multiplexed_async_connection()
            .await
            .expect("Redis runs");
        let text = "local v = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return v";
        let script = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(text)
            .query_async(&mut connection)
            .await;
        Self {
            connection,
            script: script.expect("Redis takes it"),
        }
    }

    async fn call(&self, account: u64) {
        let mut connection = self.connection.clone();
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.script)
            .arg(1)
            .arg(format!("bare:{{{account:032x}}}:{account:032x}"));
        call.arg(&[b'x'; 53][..]); // as long as a record of three cells
        let answer: redis::RedisResult<Option<Vec<u8>>> = call.query_async(&mut connection).await;
        answer.expect("Redis answers");
    }
}

/// How many scripts the server has run.
fn calls(server: &Redis) -> f64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    let count = line.and_then(|line| line.split(',').next());
    count.and_then(|count| count.parse().ok()).unwrap_or(0.0)
}
