//! The memory limiter under schedules that a checker makes up. Compiled with `--cfg picora_shuttle`, as `cargo xtask test` does.
#![cfg(picora_shuttle)]
#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

use std::sync::Arc;
use std::time::Duration;

use picora_core::Timestamp;
use picora_ratelimit::conformance::{Harness, MemoryHarness};
use picora_ratelimit::{
    Check, Limit, Limiter, MemoryLimiter, MemoryOptions, Policy, Subject, SubjectKey,
};
use shuttle::thread;

/// Schedules for each test.
const SCHEDULES: usize = 1_000;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_776_999_600);
const HOME: SubjectKey = SubjectKey(7);

fn limiter() -> Arc<MemoryLimiter> {
    Arc::new(MemoryLimiter::with_options(MemoryOptions {
        shards: 1.try_into().unwrap(),
        most_records: None,
    }))
}

fn window(limit: u64, length: u64) -> Policy {
    let limit = Limit::window("w", limit, Duration::from_secs(length)).unwrap();
    Policy::new("p", [limit]).unwrap()
}

fn ask(limiter: &MemoryLimiter, keys: &[u128], policy: &Policy) -> (bool, Duration) {
    let subjects: Vec<Subject<'_>> = keys
        .iter()
        .map(|key| Subject {
            key: SubjectKey(*key),
            policy,
        })
        .collect();
    let check = Check::new(HOME, &subjects, 1).unwrap();
    let decision = limiter.try_decide(&check, NOW).unwrap();
    (decision.is_allowed(), decision.wait())
}

/// Threads that spend at once get the limit, neither more nor less, one subject or two.
#[test]
fn as_many_pass_as_may() {
    let run = || {
        let limiter = limiter();
        let threads: Vec<_> = (0..3)
            .map(|nth| {
                let limiter = limiter.clone();
                thread::spawn(move || {
                    let keys: &[u128] = if nth == 0 { &[1, 2] } else { &[1] };
                    (0..3)
                        .filter(|_| ask(&limiter, keys, &window(4, 60)).0)
                        .count()
                })
            })
            .collect();
        let passed: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(passed, 4);
    };
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}

/// A denial that is remembered never outlives a reset: the unit that it frees is had by one of two who ask, and by one only.
#[test]
fn a_remembered_denial_gives_way_to_a_reset() {
    let run = || {
        let (limiter, policy) = (limiter(), window(1, 60));
        assert!(ask(&limiter, &[1], &policy).0);
        assert!(!ask(&limiter, &[1], &policy).0, "remembered");
        let other = limiter.clone();
        let asks = thread::spawn(move || {
            (0..3)
                .filter(|_| ask(&other, &[1], &window(1, 60)).0)
                .count()
        });
        MemoryHarness
            .run(limiter.reset(HOME, SubjectKey(1), NOW))
            .unwrap();
        let mine = usize::from(ask(&limiter, &[1], &policy).0);
        assert_eq!(mine + asks.join().unwrap(), 1);
    };
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}

/// Two keys of one shard take turns in what is remembered: nobody is told the other's wait, or half of each.
#[test]
fn what_is_remembered_is_never_read_in_halves() {
    let run = || {
        let limiter = limiter();
        for (key, length) in [(1, 60), (2, 3_600)] {
            assert!(ask(&limiter, &[key], &window(1, length)).0);
        }
        let threads: Vec<_> = [(1_u128, 60), (2, 3_600), (1, 60)]
            .into_iter()
            .map(|(key, length)| {
                let limiter = limiter.clone();
                thread::spawn(move || {
                    for _ in 0..3 {
                        let told = ask(&limiter, &[key], &window(1, length));
                        assert_eq!(told, (false, Duration::from_secs(length)));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    };
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}
