//! Random histories, verdict for verdict beside the pure step on plain maps.

use std::collections::HashMap;
use std::time::Duration;

use picora_core::{Entropy, SeededEntropy, Timestamp};

use super::harness::{NOW, ask, check, policy, subject};
use crate::{
    Check, Decision, Limit, Limiter, Policy, Record, Subject, SubjectKey, peek, refund, step,
};

/// So many random steps under this seed: checks of one to three subjects at two homes, of all kinds of limits, at several costs; looks,
/// refunds, resets; policies that grow and shrink; a clock that mostly goes forward by little, sometimes far, sometimes back. After each,
/// the limiter must have answered what the pure step answers on a map of records, to the last number.
///
/// A limiter that drops records which look fresh may not be led back to before it did: then the clock goes [`Forward`](Course::Forward).
///
/// # Panics
/// When an answer differs; the message has the seed and the step.
pub async fn a_random_history(limiter: &dyn Limiter, seed: u64, steps: usize, course: Course) {
    let mut history = History::new(seed, course);
    for nth in 0..steps {
        history.turn(limiter, nth).await;
    }
}

/// Where the clock of a history goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Never back.
    Forward,
    /// Sometimes back: by a microsecond, by seconds, by hours.
    Wild,
}

/// A short history, for a promise of its own.
pub async fn random_histories_equal_the_pure_step(limiter: &dyn Limiter) {
    a_random_history(limiter, 20_240_229, 2_000, Course::Forward).await;
}

type Place = (SubjectKey, SubjectKey);

struct History {
    seed: u64,
    course: Course,
    dice: SeededEntropy,
    now: Timestamp,
    policies: Vec<Policy>,
    books: HashMap<Place, Record>,
    charged: Vec<Charged>,
}

/// What was charged: at which home, to which subjects under which policies, how much, and when.
type Charged = (SubjectKey, Vec<(SubjectKey, usize)>, u64, Timestamp);

impl History {
    fn new(seed: u64, course: Course) -> Self {
        Self {
            seed,
            course,
            dice: SeededEntropy::new(seed),
            now: NOW,
            policies: policies(),
            books: HashMap::new(),
            charged: Vec::new(),
        }
    }

    fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        let sides = u64::try_from(sides).unwrap_or(1);
        usize::try_from(u64::from_le_bytes(bytes) % sides).unwrap_or(0)
    }

    fn tick(&mut self) {
        let micros = match self.roll(20) {
            0 => 3_600_000_000,
            1 => 60_000_000,
            2..5 => 1_000_000,
            5 if self.course == Course::Wild => {
                let back = [1, 500_000, 5_000_000, 7_200_000_000][self.roll(4)];
                self.now = self.now.saturating_sub(Duration::from_micros(back));
                0
            }
            _ => u64::try_from(self.roll(120_000)).unwrap_or(0),
        };
        self.now = self.now.saturating_add(Duration::from_micros(micros));
    }

    async fn turn(&mut self, limiter: &dyn Limiter, nth: usize) {
        self.tick();
        let home = SubjectKey(u128::from(self.roll(2) == 0));
        let who: Vec<(SubjectKey, usize)> = (0..=self.roll(3))
            .map(|_| self.roll(6))
            .map(|subject| {
                let key = SubjectKey(10 + subject as u128);
                (key, (subject + self.roll(8) / 7) % self.policies.len())
            })
            .collect();
        match self.roll(12) {
            0 => self.reset(limiter, home, who[0].0).await,
            1 => self.take_back(limiter).await,
            action => {
                let cost = [1, 1, 1, 2, 3][self.roll(5)];
                self.check(limiter, home, &distinct(who), cost, action, nth)
                    .await;
            }
        }
    }

    async fn check(
        &mut self,
        limiter: &dyn Limiter,
        home: SubjectKey,
        who: &[(SubjectKey, usize)],
        cost: u64,
        action: usize,
        nth: usize,
    ) {
        let policies = self.policies.clone();
        let subjects: Vec<Subject<'_>> = who
            .iter()
            .map(|(key, at)| subject(*key, &policies[*at]))
            .collect();
        let whole = check(home, &subjects, cost);
        let whole = if action == 2 { whole.solved() } else { whole };
        let records = self.records(&whole);
        let place = format!("seed {}, step {nth}, at {:?}", self.seed, self.now);
        if action == 3 {
            let answer = limiter.peek(&whole, self.now).await;
            let answer = answer.expect("the limiter under test can reach its store");
            same(&answer, &peek(&whole, &records, self.now), &place);
            return;
        }
        let answer = ask(limiter, &whole, self.now).await;
        let expected = step(&whole, &records, self.now);
        same(&answer, &expected.decision, &place);
        if answer.is_allowed() {
            self.charged.push((home, who.to_vec(), cost, self.now));
        }
        self.write(&whole, expected.write);
    }

    async fn reset(&mut self, limiter: &dyn Limiter, home: SubjectKey, subject: SubjectKey) {
        let reset = limiter.reset(home, subject, self.now).await;
        reset.expect("the limiter under test can reach its store");
        self.books.remove(&(home, subject));
    }

    async fn take_back(&mut self, limiter: &dyn Limiter) {
        if self.charged.is_empty() {
            return;
        }
        let (home, who, cost, at) = self.charged.swap_remove(self.roll(self.charged.len()));
        let policies = self.policies.clone();
        let subjects: Vec<Subject<'_>> = who
            .iter()
            .map(|(key, at)| subject(*key, &policies[*at]))
            .collect();
        let whole = check(home, &subjects, cost);
        let back = limiter.refund(&whole, at, self.now).await;
        back.expect("the limiter under test can reach its store");
        let records = refund(&whole, &self.records(&whole), at, self.now);
        self.write(&whole, Some(records));
    }

    fn records(&self, check: &Check<'_>) -> Vec<Record> {
        let places = check.subjects().map(|it| (check.home(), it.key));
        let stored = places.map(|place| self.books.get(&place));
        stored
            .map(|record| record.cloned().unwrap_or_default())
            .collect()
    }

    fn write(&mut self, check: &Check<'_>, records: Option<Vec<Record>>) {
        for (subject, record) in check.subjects().zip(records.into_iter().flatten()) {
            self.books.insert((check.home(), subject.key), record);
        }
    }
}

/// One policy for each subject: a check may not name one subject under two.
fn distinct(mut who: Vec<(SubjectKey, usize)>) -> Vec<(SubjectKey, usize)> {
    who.sort_by_key(|(key, _)| *key);
    who.dedup_by_key(|(key, _)| *key);
    who
}

fn same(answer: &Decision<'_>, expected: &Decision<'_>, place: &str) {
    assert_eq!(answer.verdict(), expected.verdict(), "{place}");
    assert_eq!(answer.decided_at(), expected.decided_at(), "{place}");
    assert_eq!(answer.wait(), expected.wait(), "{place}");
    assert_eq!(answer, expected, "{place}");
    assert!(answer.reports().eq(expected.reports()), "{place}");
    assert_eq!(answer.shown(), expected.shown(), "{place}");
}

/// All kinds; neighbours share kinds, so that a subject that changes between them keeps some of its cells.
fn policies() -> Vec<Policy> {
    let seconds = Duration::from_secs;
    vec![
        policy([
            Limit::window("minute", 6, seconds(60)),
            Limit::gcra("burst", 10, seconds(1), 4),
            Limit::window("hour", 40, seconds(3_600)),
        ]),
        policy([
            Limit::window("minute", 60, seconds(60)),
            Limit::gcra("burst", 100, seconds(1), 40),
        ]),
        policy([
            Limit::rolling("minute", 3, seconds(60)),
            Limit::rolling("hour", 7, seconds(3_600)),
            Limit::daily("day", 30),
        ]),
        policy([
            Limit::monthly("month", 200),
            Limit::daily("day", 25),
            Limit::rolling("ten-seconds", 5, seconds(10)),
            Limit::gcra("burst", 1, seconds(2), 6),
            Limit::window("minute", 9, seconds(60)),
        ]),
        policy([
            Limit::rolling("captcha", 3, seconds(600)).map(Limit::challenging),
            Limit::window("minute", 12, seconds(60)),
        ]),
        policy([
            Limit::gcra("burst", 4, seconds(1), 5).map(Limit::challenging),
            Limit::window("strict", 3, seconds(60)).map(Limit::shadowed),
            Limit::window("hour", 90, seconds(3_600)),
        ]),
    ]
}
