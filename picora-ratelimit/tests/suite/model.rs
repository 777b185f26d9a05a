//! Random histories on the pure step, judged by definitions that share nothing with it: whole logs of what passed.

use std::time::Duration;

use picora_core::Timestamp;
use picora_ratelimit::{
    Calendar, Cell, CellKind, Check, Gcra, Limit, Log as Stamps, Policy, Record, Rolling, Rule,
    Stamp, Subject, SubjectKey, Tier, Tiers, Window, refund, step,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What passed, at which microsecond.
type Log = Vec<(i64, u64)>;

/// Whether one limit has room, by its definition over the whole log.
fn has_room(rule: Rule, log: &Log, cost: u64, now: i64) -> bool {
    match rule {
        Rule::Window(rule) => {
            let length = i64::try_from(rule.length().as_micros()).unwrap();
            let used: u64 = log
                .iter()
                .filter(|(at, _)| at / length == now / length)
                .map(|(_, cost)| cost)
                .sum();
            used + cost <= rule.limit()
        }
        // Every closed span that ends now: what passed in it drains at one per interval, but for a burst.
        Rule::Gcra(rule) => {
            let interval = rule.interval().as_micros();
            let starts = log.iter().map(|(at, _)| *at).chain([now]);
            starts.into_iter().all(|start| {
                let spent: u64 = log
                    .iter()
                    .filter(|(at, _)| *at >= start)
                    .map(|(_, cost)| cost)
                    .sum();
                let drained = u128::try_from(now - start).unwrap();
                u128::from(spent + cost) * interval <= u128::from(rule.burst()) * interval + drained
            })
        }
        // Every half-open span that ends with now.
        Rule::Rolling(rule) => {
            let length = i64::try_from(rule.length().as_micros()).unwrap();
            let spent: u64 = log
                .iter()
                .filter(|(at, _)| at + length > now)
                .map(|(_, cost)| cost)
                .sum();
            spent + cost <= rule.limit()
        }
        Rule::Calendar(rule) => {
            let day = |at: i64| {
                let at = Timestamp::from_unix_micros(at).to_rfc3339();
                match rule.unit() {
                    picora_ratelimit::CalendarUnit::Day => at[..10].to_owned(),
                    picora_ratelimit::CalendarUnit::Month => at[..7].to_owned(),
                }
            };
            let used: u64 = log
                .iter()
                .filter(|(at, _)| day(*at) == day(now))
                .map(|(_, cost)| cost)
                .sum();
            used + cost <= rule.limit()
        }
        _ => unreachable!("the suite knows all kinds"),
    }
}

/// A world of subjects whose policies and logs the model knows.
struct World {
    policies: Vec<Policy>,
    records: Vec<Record>,
    logs: Vec<Log>,
}

impl World {
    fn new(policies: Vec<Policy>) -> Self {
        let (records, logs) = (
            vec![Record::default(); policies.len()],
            vec![Log::new(); policies.len()],
        );
        Self {
            policies,
            records,
            logs,
        }
    }

    fn subjects(&self, who: &[usize]) -> Vec<Subject<'_>> {
        who.iter()
            .map(|at| Subject {
                key: SubjectKey(*at as u128),
                policy: &self.policies[*at],
            })
            .collect()
    }

    /// What the rule says, what the definition says, and the wait; then the charge.
    fn ask(&mut self, who: &[usize], cost: u64, now: i64) -> (bool, bool, Duration) {
        let subjects = self.subjects(who);
        let check = Check::new(SubjectKey(0), &subjects, cost).unwrap();
        let distinct: Vec<usize> = check
            .subjects()
            .map(|subject| usize::try_from(subject.key.0).unwrap())
            .collect();
        let stored: Vec<Record> = distinct
            .iter()
            .map(|at| self.records[*at].clone())
            .collect();
        let step = step(&check, &stored, Timestamp::from_unix_micros(now));
        let room = |at: &usize| {
            let mut limits = self.policies[*at].limits().iter();
            limits.all(|limit| has_room(limit.rule(), &self.logs[*at], cost, now))
        };
        let expected = distinct.iter().all(room);
        let (allowed, wait) = (step.decision.is_allowed(), step.decision.wait());
        assert_eq!(
            allowed,
            step.write.is_some(),
            "a denial writes nothing while clocks go forward"
        );
        for (at, record) in distinct.iter().zip(step.write.into_iter().flatten()) {
            self.records[*at] = record;
            self.logs[*at].push((now, cost));
        }
        (allowed, expected, wait)
    }

    /// The same question without a charge.
    fn would_pass(&self, who: &[usize], cost: u64, now: i64) -> bool {
        let subjects = self.subjects(who);
        let check = Check::new(SubjectKey(0), &subjects, cost).unwrap();
        let stored: Vec<Record> = check
            .subjects()
            .map(|s| self.records[usize::try_from(s.key.0).unwrap()].clone())
            .collect();
        step(&check, &stored, Timestamp::from_unix_micros(now))
            .decision
            .is_allowed()
    }
}

fn a_limit() -> impl Strategy<Value = Rule> {
    let window = (4_u64..12, 1_u64..2_000).prop_map(|(n, length)| {
        Rule::Window(Window::new(n, Duration::from_micros(length)).unwrap())
    });
    let gcra = (4_u64..12, 1_u64..300).prop_map(|(n, interval)| {
        Rule::Gcra(Gcra::every(Duration::from_micros(interval), n).unwrap())
    });
    let rolling = (4_u64..12, 1_u64..2_000).prop_map(|(n, length)| {
        Rule::Rolling(Rolling::new(n, Duration::from_micros(length)).unwrap())
    });
    prop_oneof![window, gcra, rolling]
}

/// Days and months, whose boundaries are far apart.
fn a_calendar_limit() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (4_u64..12).prop_map(|n| Rule::Calendar(Calendar::day(n).unwrap())),
        (4_u64..40).prop_map(|n| Rule::Calendar(Calendar::month(n).unwrap())),
    ]
}

fn a_policy() -> impl Strategy<Value = Policy> {
    vec(a_limit(), 1..4).prop_map(|rules| {
        let limit = |(at, rule): (usize, Rule)| Limit::new(&format!("l{at}"), rule).unwrap();
        Policy::new("p", rules.into_iter().enumerate().map(limit)).unwrap()
    })
}

/// One request: after how many microseconds, at which cost, by whom.
fn a_request(subjects: usize) -> impl Strategy<Value = (i64, u64, Vec<usize>)> {
    let pause = prop_oneof![4 => 0_i64..60, 1 => 0_i64..3_000, 2 => Just(0)];
    (pause, 1_u64..=4, vec(0..subjects, 1..4))
}

proptest! {
    /// Allowed exactly when the definition says so: so no window and no span ever admits more than its limit, several subjects are
    /// charged together or not at all, duplicates count once, and a denial costs nothing.
    #[test]
    fn the_step_is_the_definition(policies in vec(a_policy(), 3), start in 0_i64..5_000, requests in vec(a_request(3), 1..60)) {
        let (mut world, mut now) = (World::new(policies), start);
        for (pause, cost, who) in requests {
            now += pause;
            let (allowed, expected, _) = world.ask(&who, cost, now);
            prop_assert_eq!(allowed, expected, "at {} for {:?}", now, who);
        }
    }

    /// The same over days and months of half a century, leap years and all.
    #[test]
    fn the_calendar_is_the_calendar(rules in vec(a_calendar_limit(), 1..3), start in 0_i64..50 * 366, requests in vec((0_i64..40_000, 1_u64..=4), 1..80)) {
        let limit = |(at, rule): (usize, Rule)| Limit::new(&format!("l{at}"), rule).unwrap();
        let policy = Policy::new("p", rules.into_iter().enumerate().map(limit)).unwrap();
        let (mut world, mut now) = (World::new(vec![policy]), start * 86_400_000_000);
        for (minutes, cost) in requests {
            now += minutes * 60_000_000;
            let (allowed, expected, wait) = world.ask(&[0], cost, now);
            prop_assert_eq!(allowed, expected, "at {}", Timestamp::from_unix_micros(now).to_rfc3339());
            let wait = i64::try_from(wait.as_micros()).unwrap();
            prop_assert!(allowed || world.would_pass(&[0], cost, now + wait));
            prop_assert!(allowed || !world.would_pass(&[0], cost, now + wait - 1));
        }
    }

    /// What a store writes as bytes it reads back; whatever else it reads is no record, and no panic.
    #[test]
    fn a_record_survives_its_bytes(cells in vec(a_wild_cell(), 0..6), log in a_wild_log(), garbage in vec(any::<u8>(), 0..80), cut in any::<prop::sample::Index>()) {
        let record = Record::new(cells.into_iter().filter(|cell| cell.kind().is_some()).collect()).with_log(log);
        let bytes = record.to_bytes();
        let read = Record::from_bytes(&bytes);
        prop_assert_eq!(read.as_ref().map(Record::cells), Some(record.cells()));
        prop_assert_eq!(read.as_ref().map(|read| read.log().stamps()), Some(record.log().stamps()));
        let _ = Record::from_bytes(&garbage);
        let _ = Record::from_bytes(&bytes[..cut.index(bytes.len())]);
    }

    /// Waiting exactly as long as told passes; a microsecond less does not.
    #[test]
    fn the_wait_is_exact(policies in vec(a_policy(), 3), start in 0_i64..5_000, requests in vec(a_request(3), 1..60)) {
        let (mut world, mut now) = (World::new(policies), start);
        for (pause, cost, who) in requests {
            now += pause;
            let (allowed, _, wait) = world.ask(&who, cost, now);
            let wait = i64::try_from(wait.as_micros()).unwrap();
            prop_assert_eq!(allowed, wait == 0);
            prop_assert!(world.would_pass(&who, cost, now + wait) || allowed);
            prop_assert!(allowed || !world.would_pass(&who, cost, now + wait - 1), "a microsecond early");
        }
    }

    /// A record that is said to be fresh can be forgotten: every answer is that of a subject never seen.
    #[test]
    fn a_fresh_record_can_be_forgotten(policy in a_policy(), requests in vec(a_request(1), 1..40), later in 0_i64..5_000, cost in 1_u64..=4) {
        let (mut world, mut now) = (World::new(vec![policy.clone()]), 0);
        for (pause, cost, who) in requests {
            now += pause;
            world.ask(&who, cost, now);
        }
        let fresh = world.records[0].fresh_from().max(Timestamp::from_unix_micros(now));
        let at = fresh.saturating_add(Duration::from_micros(u64::try_from(later).unwrap()));
        let subjects = [Subject { key: SubjectKey(0), policy: &policy }];
        let check = Check::new(SubjectKey(0), &subjects, cost).unwrap();
        prop_assert_eq!(step(&check, &world.records, at), step(&check, &[], at));
    }

    /// What was refunded aside, no limit ever admits more than it may.
    #[test]
    fn a_refund_never_lets_more_through(policy in a_policy(), requests in vec((a_request(1), 0_usize..40, any::<bool>()), 1..40)) {
        let (mut world, mut now) = (World::new(vec![policy.clone()]), 0);
        let mut open: Log = Vec::new();
        for ((pause, cost, who), which, take_back) in requests {
            now += pause;
            let (allowed, _, _) = world.ask(&who, cost, now);
            if allowed {
                prop_assert!(policy.limits().iter().all(|limit| has_room(limit.rule(), &open, cost, now)), "too much at {}", now);
                open.push((now, cost));
            }
            if take_back && which < open.len() {
                let (charged_at, cost) = open.remove(which);
                let subjects = [Subject { key: SubjectKey(0), policy: &policy }];
                let check = Check::new(SubjectKey(0), &subjects, cost).unwrap();
                let at = Timestamp::from_unix_micros;
                world.records = refund(&check, &world.records, at(charged_at), at(now));
                world.logs[0].clear(); // the definition over all charges no longer applies
            }
        }
    }

    /// 600 a minute with a burst of 30: never more than 600 in a clock minute, 630 in any closed 60 s, 30 at one instant.
    #[test]
    fn the_read_tier_admits_at_most_630_in_any_minute(start in 0_i64..120_000_000, attempts in vec((0_i64..6_000_000, 1_usize..60), 30..60)) {
        let tiers = Tiers::standard();
        let (mut world, mut now) = (World::new(vec![tiers.of(Tier::Read).clone()]), start);
        let mut passed: Vec<i64> = Vec::new();
        for (pause, tries) in attempts {
            now += pause;
            for _ in 0..tries {
                let (allowed, _) = ask_without_a_model(&mut world, now);
                passed.extend(allowed.then_some(now));
            }
        }
        // Whoever passes may not find the 630th before him within the minute, nor the 30th at his instant, nor the 600th in his window.
        for (last, at) in passed.iter().enumerate() {
            let nth_before = |n: usize| last.checked_sub(n).map(|first| passed[first]);
            prop_assert!(nth_before(630).is_none_or(|first| first < at - 60_000_000));
            prop_assert!(nth_before(600).is_none_or(|first| first / 60_000_000 < at / 60_000_000));
            prop_assert!(nth_before(30).is_none_or(|first| first < *at));
        }
    }

    /// Whatever a store answers and wherever the clock goes, nothing panics, and nobody is denied for longer than two windows or one
    /// burst, once the denial has been written.
    #[test]
    fn a_wild_clock_locks_nobody_out(policy in a_policy(), cells in vec(a_wild_cell(), 0..4), log in a_wild_log(), times in vec(a_wild_time(), 1..20), cost in 1_u64..=4) {
        let subjects = [Subject { key: SubjectKey(0), policy: &policy }];
        let check = Check::new(SubjectKey(0), &subjects, cost).unwrap();
        let mut records = vec![Record::new(cells).with_log(log)];
        for now in times {
            let step = step(&check, &records, now);
            let (bound, wait) = (bound(&policy), step.decision.wait());
            prop_assert!(wait <= bound, "{:?} > {:?}", wait, bound);
            records = step.write.unwrap_or(records);
            let later = now.saturating_add(wait);
            if !step.decision.is_allowed() && later < Timestamp::MAX {
                prop_assert!(self::step(&check, &records, later).decision.is_allowed());
            }
            records = refund(&check, &records, Timestamp::EPOCH, now);
        }
    }
}

fn ask_without_a_model(world: &mut World, now: i64) -> (bool, Duration) {
    let subjects = world.subjects(&[0]);
    let check = Check::new(SubjectKey(0), &subjects, 1).unwrap();
    let step = step(&check, &world.records, Timestamp::from_unix_micros(now));
    let answer = (step.decision.is_allowed(), step.decision.wait());
    if let Some(records) = step.write {
        world.records = records;
    }
    answer
}

fn a_wild_cell() -> impl Strategy<Value = Cell> {
    let instant = prop_oneof![any::<i64>(), 0_i64..10_000, Just(i64::MAX), Just(i64::MIN)];
    let kind = prop_oneof![
        Just(CellKind::Gcra),
        Just(CellKind::Window),
        Just(CellKind::Calendar)
    ];
    (kind, instant, any::<u64>()).prop_map(|(kind, at, number)| Cell::new(kind, at, number))
}

fn a_wild_log() -> impl Strategy<Value = Stamps> {
    let at = prop_oneof![any::<i64>(), 0_i64..10_000];
    let stamp = (at, prop_oneof![any::<u64>(), 0_u64..5]).prop_map(|(at, cost)| Stamp { at, cost });
    (vec(stamp, 0..8), any::<u64>()).prop_map(|(stamps, horizon)| Stamps::new(stamps, horizon))
}

fn a_wild_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![any::<i64>(), 0_i64..10_000].prop_map(Timestamp::from_unix_micros)
}

/// The longest wait that a policy may ever tell.
fn bound(policy: &Policy) -> Duration {
    let of = |rule: Rule| match rule {
        Rule::Window(rule) => rule.length() * 2,
        Rule::Gcra(rule) => rule.interval() * u32::try_from(rule.burst()).unwrap(),
        Rule::Rolling(rule) => rule.length() + Duration::from_secs(1),
        _ => unreachable!("the wild suite makes no calendars"),
    };
    policy
        .limits()
        .iter()
        .map(|limit| of(limit.rule()))
        .max()
        .unwrap()
}
