//! A Redis that dies, falls silent, or talks nonsense.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use picora_core::{StoreErrorKind, Timestamp};
use picora_ratelimit::{Limiter, Policy};
use picora_redis::{BreakerConfig, RedisConfig, RedisLimiter};
use picora_testkit::{Redis, RedisOptions, Wire};
use tokio::time::Instant;

use crate::world::{config, one, policy, runtime, subject};

/// The deadline of these tests, and what a busy machine may add before a timer is looked at.
const DEADLINE: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_millis(200);

fn impatient() -> RedisConfig {
    RedisConfig {
        deadline: DEADLINE,
        breaker: BreakerConfig {
            failures: 5,
            open_for: Duration::from_millis(200),
        },
        ..config()
    }
}

async fn ask(limiter: &RedisLimiter, policy: &Policy, key: u128) -> Result<bool, StoreErrorKind> {
    let subjects = subject(key, policy);
    let started = Instant::now();
    let answer = limiter.decide(&one(&subjects), Timestamp::EPOCH).await;
    let took = started.elapsed();
    assert!(took < DEADLINE + SLACK, "{took:?}");
    answer.map(|it| it.is_allowed()).map_err(|it| it.kind())
}

/// Waits until Redis is asked again, without a restart of the limiter.
async fn recovers(limiter: &RedisLimiter, policy: &Policy) {
    let until = Instant::now() + Duration::from_secs(10);
    while ask(limiter, policy, 999).await.is_err() {
        assert!(Instant::now() < until, "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Killed under load with its append-only file on, for a second (30 s in the soak): every decision answers in time, with an error that
/// says what happened; when it is back, so are the answers, and nothing that was counted is forgotten.
#[test]
fn a_killed_redis_costs_a_deadline_and_no_restart() {
    let away = if std::env::var_os("PICORA_SOAK").is_some() {
        30
    } else {
        1
    };
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    let mut redis = Redis::start_with(options);
    let limiter = runtime()
        .block_on(async { Arc::new(RedisLimiter::single(&redis.url(), impatient()).unwrap()) });
    let (over, answers, errors) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let day = std::time::Duration::from_secs(86_400);
    let limit = picora_ratelimit::Limit::window("day", 1_000_000, day).unwrap();
    let policy = Arc::new(Policy::new("p", [limit]).unwrap());
    let load: Vec<_> = (0..50_u128)
        .map(|caller| {
            let (limiter, policy) = (limiter.clone(), policy.clone());
            let (over, answers, errors) = (over.clone(), answers.clone(), errors.clone());
            runtime().spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    match ask(&limiter, &policy, caller).await {
                        Ok(_) => answers.fetch_add(1, Ordering::Relaxed),
                        Err(kind) => {
                            assert!(matches!(
                                kind,
                                StoreErrorKind::Unavailable | StoreErrorKind::Unknown
                            ));
                            errors.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let before = answers.load(Ordering::Relaxed);
    assert!(before > 0);
    redis.kill();
    std::thread::sleep(Duration::from_secs(away));
    redis.restart();
    runtime().block_on(recovers(&limiter, &policy));
    std::thread::sleep(Duration::from_millis(300));
    over.store(true, Ordering::Relaxed);
    runtime().block_on(async {
        for caller in load {
            caller.await.unwrap();
        }
        let after = answers.load(Ordering::Relaxed);
        assert!(errors.load(Ordering::Relaxed) > 50 && after > before);
        let mut counted = 0;
        for caller in 0..50_u128 {
            let subjects = subject(caller, &policy);
            let seen = limiter
                .peek(&one(&subjects), Timestamp::EPOCH)
                .await
                .unwrap();
            counted += 1_000_000 - seen.reports().next().unwrap().remaining;
        }
        // Whatever was answered was counted; of an answer that was lost nobody knows.
        assert!(
            counted >= after as u64,
            "{counted} counted, {after} answered"
        );
        assert!(counted <= (after + errors.load(Ordering::Relaxed)) as u64);
    });
}

/// A network that swallows everything: errors in time, then none is even tried, then all is well again.
#[test]
fn a_black_hole_costs_a_deadline_and_then_nothing() {
    let redis = Redis::start();
    let wire = Wire::to(redis.port());
    runtime().block_on(async {
        let url = format!("redis://127.0.0.1:{}", wire.port());
        let limiter = RedisLimiter::single(&url, impatient()).unwrap();
        let policy = policy(1_000_000, 1_000_000);
        assert_eq!(ask(&limiter, &policy, 1).await, Ok(true));
        wire.black_hole();
        for round in 0..5 {
            let kind = ask(&limiter, &policy, 1).await.unwrap_err();
            // The second may still have gone out on the connection that is given up as the first one's time is over.
            let sent = kind == StoreErrorKind::Unknown;
            assert!(sent == (round == 0) || round == 1, "{round}: {kind:?}");
        }
        let started = Instant::now();
        for _ in 0..100 {
            assert_eq!(
                ask(&limiter, &policy, 1).await,
                Err(StoreErrorKind::Unavailable)
            );
        }
        assert!(
            started.elapsed() < Duration::from_millis(100),
            "100 that nobody tried"
        );
        wire.pass();
        recovers(&limiter, &policy).await;
    });
}

/// An answer that is lost: `Unknown`, and the check was charged once, not twice.
#[test]
fn a_lost_answer_is_unknown_and_is_not_asked_again() {
    let redis = Redis::start();
    let wire = Wire::to(redis.port());
    runtime().block_on(async {
        let url = format!("redis://127.0.0.1:{}", wire.port());
        let limiter = RedisLimiter::single(&url, impatient()).unwrap();
        let policy = policy(100, 100);
        assert_eq!(ask(&limiter, &policy, 1).await, Ok(true));
        wire.lose_answers();
        assert_eq!(
            ask(&limiter, &policy, 1).await,
            Err(StoreErrorKind::Unknown)
        );
        wire.pass();
        recovers(&limiter, &policy).await;
        let subjects = subject(1, &policy);
        let seen = limiter
            .peek(&one(&subjects), Timestamp::EPOCH)
            .await
            .unwrap();
        assert_eq!(seen.reports().next().unwrap().remaining, 98);
    });
}

/// Whatever stands where a Redis should be: a typed error in time, no panic, and no answer of one taken for another's.
#[test]
fn a_redis_that_talks_nonsense_is_an_error() {
    let redis = Redis::start();
    let wire = Wire::to(redis.port());
    let garbage: [&[u8]; 12] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+OK\r\n",
        b"$-1\r\n",
        b":7\r\n",
        b"*0\r\n",
        b"*3\r\n:1\r\n$1\r\na\r\n$1\r\n0\r\n",
        b"*4\r\n:9999999999999999\r\n$1\r\na\r\n$1\r\n0\r\n$-1\r\n",
        b"*4\r\n:1777000000000000\r\n$1\r\nq\r\n$1\r\n0\r\n$-1\r\n",
        b"*4\r\n:1777000000000000\r\n$1\r\nd\r\n$1\r\n0\r\n$-1\r\n",
        b"*4\r\n:1777000000000000\r\n$1\r\na\r\n$1\r\n0\r\n$5\r\nxxxxx\r\n",
        b"-ERR unknown command\r\n",
        b"\0\0\0\0\xff\xff",
    ];
    runtime().block_on(async {
        let policy = policy(100, 100);
        for (nth, bytes) in garbage.into_iter().enumerate() {
            wire.pass();
            let url = format!("redis://127.0.0.1:{}", wire.port());
            let limiter = RedisLimiter::single(&url, impatient()).unwrap();
            let key = nth as u128;
            assert_eq!(ask(&limiter, &policy, key).await, Ok(true));
            wire.answer_garbage(bytes);
            let error = ask(&limiter, &policy, key).await;
            assert!(
                error.is_err(),
                "{:?}: {error:?}",
                String::from_utf8_lossy(bytes)
            );
            wire.pass();
            recovers(&limiter, &policy).await;
            let subjects = subject(key, &policy);
            let seen = limiter
                .peek(&one(&subjects), Timestamp::EPOCH)
                .await
                .unwrap();
            assert_eq!(seen.reports().next().unwrap().remaining, 99);
        }
    });
}

/// A server that stands still for a while, as one that saves or swaps: the same.
#[test]
fn a_paused_redis_is_late_and_then_well() {
    let redis = Redis::start();
    runtime().block_on(async {
        let limiter = RedisLimiter::single(&redis.url(), impatient()).unwrap();
        let policy = policy(1_000, 1_000);
        assert_eq!(ask(&limiter, &policy, 1).await, Ok(true));
        redis.pause();
        assert_eq!(
            ask(&limiter, &policy, 1).await,
            Err(StoreErrorKind::Unknown)
        );
        redis.resume();
        recovers(&limiter, &policy).await;
    });
}
