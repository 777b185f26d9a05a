//! The auditor: hears every call that reaches the ledger and every answer, and knows what they must be.
//!
//! It knows neither the books nor the rules of the crate. It keeps lists of what happened, and works every number out by adding them up:
//! what is used is the sum of all moves, what is reserved is the sum of what pending reservations hold, a limit is what the plan and the
//! adjustments come to at an instant.

use std::collections::{BTreeMap, BTreeSet};

use picora_core::{AccountId, ReservationId, StoreError, StoreErrorKind, Timestamp};

use self::account::Account;
use self::held::Outcome;
use super::call::{Answer, Call};
use super::span::Spot;
use crate::Counter;

mod account;
mod admission;
mod bells;
mod held;
mod life;
mod limits;
mod look;
mod postings;
mod reports;

pub(super) use self::look::nobody_is_left;

/// What the ledger must be, by all that it was asked.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    accounts: BTreeMap<AccountId, Account>,
    outcomes: BTreeMap<ReservationId, Outcome>,
    keys: BTreeSet<String>,
    /// What a recount saw: the ledger's number of moves, and how often the auditor has seen the number move and be touched then.
    seen: BTreeMap<(AccountId, Counter, u64), (usize, u64)>,
    /// What the last call moved, when nobody has looked since.
    last: Option<Moved>,
    heard_since: u32,
    /// What was used and reserved when somebody looked last.
    before: BTreeMap<AccountId, BTreeMap<Spot, (i128, i128)>>,
    rolled_up: bool,
}

/// What a call was about, to tell what it has broken.
#[derive(Clone, Debug)]
struct Moved {
    kind: Kind,
    spots: BTreeSet<Spot>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Limits,
    Recount,
    RollUp,
    Step,
}

/// A promise that was broken.
#[derive(Debug)]
pub(super) struct Complaint {
    /// The invariant, as in facts §4.
    pub(super) invariant: &'static str,
    pub(super) why: String,
}

type Heard = Result<(), Complaint>;

fn broken<T>(invariant: &'static str, why: impl Into<String>) -> Result<T, Complaint> {
    let why = why.into();
    Err(Complaint { invariant, why })
}

/// What a call must answer: this, or that a number would leave its range.
enum Due<T> {
    Answer(T),
    OutOfRange,
}

impl Auditor {
    /// Hears a call that the ledger has carried out, and what it answered.
    pub(super) fn hear(
        &mut self,
        call: &Call,
        now: Timestamp,
        answer: &Result<Answer, StoreError>,
    ) -> Heard {
        if let Err(error) = answer
            && error.kind() != StoreErrorKind::OutOfRange
        {
            return broken("the store", format!("fails by itself: {error}"));
        }
        self.heard_since += 1;
        self.last = (self.heard_since == 1).then(|| Moved {
            kind: match call {
                Call::Adjust(_) | Call::Refresh | Call::SetLimits(_) | Call::Withdraw(..) => {
                    Kind::Limits
                }
                Call::Correct(_) => Kind::Recount,
                Call::RollUp => Kind::RollUp,
                _ => Kind::Step,
            },
            spots: BTreeSet::new(),
        });
        match call {
            Call::Adjust(adjustment) => self.adjust(adjustment, now, answer),
            Call::Commit(id, actual) => self.commit(*id, actual, now, answer),
            Call::Correct(recount) => self.correct(recount, now, answer),
            Call::Extend(id, totals) => self.extend(*id, totals, now, answer),
            Call::Heartbeat(id, after) => self.heartbeat(*id, *after, now, answer),
            Call::Post(posting) => self.post(posting, now, answer),
            Call::Prune => self.prune(now),
            Call::Refresh => self.refresh(now, answer),
            Call::Release(id) => self.release(*id, now, answer),
            Call::Reservation(id) => self.reservation(*id, answer),
            Call::Reserve(request) => self.reserve(request, now, answer),
            Call::RollUp => {
                self.rolled_up = true;
                Ok(())
            }
            Call::Seen(account, counter) => self.see(*account, *counter, answer),
            Call::SetLimits(limits) => self.set_limits(limits, now, answer),
            Call::Sweep => self.sweep(now, answer),
            Call::Usage(account) => self.usage(*account, now, answer),
            Call::Withdraw(account, id) => self.withdraw(*account, *id, now, answer),
        }
    }

    /// The accounts that it knows.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        self.accounts.keys().copied().collect()
    }

    /// Whether the ledger must remember what became of this one.
    pub(super) fn remembers(&self, id: ReservationId) -> bool {
        self.outcomes.contains_key(&id)
    }

    /// When a reservation that holds something ends, for a clock that wants to meet it.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let held = self.outcomes.values().filter_map(Outcome::pending);
        held.map(|held| held.expires_at).min()
    }

    fn account(&mut self, account: AccountId) -> &mut Account {
        self.accounts.entry(account).or_default()
    }

    fn used(&self, account: AccountId, spot: &Spot) -> i128 {
        let account = self.accounts.get(&account);
        account.map_or(0, |account| account.used(spot))
    }

    /// What pending reservations hold.
    fn reserved(&self, account: AccountId, spot: &Spot) -> i128 {
        let pending = self.outcomes.values().filter_map(Outcome::pending);
        let of_it = pending.filter(|held| held.account == account);
        of_it.map(|held| held.of(spot)).sum()
    }

    fn taken(&self, account: AccountId, spot: &Spot) -> i128 {
        self.used(account, spot) + self.reserved(account, spot)
    }

    /// Writes down that a call has moved these numbers.
    fn moved<'a>(&mut self, spots: impl IntoIterator<Item = &'a Spot>) {
        if let Some(last) = &mut self.last {
            last.spots.extend(spots.into_iter().cloned());
        }
    }
}

/// The answer of the right method; `None` when it said that a number would leave its range.
macro_rules! heard {
    ($answer:expr, $variant:ident) => {
        match $answer {
            Ok($crate::conformance::simulation::call::Answer::$variant(answer)) => Some(answer),
            _ => None,
        }
    };
}
use heard;

/// No number is above 2^62.
const MOST: i128 = 1 << 62;
