//! One test for each mistake that other limiters have made, replayed on this one. The issue numbers are theirs.

use std::time::Duration;

use crate::seen::Seen;
use picora_core::Timestamp;
use picora_ratelimit::{
    Check, CheckError, Limit, Limiter, MemoryLimiter, MemoryOptions, Policy, PolicyError, Record,
    Subject, SubjectHasher, SubjectKey, Tier, Tiers,
};

const MICRO: Duration = Duration::from_micros(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The start of an hour, and so of a minute.
const HOUR_START: Timestamp = Timestamp::from_unix_seconds(1_776_999_600);

/// One subject under one policy on a limiter in memory.
struct One {
    limiter: MemoryLimiter,
    policy: Policy,
}

impl One {
    fn new<const N: usize>(limits: [Result<Limit, PolicyError>; N]) -> Self {
        Self::of(Policy::new("p", limits.map(Result::unwrap)).unwrap())
    }

    fn of(policy: Policy) -> Self {
        Self {
            limiter: MemoryLimiter::new(),
            policy,
        }
    }

    fn spend(&self, cost: u64, now: Timestamp) -> Seen {
        let subjects = [Subject {
            key: SubjectKey(1),
            policy: &self.policy,
        }];
        let check = Check::new(SubjectKey(1), &subjects, cost).unwrap();
        Seen::of(&self.limiter.try_decide(&check, now).unwrap())
    }

    fn passed(&self, tries: usize, now: Timestamp) -> usize {
        (0..tries)
            .filter(|_| self.spend(1, now).is_allowed())
            .count()
    }
}

fn one_shard(most_records: Option<usize>) -> MemoryLimiter {
    MemoryLimiter::with_options(MemoryOptions {
        shards: 1.try_into().unwrap(),
        most_records: most_records.and_then(std::num::NonZeroUsize::new),
    })
}

fn tier(tier: Tier) -> One {
    One::of(Tiers::standard().of(tier).clone())
}

/// redis-cell (#56, #70): a limit of 30 let 31 through.
#[test]
fn of_31_at_one_instant_exactly_30_pass() {
    assert_eq!(tier(Tier::Read).passed(31, HOUR_START), 30);
    assert_eq!(tier(Tier::Upload).passed(31, HOUR_START), 5);
    assert_eq!(tier(Tier::Mutation).passed(31, HOUR_START), 10);
}

/// throttlecrab: after a rest of up to 2(B-1)T the next burst was up to 2(B-1); governor before 0.8 (#107, #249).
#[test]
fn a_rest_earns_one_burst_and_not_two() {
    for rest_millis in [100, 2_900, 3_000, 5_800, 60_000, 3_600_000] {
        let read = tier(Tier::Read);
        assert_eq!(read.passed(40, HOUR_START), 30);
        let later = HOUR_START.saturating_add(Duration::from_millis(rest_millis));
        let earned = usize::try_from(rest_millis / 100).unwrap().min(30);
        assert_eq!(read.passed(80, later), earned, "after {rest_millis} ms");
    }
}

/// C59: the worst case of a minute is the rate and one burst, and it is reached.
#[test]
fn a_minute_across_two_windows_admits_630_and_no_more() {
    let (read, start) = (tier(Tier::Read), HOUR_START.saturating_add(MINUTE / 2));
    let tenths = (0..=600).map(|tenth| start.saturating_add(Duration::from_millis(100) * tenth));
    let passed: usize = tenths.map(|now| read.passed(40, now)).sum();
    assert_eq!(passed, 630);
}

/// Row #225: 600 a minute can be kept up, and the 601st in a clock minute cannot.
#[test]
fn a_clock_minute_admits_600_in_a_row() {
    let read = tier(Tier::Read);
    let pace = Duration::from_millis(90);
    let times = (0..666).map(|turn| HOUR_START.saturating_add(pace * turn));
    let passed: usize = times.map(|now| read.passed(1, now)).sum();
    assert_eq!(passed, 600);
    let denied = read.spend(1, HOUR_START.saturating_add(MINUTE - MICRO));
    assert_eq!(denied.wait(), MICRO);
    assert_eq!(denied.retry_after_seconds(), 1);
}

/// Row #230: the 5,001st of a credential is denied until the hour ends, whatever tiers it came by.
#[test]
fn a_credential_has_5000_an_hour_over_all_tiers() {
    let (limiter, tiers) = (MemoryLimiter::new(), Tiers::standard());
    let spend = |turn: u32, now| {
        let tier = Tier::ALL[(turn % 3) as usize];
        let account = Subject {
            key: SubjectKey(u128::from(turn)),
            policy: tiers.of(tier),
        }; // never the bottleneck
        let credential = Subject {
            key: SubjectKey(u128::MAX),
            policy: tiers.ceiling(),
        };
        let subjects = [account, credential];
        let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
        Seen::of(&limiter.try_decide(&check, now).unwrap())
    };
    let now = HOUR_START.saturating_add(MINUTE);
    assert!((0..5_000).all(|turn| spend(turn, now).is_allowed()));
    let denied = spend(5_000, now);
    assert_eq!(denied.wait(), HOUR - MINUTE);
    let shown = denied.shown().unwrap();
    assert_eq!(
        (shown.policy.as_str(), shown.rule.most(), shown.remaining),
        ("ceiling", 5_000, 0)
    );
    assert_eq!(shown.reset, HOUR_START.saturating_add(HOUR));
    assert!(spend(5_001, HOUR_START.saturating_add(HOUR)).is_allowed());
}

/// governor: with 1 per hour and a burst of 2, a cost of 5,124,097 wrapped around and passed.
#[test]
fn a_huge_cost_is_an_error_and_never_passes() {
    let policy = Policy::new("p", [Limit::gcra("burst", 1, HOUR, 2).unwrap()]).unwrap();
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &policy,
    }];
    for cost in [3, 5_124_097, u64::MAX] {
        let error = Check::new(SubjectKey(1), &subjects, cost).unwrap_err();
        assert!(matches!(error, CheckError::CostAboveLimit { most: 2, .. }));
    }
}

/// governor, redis-cell and throttlecrab truncate 1e9/n: 700 million per second became a thousand million.
#[test]
fn a_rate_is_kept_exactly_or_refused() {
    let error = Limit::gcra("burst", 700_000_000, Duration::from_secs(1), 1).unwrap_err();
    assert!(matches!(error, PolicyError::InexactRate { .. }));
}

/// upstash (before #156): a denied cost of 5 with 2 left stored -3. envoy (#185), node-rate-limiter-flexible (#286): denials charge.
#[test]
fn a_denied_cost_leaves_what_was_left() {
    let one = One::new([
        Limit::window("minute", 7, MINUTE),
        Limit::gcra("burst", 10, Duration::from_secs(1), 7),
    ]);
    assert!(one.spend(5, HOUR_START).is_allowed());
    assert!((0..100).all(|_| !one.spend(5, HOUR_START).is_allowed()));
    assert_eq!(one.passed(9, HOUR_START), 2);
}

/// upstash: one denied cost of 100 blocked costs of 1 until the window's end.
#[test]
fn a_large_cost_that_is_denied_blocks_no_small_one() {
    let one = One::new([Limit::window("minute", 100, MINUTE)]);
    assert!(one.spend(1, HOUR_START).is_allowed());
    assert!(!one.spend(100, HOUR_START).is_allowed());
    assert!(one.spend(1, HOUR_START).is_allowed());
}

/// envoy (#1060), node-rate-limiter-flexible (#280): traffic that one limit blocks drained the others. limitador (#513): a loose limit
/// hid a strict one.
#[test]
fn a_strict_limit_holds_and_spares_a_loose_one() {
    let one = One::new([
        Limit::window("hour", 100, HOUR),
        Limit::window("minute", 2, MINUTE),
    ]);
    assert_eq!(one.passed(500, HOUR_START), 2);
    let denied = one.spend(1, HOUR_START);
    assert_eq!(
        denied
            .reports()
            .map(|report| report.remaining)
            .collect::<Vec<_>>(),
        [98, 0]
    );
}

/// kora (#571): the same key twice in one batch defeated all-or-nothing.
#[test]
fn a_subject_named_twice_counts_once() {
    let limiter = MemoryLimiter::new();
    let policy = Policy::new("p", [Limit::window("minute", 3, MINUTE).unwrap()]).unwrap();
    let subject = Subject {
        key: SubjectKey(1),
        policy: &policy,
    };
    let subjects = [subject, subject, subject];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    let left = || {
        limiter
            .try_decide(&check, HOUR_START)
            .unwrap()
            .reports()
            .map(|report| report.remaining)
            .collect::<Vec<_>>()
    };
    assert_eq!([left(), left(), left()], [[2], [1], [0]]);
    assert!(!limiter.try_decide(&check, HOUR_START).unwrap().is_allowed());
}

/// envoy joins key parts with `_`, unkey with `-`: ("a", "b_c") met ("a_b", "c").
#[test]
fn parts_of_a_key_do_not_run_into_each_other() {
    let hasher = SubjectHasher::new([1; 16]);
    let pairs = [
        ("a", "b_c"),
        ("a_b", "c"),
        ("a_", "b_c"),
        ("", "a_b_c"),
        ("a_b_c", ""),
        ("a", "b-c"),
        ("a\0", "b"),
        ("a", "\0b"),
    ];
    for (at, (left, right)) in pairs.iter().enumerate() {
        let same = pairs
            .iter()
            .filter(|(a, b)| hasher.key(a, b.as_bytes()) == hasher.key(left, right.as_bytes()));
        assert_eq!(same.count(), 1, "pair {at}");
    }
}

/// tower-governor, limitador, throttlecrab: a wait with a fraction was cut off, so the retry came early; cloud_controller_ng (#2544) sent
/// an instant; flask-limiter (#62) a negative number.
#[test]
fn the_wait_in_seconds_is_rounded_up_and_never_zero() {
    let one = One::new([Limit::gcra("burst", 2, Duration::from_secs(3), 1)]);
    let allowed = one.spend(1, HOUR_START);
    assert!(allowed.is_allowed());
    assert_eq!(
        (allowed.wait(), allowed.retry_after_seconds()),
        (Duration::ZERO, 1)
    );
    for (after_micros, wait_micros, seconds) in [
        (0, 1_500_000, 2),
        (499_999, 1_000_001, 2),
        (500_000, 1_000_000, 1),
        (1_499_999, 1, 1),
    ] {
        let denied = one.spend(1, HOUR_START.saturating_add(MICRO * after_micros));
        assert_eq!(
            (denied.wait(), denied.retry_after_seconds()),
            (MICRO * wait_micros, seconds)
        );
    }
    assert!(
        one.spend(1, HOUR_START.saturating_add(Duration::from_millis(1_500)))
            .is_allowed()
    );
}

/// Metron (#629): after a limit was lowered below what is used there was no Retry-After, or a negative remaining.
#[test]
fn a_limit_lowered_below_what_is_used_waits_for_the_window() {
    let mut one = One::new([Limit::window("minute", 10, MINUTE)]);
    assert_eq!(one.passed(8, HOUR_START), 8);
    one.policy = Policy::new("p", [Limit::window("minute", 5, MINUTE).unwrap()]).unwrap();
    let denied = one.spend(1, HOUR_START.saturating_add(Duration::from_secs(20)));
    assert_eq!(
        (denied.reports().next().unwrap().remaining, denied.wait()),
        (0, Duration::from_secs(40))
    );
}

/// GCRA limiters keep an arrival time far ahead when the clock goes back, and deny for the size of the step.
#[test]
fn a_step_back_of_an_hour_costs_one_interval() {
    let read = One::new([Limit::gcra("burst", 10, Duration::from_secs(1), 30)]);
    assert_eq!(read.passed(30, HOUR_START.saturating_add(HOUR)), 30);
    let denied = read.spend(1, HOUR_START);
    assert_eq!(denied.wait(), Duration::from_millis(100));
    assert!(
        read.spend(1, HOUR_START.saturating_add(denied.wait()))
            .is_allowed()
    );
}

/// The same for windows: at most two lengths.
#[test]
fn a_step_back_of_an_hour_costs_no_more_than_the_window() {
    let one = One::new([Limit::window("minute", 3, MINUTE)]);
    assert_eq!(one.passed(9, HOUR_START.saturating_add(HOUR)), 3);
    assert_eq!(one.spend(1, HOUR_START).wait(), MINUTE);
    assert_eq!(one.passed(9, HOUR_START.saturating_add(MINUTE)), 3);
}

/// Callers whose clocks differ by a little meet at the boundary: what either has counted stands.
#[test]
fn a_late_reader_does_not_empty_the_next_window() {
    let one = One::new([Limit::window("minute", 3, MINUTE)]);
    let (before, after) = (
        HOUR_START.saturating_sub(MICRO),
        HOUR_START.saturating_add(MICRO),
    );
    assert_eq!(one.passed(2, after), 2);
    assert_eq!(one.passed(1, before), 1);
    assert_eq!(one.passed(3, after), 0);
    assert_eq!(one.spend(1, before).wait(), MINUTE + MICRO);
}

/// limitador and gubernator evict live counters when full: a flood of strangers gave everyone a fresh budget. governor and
/// throttlecrab walk the whole table at once.
#[test]
fn the_sweep_drops_what_is_stale_and_nothing_else() {
    let limiter = one_shard(None);
    let policy = Policy::new(
        "p",
        [Limit::gcra("burst", 1, Duration::from_millis(100), 2).unwrap()],
    )
    .unwrap();
    let spend = |key: u32, now| {
        let subjects = [Subject {
            key: SubjectKey(u128::from(key)),
            policy: &policy,
        }];
        limiter
            .try_decide(&Check::new(SubjectKey(0), &subjects, 2).unwrap(), now)
            .unwrap()
            .is_allowed()
    };
    for key in 0..20_000_u32 {
        let now = HOUR_START.saturating_add(Duration::from_millis(1) * key);
        assert!(spend(key, now));
        if let Some(recent) = key.checked_sub(199) {
            assert!(!spend(recent, now), "{recent} is still live at {key}");
        }
        assert!(
            limiter.len() <= 2 * 200 + 2,
            "200 are live, {} are held",
            limiter.len()
        );
    }
}

/// A flood that has passed is shed twice as fast as newcomers arrive.
#[test]
fn the_sweep_shrinks_what_a_flood_has_left() {
    let limiter = one_shard(None);
    let policy = Policy::new("p", [Limit::window("minute", 1, MINUTE).unwrap()]).unwrap();
    let arrive = |keys: std::ops::Range<u128>, now| {
        for key in keys.map(SubjectKey) {
            let subjects = [Subject {
                key,
                policy: &policy,
            }];
            let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
            assert!(limiter.try_decide(&check, now).unwrap().is_allowed());
        }
    };
    arrive(0..1_000, HOUR_START);
    assert_eq!(limiter.len(), 1_000);
    arrive(1_000..1_500, HOUR_START.saturating_add(MINUTE));
    assert_eq!(limiter.len(), 500);
}

/// A denial of a subject never seen before leaves no trace of him.
#[test]
fn a_denial_takes_no_memory() {
    let limiter = MemoryLimiter::new();
    let policy = Policy::new("p", [Limit::window("minute", 1, MINUTE).unwrap()]).unwrap();
    let spend = |key: u128| {
        let subjects = [SubjectKey(0), SubjectKey(key)].map(|key| Subject {
            key,
            policy: &policy,
        });
        limiter
            .try_decide(
                &Check::new(SubjectKey(0), &subjects, 1).unwrap(),
                HOUR_START,
            )
            .unwrap()
            .is_allowed()
    };
    assert!(spend(1));
    assert!((2..100).all(|key| !spend(key)));
    assert_eq!(limiter.len(), 2);
}

/// A policy whose limits changed in kind finds cells that are not its own.
#[test]
fn a_cell_of_another_kind_counts_as_none() {
    let window = One::new([Limit::window("minute", 1, MINUTE)]);
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &window.policy,
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    let spent = picora_ratelimit::step(&check, &[Record::default()], HOUR_START)
        .write
        .unwrap();
    let burst = Policy::new(
        "p",
        [
            Limit::gcra("burst", 1, HOUR, 1).unwrap(),
            Limit::window("minute", 1, MINUTE).unwrap(),
        ],
    )
    .unwrap();
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &burst,
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    assert!(
        picora_ratelimit::step(&check, &spent, HOUR_START)
            .decision
            .is_allowed()
    );
}

/// limitador and gubernator let a flood push live counters out without a word. With a bound, who is pushed out is the one that would have
/// been forgotten soonest, and he is counted.
#[test]
fn a_bound_is_kept_and_what_it_costs_is_counted() {
    let limiter = one_shard(Some(100));
    let short = Policy::new("p", [Limit::window("minute", 1, MINUTE).unwrap()]).unwrap();
    let long = Policy::new("p", [Limit::window("hour", 1, HOUR).unwrap()]).unwrap();
    let spend = |key: u128, policy: &Policy| {
        let subjects = [Subject {
            key: SubjectKey(key),
            policy,
        }];
        let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
        let decision = limiter.try_decide(&check, HOUR_START).unwrap();
        decision.is_allowed()
    };
    assert!((0..20).all(|key| spend(key, &long)));
    assert!((1_000..21_000).all(|key| spend(key, &short)));
    assert_eq!(limiter.len(), 100);
    assert_eq!(limiter.evicted(), 20 + 20_000 - 100);
    let kept = (0..20).filter(|key| !spend(*key, &long)).count();
    assert!(kept >= 15, "{kept} of 20 that count longer were kept");
}

/// A key that is denied again and again is answered from a copy; whatever changes its record drops the copy first.
#[test]
fn a_remembered_denial_never_outlives_its_reason() {
    let one = One::new([
        Limit::window("minute", 2, MINUTE),
        Limit::gcra("burst", 2, Duration::from_secs(1), 2),
    ]);
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &one.policy,
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap();
    assert_eq!(one.passed(9, HOUR_START), 2);
    assert!(!one.spend(1, HOUR_START).is_allowed(), "remembered now");
    ready(one.limiter.refund(&check, HOUR_START, HOUR_START)).unwrap();
    assert_eq!(one.passed(9, HOUR_START), 1, "after a refund");
    assert!(!one.spend(1, HOUR_START).is_allowed(), "remembered again");
    ready(one.limiter.reset(SubjectKey(1), SubjectKey(1), HOUR_START)).unwrap();
    assert_eq!(one.passed(9, HOUR_START), 2, "after a reset");
    let denied = one.spend(1, HOUR_START);
    assert_eq!(one.passed(9, HOUR_START.saturating_add(denied.wait())), 2);
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    use picora_ratelimit::conformance::{Harness, MemoryHarness};
    MemoryHarness.run(future)
}

/// Found by a reader: a denial was remembered for as long as a challenge beside it lasts, and not for as long as it denies itself.
#[test]
fn a_remembered_denial_ends_with_its_own_wait() {
    let one = One::new([
        Limit::gcra("burst", 1, Duration::from_secs(1), 1),
        Limit::window("captcha", 1, HOUR).map(Limit::challenging),
    ]);
    assert!(one.spend(1, HOUR_START).is_allowed());
    assert_eq!(one.spend(1, HOUR_START).shown().unwrap().wait, HOUR);
    let subjects = [Subject {
        key: SubjectKey(1),
        policy: &one.policy,
    }];
    let check = Check::new(SubjectKey(1), &subjects, 1).unwrap().solved();
    let later = HOUR_START.saturating_add(Duration::from_millis(1_500));
    assert!(one.limiter.try_decide(&check, later).unwrap().is_allowed());
}

/// Found by a reader: in a full shard a newcomer of the other size was the only one weighed, and was never limited.
#[test]
fn a_newcomer_to_a_full_shard_is_not_the_one_who_goes() {
    for wide_first in [false, true] {
        let limiter = one_shard(Some(20));
        let line = Policy::new("p", [Limit::window("hour", 1, HOUR).unwrap()]).unwrap();
        let wide = Policy::new("p", [Limit::rolling("hour", 1, HOUR).unwrap()]).unwrap();
        let (many, newcomer) = if wide_first {
            (&wide, &line)
        } else {
            (&line, &wide)
        };
        let spend = |key: u128, policy: &Policy, now| {
            let subjects = [Subject {
                key: SubjectKey(key),
                policy,
            }];
            let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
            limiter.try_decide(&check, now).unwrap().is_allowed()
        };
        assert!((0..30).all(|key| spend(key, many, HOUR_START)));
        assert!(spend(1_000, newcomer, HOUR_START));
        assert!(!spend(1_000, newcomer, HOUR_START), "limited like others");
        assert_eq!(limiter.len(), 20);
    }
}

/// Found by a reader: a sparse table that shrank while it was searched for someone to go.
#[test]
fn a_shard_of_both_sizes_bears_floods_of_either() {
    let limiter = one_shard(Some(100));
    let minute = Policy::new("p", [Limit::window("minute", 1, MINUTE).unwrap()]).unwrap();
    let hour = Policy::new("p", [Limit::rolling("hour", 1, HOUR).unwrap()]).unwrap();
    for turn in 0..4_000_u128 {
        let policy = if turn / 150 % 2 == 0 { &minute } else { &hour };
        let now =
            HOUR_START.saturating_add(Duration::from_millis(700) * u32::try_from(turn).unwrap());
        let subjects = [Subject {
            key: SubjectKey(turn),
            policy,
        }];
        let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
        assert!(limiter.try_decide(&check, now).unwrap().is_allowed());
        assert!(!limiter.try_decide(&check, now).unwrap().is_allowed());
        assert!(limiter.len() <= 100);
    }
}

/// Found by a reader: of two subjects' terms the first one's counted, and the other's burst was not shortened enough.
#[test]
fn several_leased_policies_keep_the_strictest_terms() {
    use picora_ratelimit::LeaseTerms;
    let terms = |life, tokens, pause| LeaseTerms {
        life: Duration::from_millis(life),
        tokens,
        pause: Duration::from_millis(pause),
    };
    let burst = || {
        Policy::new(
            "p",
            [Limit::gcra("b", 1_000, Duration::from_secs(1), 900).unwrap()],
        )
    };
    let long = burst().unwrap().leased(terms(200, 50, 100)).unwrap();
    let short = burst().unwrap().leased(terms(10, 256, 300)).unwrap();
    let plain = burst().unwrap();
    let lease = |policies: [&Policy; 2]| {
        let subjects = [(1, policies[0]), (2, policies[1])].map(|(key, policy)| Subject {
            key: SubjectKey(key),
            policy,
        });
        Check::new(SubjectKey(0), &subjects, 1).unwrap().lease()
    };
    assert_eq!(lease([&long, &short]), Some(terms(10, 50, 300)));
    assert_eq!(lease([&short, &long]), Some(terms(10, 50, 300)));
    assert_eq!(lease([&long, &plain]), None);
}
