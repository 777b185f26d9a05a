//! Leases: several processes spend one budget, and every closed span of what they spent is judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use picora_core::Timestamp;
use picora_ratelimit::conformance::{Spend, over_admitted};
use picora_ratelimit::{Check, LeaseTerms, Limit, Limiter, Policy, Subject, SubjectKey};
use picora_redis::{RedisConfig, RedisLimiter};
use picora_testkit::Redis;
use tokio::time::Instant;

use crate::world::{config, runtime};

/// A second has 1,000, two may meet in a burst of 500; a window of three seconds binds, too.
fn hot() -> Policy {
    let limits = [
        Limit::window("window", 2_900, Duration::from_secs(3)).unwrap(),
        Limit::gcra("burst", 1_000, Duration::from_secs(1), 500).unwrap(),
    ];
    Policy::new("hot", limits).unwrap()
}

/// A small one beside it: an account's own ceiling.
fn ceiling() -> Policy {
    let limit = Limit::window("window", 2_000, Duration::from_secs(3));
    Policy::new("ceiling", [limit.unwrap()]).unwrap()
}

/// How a process asks.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Strict,
    Leased,
}

impl Mode {
    fn of(self, policy: &Policy) -> Policy {
        match self {
            Self::Strict => policy.clone(),
            Self::Leased => policy.leased(LeaseTerms::default()).unwrap(),
        }
    }
}

/// Spends as fast as it can for so long, with so many callers, and writes every admission down.
async fn spend(
    limiter: RedisLimiter,
    mode: Mode,
    callers: usize,
    span: Duration,
    instance: u32,
) -> Vec<Spend> {
    let limiter = Arc::new(limiter);
    let (hot, ceiling) = (Arc::new(mode.of(&hot())), Arc::new(mode.of(&ceiling())));
    let until = Instant::now() + span;
    let callers = (0..callers).map(|caller| {
        let (limiter, hot, ceiling) = (limiter.clone(), hot.clone(), ceiling.clone());
        tokio::spawn(async move {
            let mut spends = Vec::new();
            // Two credentials of one account; each caller has one.
            let subjects = [
                Subject {
                    key: SubjectKey(1),
                    policy: &hot,
                },
                Subject {
                    key: SubjectKey(100 + (caller % 2) as u128),
                    policy: &ceiling,
                },
            ];
            let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
            while Instant::now() < until {
                let now = Timestamp::EPOCH;
                let decision = match limiter.try_decide(&check, now) {
                    Some(decision) => decision,
                    None => limiter.decide(&check, now).await.unwrap(),
                };
                spends.extend(Spend::of(&decision, instance));
                if decision.is_allowed() {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(decision.wait().clamp(MIN_PAUSE, MAX_PAUSE)).await;
                }
            }
            spends
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut spends = Vec::new();
    for caller in callers {
        spends.extend(caller.await.unwrap());
    }
    spends
}

/// Three processes, 201 callers, one account: in no window and in no closed span too much, and no limit charged without the other.
#[test]
fn three_processes_never_admit_too_much() {
    for (name, span) in [("strict", 4), ("leased", 8)] {
        let redis = Redis::start();
        let folder = folder(name);
        let children: Vec<Child> = (0..3)
            .map(|nth| child(&redis, &folder, name, span, nth))
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "{name}");
        }
        let spends = read(&folder);
        judge(name, &spends);
        let account: u64 = spends
            .iter()
            .filter(|it| it.subject == SubjectKey(1))
            .map(|it| it.cost)
            .sum();
        let credentials: u64 = spends
            .iter()
            .filter(|it| it.subject != SubjectKey(1))
            .map(|it| it.cost)
            .sum();
        assert_eq!(account, credentials, "{name}: no partial charge");
        println!("{name}: {account} admitted in {span} s by three processes");
        assert!(account > 1_000, "{name}: only {account}");
        fs::remove_dir_all(folder).unwrap();
    }
}

fn judge(name: &str, spends: &[Spend]) {
    let of = |account: bool| -> Vec<Spend> {
        let all = spends.iter().copied();
        all.filter(|it| (it.subject == SubjectKey(1)) == account)
            .collect()
    };
    for (policy, spends) in [(hot(), of(true)), (ceiling(), of(false))] {
        for limit in policy.limits() {
            assert_eq!(
                over_admitted(limit, &spends),
                0,
                "{name}: {:?}",
                limit.name()
            );
        }
    }
}

/// Not a test: what the processes run; started by itself it has no folder, and does nothing.
#[test]
fn process() {
    let Ok(url) = std::env::var("PICORA_TEST_REDIS") else {
        return;
    };
    let word = |name: &str| std::env::var(name).unwrap();
    let mode = if word("PICORA_TEST_MODE") == "leased" {
        Mode::Leased
    } else {
        Mode::Strict
    };
    let (span, instance) = (
        word("PICORA_TEST_SPAN").parse().unwrap(),
        word("PICORA_TEST_INSTANCE").parse().unwrap(),
    );
    let spends = runtime().block_on(async {
        let config = RedisConfig {
            deadline: Duration::from_secs(5),
            ..RedisConfig::default()
        };
        let limiter = RedisLimiter::single(&url, config).unwrap();
        spend(limiter, mode, 67, Duration::from_secs(span), instance).await
    });
    let lines: Vec<String> = spends.into_iter().map(Spend::to_line).collect();
    let file = Path::new(&word("PICORA_TEST_FOLDER")).join(instance.to_string());
    fs::write(file, lines.join("\n")).unwrap();
}

fn child(redis: &Redis, folder: &Path, mode: &str, span: u64, instance: u32) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["leases::process", "--exact", "--quiet"]);
    command.env("PICORA_TEST_REDIS", redis.url());
    command.env("PICORA_TEST_MODE", mode);
    command.env("PICORA_TEST_SPAN", span.to_string());
    command.env("PICORA_TEST_INSTANCE", instance.to_string());
    command.env("PICORA_TEST_FOLDER", folder);
    command.spawn().unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("picora-spends-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn read(folder: &Path) -> Vec<Spend> {
    let files = (0..3).map(|nth| fs::read_to_string(folder.join(nth.to_string())).unwrap());
    let files: Vec<String> = files.collect();
    let lines = files.iter().flat_map(|text| text.lines());
    lines.map(|line| Spend::from_line(line).unwrap()).collect()
}

/// One process that asks for all there is uses nearly all there is, with few calls.
#[test]
fn a_leased_budget_is_used_up_with_few_calls() {
    let redis = Redis::start();
    let policy = hot();
    let spends = runtime().block_on(async {
        let limiter = RedisLimiter::single(&redis.url(), config()).unwrap();
        spend(limiter, Mode::Leased, 16, Duration::from_secs(6), 0).await
    });
    judge("one process", &spends);
    let account: Vec<Spend> = spends
        .into_iter()
        .filter(|it| it.subject == SubjectKey(1))
        .collect();
    let calls: u64 = stat(&redis, "cmdstat_evalsha:calls=");
    let admitted = account.len() as u64;
    let rate = policy.limits()[1];
    println!("{admitted} admitted with {calls} calls, {:?}", rate.rule());
    assert!(
        calls * 1_000 <= admitted * 40,
        "{calls} calls for {admitted}"
    );
}

fn stat(redis: &Redis, name: &str) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]);
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.split(',').next().unwrap().parse().unwrap()
}

/// What is left of a lease is given back when the next is asked for, so that others can have it.
#[test]
fn what_is_left_is_given_back() {
    let redis = Redis::start();
    let counted = AtomicU64::new(0);
    runtime().block_on(async {
        let limiter = RedisLimiter::single(&redis.url(), config()).unwrap();
        let hour = Limit::window("hour", 1_000, Duration::from_secs(3_600)).unwrap();
        let policy = Policy::new("p", [hour]).unwrap().leased(LeaseTerms {
            tokens: 500,
            ..LeaseTerms::default()
        });
        let policy = policy.unwrap();
        let subjects = [Subject {
            key: SubjectKey(9),
            policy: &policy,
        }];
        let check = Check::new(SubjectKey(9), &subjects, 1).unwrap();
        for round in 1..=4 {
            let decision = limiter.decide(&check, Timestamp::EPOCH).await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let left = decision.reports().next().unwrap().remaining;
            assert_eq!(left, 1_000 - round, "only what was spent is shown");
            tokio::time::sleep(Duration::from_millis(250)).await; // its life is over
        }
    });
    assert_eq!(counted.into_inner(), 4);
}

const MIN_PAUSE: Duration = Duration::from_micros(200);
const MAX_PAUSE: Duration = Duration::from_millis(20);
