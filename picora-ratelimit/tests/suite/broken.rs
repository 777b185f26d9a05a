//! Limiters that each break one promise.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};
use picora_ratelimit::conformance::{Harness, MemoryHarness};
use picora_ratelimit::{
    Cell, CellKind, Check, Decision, Exceeded, Limit, Limiter, Policy, Record, Rule, Step, Subject,
    SubjectKey, Verdict, peek, refund, step,
};

/// What a limiter does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The clock is read in steps of 3 µs.
    CoarseClock,
    /// A denial costs as if it had passed.
    ChargesDenials,
    /// Everything costs one.
    CountsRequests,
    /// Each subject is decided for itself.
    DecidesOneByOne,
    /// A full table is emptied.
    DropsLiveRecords,
    /// The home is left out of the place.
    IgnoresHomes,
    /// The subject is left out of the place.
    IgnoresSubjects,
    /// Refunds are lost.
    KeepsRefunds,
    /// Another policy is another place.
    KeysByPolicy,
    /// A look is a check.
    ChargesLooks,
    /// Challenged questions are not counted.
    ForgetsQuestions,
    /// Resets are lost.
    IgnoresResets,
    /// A month has 30 days, a day 24 hours, from 1970.
    MonthsOfThirtyDays,
    /// A rolling limit is a window.
    RollsByWindows,
    /// What is tried out is in force.
    ShadowsDeny,
    /// Denials are never written, not even to heal.
    NeverHeals,
    /// Nothing: what fails with another fault fails because of that one.
    Nothing,
    /// A read and a later write.
    Races,
    /// A refund goes to the present window.
    RefundsTheWrongWindow,
    /// The answer of the check before.
    TellsThePast,
    /// Limits and bursts are doubled.
    Twice,
    /// Each way of asking has a book of its own.
    TwoBooks,
}

#[rustfmt::skip]
impl Fault {
    pub(crate) fn a_calendar_limit_follows_the_calendar() -> Self { Self::MonthsOfThirtyDays }
    pub(crate) fn a_challenge_counts_every_question() -> Self { Self::ForgetsQuestions }
    pub(crate) fn a_look_charges_nothing() -> Self { Self::ChargesLooks }
    pub(crate) fn a_reset_forgets_one_subject() -> Self { Self::IgnoresResets }
    pub(crate) fn a_rolling_log_is_exact_in_any_span() -> Self { Self::RollsByWindows }
    pub(crate) fn a_shadow_denies_nobody() -> Self { Self::ShadowsDeny }
    pub(crate) fn a_changed_policy_keeps_what_was_used() -> Self { Self::KeysByPolicy }
    pub(crate) fn a_clock_that_goes_back_locks_nobody_out() -> Self { Self::NeverHeals }
    pub(crate) fn a_cost_counts_whole() -> Self { Self::CountsRequests }
    pub(crate) fn a_denial_charges_nothing() -> Self { Self::ChargesDenials }
    pub(crate) fn a_refund_gives_back() -> Self { Self::KeepsRefunds }
    pub(crate) fn a_refund_spares_later_windows() -> Self { Self::RefundsTheWrongWindow }
    pub(crate) fn a_window_admits_exactly_its_limit() -> Self { Self::Twice }
    pub(crate) fn both_ways_of_asking_share_one_budget() -> Self { Self::TwoBooks }
    pub(crate) fn homes_do_not_share() -> Self { Self::IgnoresHomes }
    pub(crate) fn one_instant_admits_exactly_the_burst() -> Self { Self::Twice }
    pub(crate) fn random_histories_equal_the_pure_step() -> Self { Self::RefundsTheWrongWindow }
    pub(crate) fn reports_tell_what_is_left() -> Self { Self::TellsThePast }
    pub(crate) fn strangers_push_nobody_out() -> Self { Self::DropsLiveRecords }
    pub(crate) fn subjects_are_charged_together_or_not_at_all() -> Self { Self::DecidesOneByOne }
    pub(crate) fn subjects_do_not_share() -> Self { Self::IgnoresSubjects }
    pub(crate) fn waiting_exactly_the_wait_passes_and_less_does_not() -> Self { Self::CoarseClock }
}

/// A harness of limiters with one fault.
pub(crate) struct Broken(pub(crate) Fault);

impl Harness for Broken {
    type Guard = ();
    fn run<F: Future>(&self, future: F) -> F::Output {
        MemoryHarness.run(future)
    }
    fn fresh(&self) -> ((), Arc<dyn Limiter>) {
        let limiter = BrokenLimiter {
            fault: self.0,
            books: Default::default(),
            readers: AtomicUsize::new(0),
            turn: Mutex::default(),
            before: Mutex::default(),
        };
        ((), Arc::new(limiter))
    }
}

/// Fails the test when the promise holds, or when it is the broken limiter that panics and not an assertion of the promise.
pub(crate) fn must_fail(promise: impl FnOnce()) {
    let failure = catch_unwind(AssertUnwindSafe(promise));
    let failure = failure.expect_err("the promise holds although it is broken");
    let message = failure
        .downcast::<String>()
        .map_or_else(|_| String::new(), |message| *message);
    assert!(!message.starts_with("called `"), "{message}");
}

type Book = Mutex<HashMap<(SubjectKey, SubjectKey), Record>>;

#[derive(Debug)]
struct BrokenLimiter {
    fault: Fault,
    books: [Book; 2],
    readers: AtomicUsize,
    turn: Mutex<()>,
    before: Mutex<Option<Decision<'static>>>,
}

#[async_trait]
impl Limiter for BrokenLimiter {
    fn try_decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Option<Decision<'a>> {
        Some(self.decide_in(&self.books[0], check, now))
    }

    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        let book = usize::from(self.fault == Fault::TwoBooks);
        Ok(self.decide_in(&self.books[book], check, now))
    }

    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        if self.fault == Fault::ChargesLooks {
            return self.decide(check, now).await;
        }
        Ok(peek(check, &self.read(&self.books[0], check), now))
    }

    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.fault != Fault::IgnoresResets {
            self.books[0].lock().unwrap().remove(&(home, subject));
        }
        Ok(())
    }

    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let charged_at = match self.fault {
            Fault::KeepsRefunds => return Ok(()),
            Fault::RefundsTheWrongWindow => now,
            _ => charged_at,
        };
        let records = refund(check, &self.read(&self.books[0], check), charged_at, now);
        self.write(&self.books[0], check, records);
        Ok(())
    }
}

impl BrokenLimiter {
    /// The wrong policies must outlive the answer; a test may leak a few.
    fn decide_in(&self, book: &Book, check: &Check<'_>, now: Timestamp) -> Decision<'static> {
        let subjects: &'static [Subject<'static>] = self.subjects(check).leak();
        let cost = if self.fault == Fault::CountsRequests {
            1
        } else {
            check.cost()
        };
        let whole = Check::new(check.home(), subjects, cost).unwrap();
        let whole = if check.is_solved() {
            whole.solved()
        } else {
            whole
        };
        let now = match self.fault {
            Fault::CoarseClock => Timestamp::from_unix_micros(now.unix_micros() / 3 * 3),
            _ => now,
        };
        let decision = match self.fault {
            Fault::DecidesOneByOne => self.one_by_one(book, &whole, now),
            _ => self.one_step(book, &whole, now),
        };
        let before = self.before.lock().unwrap().replace(decision.clone());
        before
            .filter(|_| self.fault == Fault::TellsThePast)
            .unwrap_or(decision)
    }

    fn subjects(&self, check: &Check<'_>) -> Vec<Subject<'static>> {
        let wrong = |subject: &Subject<'_>| Subject {
            key: subject.key,
            policy: Box::leak(Box::new(self.policy(subject.policy))),
        };
        check.subjects().map(wrong).collect()
    }

    fn policy(&self, policy: &Policy) -> Policy {
        if self.fault == Fault::Twice {
            return policy.scaled(2.try_into().unwrap()).unwrap();
        }
        let limits = policy.limits().iter().map(|limit| self.limit(limit));
        Policy::new(policy.name().as_str(), limits).unwrap()
    }

    fn limit(&self, limit: &Limit) -> Limit {
        let window = |length| Limit::window(limit.name().as_str(), limit.rule().most(), length);
        match (self.fault, limit.rule()) {
            (Fault::RollsByWindows, Rule::Rolling(rule)) => window(rule.length()).unwrap(),
            (Fault::MonthsOfThirtyDays, Rule::Calendar(_)) if limit.rule().most() == 2 => {
                window(Duration::from_secs(30 * 86_400)).unwrap()
            }
            (Fault::ShadowsDeny, rule) if limit.exceeded() == Exceeded::Shadow => {
                Limit::new(limit.name().as_str(), rule).unwrap()
            }
            _ => *limit,
        }
    }

    fn one_by_one(&self, book: &Book, check: &Check<'static>, now: Timestamp) -> Decision<'static> {
        let each = check.subjects().map(|subject| {
            let alone = std::slice::from_ref(subject);
            self.one_step(
                book,
                &Check::new(check.home(), alone, check.cost()).unwrap(),
                now,
            )
        });
        let decisions: Vec<Decision<'static>> = each.collect();
        let denied = decisions.iter().find(|decision| !decision.is_allowed());
        denied.unwrap_or(&decisions[0]).clone()
    }

    fn one_step(&self, book: &Book, check: &Check<'static>, now: Timestamp) -> Decision<'static> {
        let _turn = (self.fault != Fault::Races).then(|| self.turn.lock().unwrap());
        let records = self.read(book, check);
        if self.fault == Fault::Races {
            self.let_another_read();
        }
        let Step { decision, write } = step(check, &records, now);
        let denied = !decision.is_allowed();
        let write = match self.fault {
            Fault::ChargesDenials if denied => Some(
                records
                    .iter()
                    .map(|record| overcharged(record, check))
                    .collect(),
            ),
            Fault::NeverHeals if denied => None,
            Fault::ForgetsQuestions if decision.verdict() == Verdict::Challenge => None,
            _ => write,
        };
        if let Some(records) = write {
            self.write(book, check, records);
        }
        decision
    }

    /// Waits, not for ever, until a second thread has read too.
    fn let_another_read(&self) {
        let reader = self.readers.fetch_add(1, Ordering::SeqCst);
        for _ in 0..1_000 {
            if self.readers.load(Ordering::SeqCst) > reader + 1 {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn place(&self, check: &Check<'_>, subject: &Subject<'_>) -> (SubjectKey, SubjectKey) {
        let limit = u128::from(subject.policy.limits()[0].rule().most());
        match self.fault {
            Fault::IgnoresHomes => (SubjectKey(0), subject.key),
            Fault::IgnoresSubjects => (check.home(), SubjectKey(0)),
            Fault::KeysByPolicy => (check.home(), SubjectKey(subject.key.0 ^ limit)),
            _ => (check.home(), subject.key),
        }
    }

    fn read(&self, book: &Book, check: &Check<'_>) -> Vec<Record> {
        let book = book.lock().unwrap();
        let stored = check
            .subjects()
            .map(|subject| book.get(&self.place(check, subject)));
        stored
            .map(|record| record.cloned().unwrap_or_default())
            .collect()
    }

    fn write(&self, book: &Book, check: &Check<'_>, records: Vec<Record>) {
        let mut book = book.lock().unwrap();
        if self.fault == Fault::DropsLiveRecords && book.len() > 100 {
            book.clear();
        }
        for (subject, record) in check.subjects().zip(records) {
            book.insert(self.place(check, subject), record);
        }
    }
}

fn overcharged(record: &Record, check: &Check<'_>) -> Record {
    let charge = |cell: &Cell| match cell.kind() {
        Some(CellKind::Gcra) => Cell::gcra(cell.instant() + 100_000),
        Some(CellKind::Window) => Cell::window(cell.instant(), cell.number() + check.cost()),
        _ => *cell,
    };
    Record::new(record.cells().iter().map(charge).collect())
}
