//! Seeded histories of work and trouble, each judged by an auditor that knows none of the code under test.
//!
//! A history is a function of its seed. Somebody works with a ledger over a line on which any call may be refused, lost on its way there or
//! back, or carried out later when nobody waits for it; an operator changes plans, adds and withdraws overrides and grants, sweeps and
//! prunes; the caller crashes and goes on from its journal; the clock meets the ends of days and months, jumps, and steps back up to an hour.
//! The auditor hears everything that reaches the ledger, and works every answer and every number out by itself. At last the faults stop:
//! nothing may be stuck, nothing lost or paid twice by what the caller was told, and nothing left for a recount to correct.
//!
//! | module | noun |
//! |---|---|
//! | `caller` | who uploads, removes and serves, with a journal that survives crashes |
//! | `operator` | who changes what accounts may do, and runs the jobs |
//! | `wire` | the line between them and the ledger, on which calls are lost |
//! | `auditor` | who knows what every call must answer, and what the books must hold |
//! | `call`, `fate` | a call as data, and what may become of it |
//! | `clock`, `span`, `chance` | time, windows worked out by hand, and dice |
//!
//! What breaks is named by the invariant of facts §4 that it breaks: I1 (sums), I2 (room), I3 (range), I4 (one end), I5 (names), I6 (all or
//! none), I7 (housekeeping changes no answer), I8 (windows), I10 (alerts), I12 (a plan change keeps usage), I15 (recounts), I16 (nothing is
//! stuck). I9, I11, I13 and I14 are about attribution and billing, which a ledger knows nothing of.

use std::collections::BTreeMap;
use std::time::Duration;

use picora_core::{AccountId, Amount, Dimension, PostingKey, ReservationId};

use self::clock::Clock;
use self::operator::Operator;
use self::wire::Wire;
use super::{TTL, answer};
use crate::{
    AccountFacts, Counter, Grain, Items, Ledger, LedgerReports, Recount, Recounted, RequestHash,
    Reserve, Reserved,
};

mod auditor;
mod call;
mod caller;
mod chance;
mod clock;
mod fate;
mod operator;
mod span;
mod wire;

pub use self::call::{Answer, Call};
pub use self::caller::{Caller, Journal, Taken};
pub use self::chance::Chance;
pub use self::wire::Line;

/// How long a history is, and how often the auditor looks into the books besides listening.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Steps of the caller and the operator, before the end.
    pub steps: u32,
    /// It looks after every so many calls; always at the end. **Boundaries**: from one on.
    pub looks_every: u32,
}

/// What has come about in histories, so that a test can tell that something has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Calls that reached the ledger.
    pub calls: u64,
    /// Calls of which the caller does not know whether they did.
    pub unknown: u64,
    /// Requests that were admitted.
    pub admitted: u64,
    /// Requests that were denied.
    pub denied: u64,
    /// Reservations that a call settled.
    pub settled: u64,
    /// Postings that moved something.
    pub posted: u64,
    /// Recounts that corrected something.
    pub corrected: u64,
    /// Numbers that would have left their range.
    pub out_of_range: u64,
    /// Alerts.
    pub told: u64,
    /// Windows that were used and are over.
    pub windows_over: u64,
}

impl Happened {
    /// The sum of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            unknown: self.unknown + other.unknown,
            admitted: self.admitted + other.admitted,
            denied: self.denied + other.denied,
            settled: self.settled + other.settled,
            posted: self.posted + other.posted,
            corrected: self.corrected + other.corrected,
            out_of_range: self.out_of_range + other.out_of_range,
            told: self.told + other.told,
            windows_over: self.windows_over + other.windows_over,
        }
    }
}

/// Runs the history of a seed.
///
/// The store may hold other accounts, and histories of other seeds that have ended; nobody else may use it meanwhile.
///
/// **Panics** with the seed, the invariant that does not hold, and everything that has happened.
pub async fn simulate<S: Ledger + LedgerReports>(store: &S, seed: u64, pace: Pace) -> Happened {
    let chance = Chance::new(seed);
    let accounts: Vec<AccountId> = (0..2 + u128::from(chance.below(2)))
        .map(|number| (u128::from(seed) << 8) + number + (1 << 100))
        .map(|number| AccountId::from_bytes(number.to_be_bytes()))
        .collect();
    let clock = Clock::start(&chance);
    let mut history = History {
        wire: Wire::new(store, seed, pace, clock),
        caller: Caller::new(seed, accounts.clone()),
        operator: Operator::new(seed, accounts.clone()),
        accounts,
        recounts: chance.one_in(2),
        chance,
    };
    history
        .operator
        .begin(&mut history.wire, &history.chance)
        .await;
    for step in 0..pace.steps {
        history.wire.step = step;
        history.act().await;
    }
    history.end().await;
    let auditor = &history.wire.auditor;
    let now = history.wire.clock.now;
    Happened {
        told: auditor.told() as u64,
        windows_over: auditor.windows_over(now) as u64,
        ..history.wire.happened
    }
}

struct History<'a, S> {
    wire: Wire<'a, S>,
    caller: Caller,
    operator: Operator,
    accounts: Vec<AccountId>,
    /// Half of the histories never count anything again, so that no drift can hide.
    recounts: bool,
    chance: Chance,
}

impl<S: Ledger + LedgerReports> History<'_, S> {
    async fn act(&mut self) {
        let end = self.wire.auditor.next_end();
        let next = self.wire.clock.next(&self.chance, end);
        if let Some(since) = self.caller.journal().in_doubt_since()
            && next.saturating_since(since) > DOUBTS_LAST
        {
            self.clear_all_doubts().await; // outcomes are remembered for a day
        }
        self.wire.clock.set(next);
        let Self {
            wire,
            caller,
            operator,
            chance,
            ..
        } = self;
        match chance.below(12) {
            0..=7 => {
                let acted = caller.act(wire, chance).await;
                self.is_its_own(acted);
            }
            8 if self.recounts => caller.recount(wire, chance).await,
            _ => operator.act(wire, chance).await,
        }
        if self.chance.one_in(20) {
            let grain = *self.chance.pick(&[Grain::Hour, Grain::Day]);
            self.wire.look_back(grain).await;
        }
    }

    async fn clear_all_doubts(&mut self) {
        for _ in 0..MANY {
            if self.caller.journal().in_doubt_since().is_none() {
                return;
            }
            let cleared = self.caller.clear_doubts(&mut self.wire, &self.chance).await;
            self.is_its_own(cleared);
        }
        self.wire.fail("I4", "a doubt does not end");
    }

    fn is_its_own(&self, acted: Result<(), Taken>) {
        if let Err(taken) = acted {
            self.wire.fail("I5", &taken.to_string());
        }
    }

    /// Faults stop: what was forgotten ends by itself, and nothing is left to correct.
    async fn end(&mut self) {
        self.wire.step += 1;
        self.wire.calm_down().await;
        self.clear_all_doubts().await;
        let grain = *self.chance.pick(&[Grain::Hour, Grain::Month, Grain::Month]);
        self.wire.look_back(grain).await;
        let books = self.wire.look(None).await;
        self.nothing_is_lost_or_paid_twice(&books);
        self.answers_are_as_they_were().await;
        let dead = self.wire.clock.latest.saturating_add(TTL + SWEPT);
        self.wire.clock.set(dead);
        self.ask(Call::Sweep).await;
        let books = self.wire.look(None).await;
        let alone = books.iter().try_for_each(auditor::nobody_is_left);
        self.wire.insist(alone);
        self.nothing_is_lost_or_paid_twice(&books);
        let account = *self.chance.pick(&self.accounts);
        if self.chance.one_in(2) {
            self.everything_is_even(account).await;
        } else {
            self.the_dead_make_room(account).await;
        }
        self.leave_nothing_to_others().await;
    }

    /// What ends or begins later would be swept or refreshed by another history on this store.
    async fn leave_nothing_to_others(&mut self) {
        let later = self.wire.clock.now.saturating_add(EDGES_END);
        self.wire.clock.set(later);
        if self.wire.auditor.next_end().is_some() {
            self.ask(Call::Sweep).await;
        }
        if self.operator.has_adjusted() {
            self.ask(Call::Refresh).await;
        }
    }

    async fn ask(&mut self, call: Call) -> Answer {
        answer(Line::ask(&mut self.wire, call).await)
    }

    /// What the caller was told comes to what the books say, to the byte.
    fn nothing_is_lost_or_paid_twice(&self, books: &[AccountFacts]) {
        let told = self.caller.journal().used();
        let mut found = BTreeMap::new();
        for facts in books {
            for (key, (cell, _)) in &facts.cells {
                let used = i128::from(cell.used.get());
                if used != 0 && key.counter != Counter::OpenReservations {
                    let window = key.window.to_string();
                    found.insert((facts.account, key.counter, window), used);
                }
            }
        }
        if found != told {
            let why = format!("{found:?} is used, and the caller was told {told:?}");
            self.wire.fail("I1", &why);
        }
    }

    /// Whatever was answered once is answered again.
    async fn answers_are_as_they_were(&mut self) {
        for request in self.caller.requests() {
            if self.wire.auditor.remembers(request.id) {
                let call = match self.chance.below(3) {
                    0 => Call::Reserve(request),
                    1 => Call::Release(request.id),
                    _ => Call::Reservation(request.id),
                };
                self.ask(call).await;
            }
        }
    }

    /// No level differs from what it was moved by, so that a recount of the truth has nothing to do.
    async fn everything_is_even(&mut self, account: AccountId) {
        let used = self.caller.journal().used();
        for dimension in [Dimension::ImgStorage, Dimension::DocCount] {
            let counter = Counter::Dimension(dimension);
            let truth = used.get(&(account, counter, String::new()));
            let truth = u64::try_from(truth.copied().unwrap_or(0)).unwrap_or(0);
            let Answer::Seen(seen) = self.ask(Call::Seen(account, counter)).await else {
                unreachable!("each call has its answer")
            };
            let recount = Recount {
                key: PostingKey::new("even", &format!("{account}:{dimension}")),
                account,
                counter,
                seen,
                truth: Amount::saturating(truth),
                force: true,
            };
            let told = self.ask(Call::Correct(recount)).await;
            if told != Answer::Recounted(Recounted::Even) {
                let why = format!("{dimension} has drifted: {told:?}");
                self.wire.fail("I15", &why);
            }
        }
    }

    /// A quota that is full of the dead admits the next, also when nobody has swept.
    async fn the_dead_make_room(&mut self, account: AccountId) {
        self.operator.let_one_in(&mut self.wire, account).await;
        for number in 0..2_u128 {
            let name = (u128::from(self.wire.seed()) << 64) + (1 << 63) + number;
            let request = Reserve {
                id: ReservationId::from_bytes(name.to_be_bytes()),
                account,
                request: RequestHash([2; 32]),
                items: Items::new([]).expect("none"),
                tally: None,
                expires_after: TTL,
            };
            let told = self.ask(Call::Reserve(request)).await;
            if !matches!(told, Answer::Reserved(Reserved::Admitted(_))) {
                let why = format!("the dead are in the way: {told:?}");
                self.wire.fail("I16", &why);
            }
            let later = self.wire.clock.now.saturating_add(TTL);
            self.wire.clock.set(later);
        }
    }
}

/// Within this time after its end nothing of a reservation is held any more.
const SWEPT: Duration = Duration::from_secs(60);

/// A caller asks after what it does not know within half a day.
const DOUBTS_LAST: Duration = Duration::from_secs(12 * 3_600);

/// All overrides and grants of a history have ended within this time.
const EDGES_END: Duration = Duration::from_secs(4 * 86_400);

/// Nobody is that unlucky.
const MANY: u32 = 1_000;
