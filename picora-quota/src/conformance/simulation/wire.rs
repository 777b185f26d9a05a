//! The line between a caller and a ledger, on which calls are lost, and on which the auditor listens.

use std::future::Future;

use picora_core::{AccountId, StoreError, StoreErrorKind, Timestamp};

use super::auditor::{Auditor, Complaint};
use super::call::{Answer, Call};
use super::chance::Chance;
use super::clock::Clock;
use super::fate::Fate;
use super::{Happened, Pace};
use crate::{
    AccountFacts, Grain, HistoryQuery, Ledger, LedgerReports, Recounted, Reserved, Settled,
};

/// How a [`Caller`](super::Caller) reaches its ledger.
pub trait Line: Send {
    /// What the caller's clock shows.
    fn now(&self) -> Timestamp;

    /// Makes a call. An error of kind `Unknown` may have happened, and may still happen; after every other kind nothing has.
    fn ask(&mut self, call: Call) -> impl Future<Output = Result<Answer, StoreError>> + Send;
}

/// A line to a store that fails at every call, now and then, with an auditor on it.
#[derive(Debug)]
pub(super) struct Wire<'a, S> {
    store: &'a S,
    seed: u64,
    pace: Pace,
    fates: Chance,
    pub(super) auditor: Auditor,
    pub(super) clock: Clock,
    pub(super) step: u32,
    /// Faults have stopped.
    pub(super) calm: bool,
    pub(super) happened: Happened,
    late: Vec<Sent>,
    log: Vec<Logged>,
}

/// A call under way.
#[derive(Debug)]
struct Sent {
    call: Call,
    at: Timestamp,
    comes_in: u32,
}

#[derive(Debug)]
struct Logged {
    step: u32,
    at: Timestamp,
    fate: Fate,
    call: Call,
    answer: Option<Result<Answer, StoreErrorKind>>,
}

impl<S: Ledger + LedgerReports> Line for Wire<'_, S> {
    fn now(&self) -> Timestamp {
        self.clock.now
    }

    async fn ask(&mut self, call: Call) -> Result<Answer, StoreError> {
        self.deliver_what_is_late().await;
        let fate = if self.calm {
            Fate::Answered
        } else {
            Fate::of(&self.fates)
        };
        let at = self.clock.now;
        match fate {
            Fate::Answered => self.carry_out(call, at, fate).await,
            Fate::Unheard => {
                let _unheard = self.carry_out(call, at, fate).await;
                Err(self.nobody_knows())
            }
            Fate::Refused => {
                self.write_down(call, at, fate, None);
                Err(failed(StoreErrorKind::Unavailable))
            }
            Fate::Lost => {
                self.write_down(call, at, fate, None);
                Err(self.nobody_knows())
            }
            Fate::Late => {
                self.write_down(call.clone(), at, fate, None);
                let comes_in = 1 + self.fates.below(4);
                self.late.push(Sent { call, at, comes_in });
                Err(self.nobody_knows())
            }
        }
    }
}

impl<'a, S: Ledger + LedgerReports> Wire<'a, S> {
    pub(super) fn new(store: &'a S, seed: u64, pace: Pace, clock: Clock) -> Self {
        Self {
            store,
            seed,
            pace,
            fates: Chance::new(!seed),
            auditor: Auditor::default(),
            clock,
            step: 0,
            calm: false,
            happened: Happened::default(),
            late: Vec::new(),
            log: Vec::new(),
        }
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// A call that is an hour old has been given up by the database, too.
    async fn deliver_what_is_late(&mut self) {
        for sent in &mut self.late {
            sent.comes_in = sent.comes_in.saturating_sub(1);
        }
        let now = self.clock.now;
        let (come, wait) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|sent| sent.comes_in == 0);
        self.late = wait;
        let come: Vec<Sent> = come;
        for sent in come {
            if now.saturating_since(sent.at).as_secs() < 3_600 {
                let _nobody_waits = self.carry_out(sent.call, sent.at, Fate::Late).await;
            }
        }
    }

    async fn carry_out(
        &mut self,
        call: Call,
        at: Timestamp,
        fate: Fate,
    ) -> Result<Answer, StoreError> {
        let answer = call.run(self.store, at).await;
        let told = answer.as_ref().map_err(StoreError::kind).cloned();
        self.write_down(call.clone(), at, fate, Some(told));
        self.count(&answer);
        let heard = self.auditor.hear(&call, at, &answer);
        self.insist(heard);
        self.happened.calls += 1;
        let every = u64::from(self.pace.looks_every);
        if self.happened.calls.is_multiple_of(every) {
            let _books = self.look(call.account()).await;
        }
        answer
    }

    /// The auditor looks into the books of an account, or of all.
    pub(super) async fn look(&mut self, of: Option<AccountId>) -> Vec<AccountFacts> {
        let mut books = Vec::new();
        let accounts = of.map_or_else(|| self.auditor.accounts(), |account| vec![account]);
        let now = self.clock.latest; // its own clock never steps back
        for account in accounts {
            let facts = self.store.facts(account, now).await;
            let facts = facts.expect("the auditor can always look");
            let heard = self.auditor.examine(account, facts.as_ref(), now);
            self.insist(heard);
            let alerts = self.store.alerts(account).await;
            let alerts = alerts.expect("the auditor can always look");
            let heard = self.auditor.alerts_are_right(account, &alerts);
            self.insist(heard);
            books.extend(facts);
        }
        self.auditor.looked();
        books
    }

    /// The auditor adds the past up, in steps of this length if they are still apart.
    pub(super) async fn look_back(&mut self, grain: Grain) {
        if !self.auditor.has(grain) {
            return;
        }
        for account in self.auditor.accounts() {
            let query = HistoryQuery {
                counters: counters(),
                from: Timestamp::EPOCH,
                until: Timestamp::MAX,
                grain,
            };
            let points = self.store.history(account, &query).await;
            let points = points.expect("the auditor can always look");
            let heard = self.auditor.history_is_right(account, grain, &points);
            self.insist(heard);
        }
    }

    /// Faults stop; what is still under way comes now.
    pub(super) async fn calm_down(&mut self) {
        self.calm = true;
        for sent in &mut self.late {
            sent.comes_in = 1;
        }
        self.deliver_what_is_late().await;
    }

    pub(super) fn insist(&self, heard: Result<(), Complaint>) {
        if let Err(Complaint { invariant, why }) = heard {
            self.fail(invariant, &why);
        }
    }

    /// Ends the history with everything that is needed to see it again.
    pub(super) fn fail(&self, invariant: &str, why: &str) -> ! {
        let Self { seed, step, .. } = self;
        let steps = self.log.iter().map(Logged::line);
        let steps: Vec<String> = steps.collect();
        panic!(
            "seed {seed}, step {step}: {invariant}: {why}\nwhat happened:\n{}",
            steps.join("\n")
        )
    }

    fn write_down(
        &mut self,
        call: Call,
        at: Timestamp,
        fate: Fate,
        answer: Option<Result<Answer, StoreErrorKind>>,
    ) {
        self.log.push(Logged {
            step: self.step,
            at,
            fate,
            call,
            answer,
        });
    }

    fn nobody_knows(&mut self) -> StoreError {
        self.happened.unknown += 1;
        failed(StoreErrorKind::Unknown)
    }

    fn count(&mut self, answer: &Result<Answer, StoreError>) {
        let happened = &mut self.happened;
        match answer {
            Ok(Answer::Reserved(Reserved::Admitted(_))) => happened.admitted += 1,
            Ok(Answer::Reserved(Reserved::Denied(_))) => happened.denied += 1,
            Ok(Answer::Settled(Settled::Done(_))) => happened.settled += 1,
            Ok(Answer::Posted(crate::Posted::Done { .. })) => happened.posted += 1,
            Ok(Answer::Recounted(Recounted::Posted { .. })) => happened.corrected += 1,
            Err(_) => happened.out_of_range += 1,
            _ => {}
        }
    }
}

impl Logged {
    fn line(&self) -> String {
        let Self {
            step, fate, call, ..
        } = self;
        let at = self.at.to_rfc3339();
        match &self.answer {
            None => format!("{step:>4} {at} {fate:?}: {call:?}"),
            Some(answer) => format!("{step:>4} {at} {fate:?}: {call:?} -> {answer:?}"),
        }
    }
}

fn failed(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, "simulation", "answer")
}

/// Everything that is ever counted.
fn counters() -> Vec<crate::Counter> {
    let all = crate::Counter::limits(&picora_core::Limits::NOTHING, picora_core::Limit::NOTHING);
    all.map(|(counter, _)| counter).collect()
}
