//! Taking room, and taking more of it.

use std::collections::BTreeMap;
use std::time::Duration;

use picora_core::{AccountId, ReservationId, StoreError, Timestamp};

use super::account::spot_or_always;
use super::held::{Held, Outcome, Verdict, granted_of};
use super::{Auditor, Heard, MOST, broken, heard};
use crate::conformance::simulation::call::Answer;
use crate::conformance::simulation::span::{Span, Spot};
use crate::{Counter, Denial, Extended, Items, Reservation, ReservationState, Reserve, Reserved};

type Told = Result<Answer, StoreError>;

/// How much of each number is to be had: the most, and the least that will do.
type Wanted = Vec<(Counter, i128, i128)>;

/// A number that has too little room: counter, used, reserved, limit, wanted at least.
type Short = (Counter, i128, i128, i128, i128);

impl Auditor {
    pub(super) fn reserve(&mut self, request: &Reserve, now: Timestamp, answer: &Told) -> Heard {
        let Some(told) = heard!(answer, Reserved) else {
            return broken("I3", format!("refused for nothing: {answer:?}"));
        };
        if let Some(outcome) = self.outcomes.get(&request.id) {
            return repeats(outcome, request, told);
        }
        self.refresh_account(request.account, now);
        let dead = self.expire(now, Some(request.account));
        let at = self.present(request, now);
        let wanted = wanted(&request.items, 1);
        let decided = self.decide(request.account, &wanted, at);
        let verdict = match (&decided, told) {
            (Ok(granted), Reserved::Admitted(held)) => {
                Verdict::Admitted(self.admit(request, granted.clone(), at, now, held)?)
            }
            (Err(short), Reserved::Denied(denial)) => {
                denies(short, denial)?;
                Verdict::Denied(denial.clone())
            }
            (Ok(_), Reserved::Denied(denial)) if dead > 0 => {
                return broken("I16", format!("the dead are in the way: {denial:?}"));
            }
            (Ok(_), Reserved::Denied(denial)) => {
                return broken("I2", format!("it fits, and is refused: {denial:?}"));
            }
            (Err(short), Reserved::Admitted(held)) => {
                let partly = granted_of(held).len() < wanted.len();
                let invariant = if partly { "I6" } else { "I2" };
                return broken(
                    invariant,
                    format!("it does not fit {short:?}, and is admitted: {held:?}"),
                );
            }
            (_, told) => return broken("I5", format!("a fresh name is told {told:?}")),
        };
        let outcome = Outcome {
            account: request.account,
            request: request.request,
            verdict,
            decided_at: now,
        };
        self.outcomes.insert(request.id, outcome);
        Ok(())
    }

    fn admit(
        &mut self,
        request: &Reserve,
        mut granted: BTreeMap<Spot, i128>,
        at: Timestamp,
        now: Timestamp,
        told: &Reservation,
    ) -> Result<Held, super::Complaint> {
        if let Some(tally) = request.tally {
            let pool = spot_or_always(Counter::Dimension(tally.dimension()), at);
            let part = granted.get(&pool).copied().unwrap_or(0);
            granted.insert(spot_or_always(Counter::Tally(tally), at), part);
        }
        granted.retain(|_, amount| *amount > 0);
        self.moved(granted.keys());
        self.account(request.account).touched += 1;
        let held = Held {
            account: request.account,
            state: ReservationState::Pending,
            granted,
            tally: request.tally,
            created_at: at,
            expires_at: now.saturating_add(request.expires_after.min(DAY)),
        };
        same(&held, told)?;
        if (told.id, told.account) != (request.id, request.account) {
            return broken("I5", format!("another one is admitted: {told:?}"));
        }
        Ok(held)
    }

    pub(super) fn extend(
        &mut self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let Some(told) = heard!(answer, Extended) else {
            return broken("I3", format!("refused for nothing: {answer:?}"));
        };
        let Some(account) = self.held(id).map(|held| held.account) else {
            return match told {
                Extended::Unknown => Ok(()),
                told => broken("I4", format!("nothing is known of {id}: {told:?}")),
            };
        };
        self.refresh_account(account, now);
        self.expire_one(id, now);
        let Some(held) = self.held(id).cloned() else {
            return Ok(());
        };
        if !held.is_pending() {
            return match told {
                Extended::Resolved(told) => same(&held, told),
                told => broken("I4", format!("{id} is {held:?}: {told:?}")),
            };
        }
        let missing = wanted(totals, 0)
            .into_iter()
            .filter_map(|(counter, most, least)| {
                let has = held.of_counter(counter);
                (most > has).then_some((counter, most - has, (least - has).max(0)))
            });
        let decided = self.decide(account, &missing.collect(), held.created_at);
        match (decided, told) {
            (Err(short), Extended::Denied(denial)) => denies(&short, denial),
            (Ok(more), Extended::Grown(told)) => {
                let grown = self.grow(id, &more);
                same(&grown, told)
            }
            (decided, told) => broken("I2", format!("{decided:?} of an extension: {told:?}")),
        }
    }

    fn grow(&mut self, id: ReservationId, more: &BTreeMap<Spot, i128>) -> Held {
        let Some(held) = self.outcomes.get_mut(&id).and_then(Outcome::held_mut) else {
            unreachable!("it was there a moment ago")
        };
        for (spot, amount) in more {
            *held.granted.entry(spot.clone()).or_default() += amount;
            let tally = held
                .tally
                .map(|tally| (Counter::Tally(tally), tally.dimension()));
            if let Some((tally, _)) = tally.filter(|(_, of)| spot.0 == Counter::Dimension(*of)) {
                let part = spot_or_always(tally, held.created_at);
                *held.granted.entry(part).or_default() += amount;
            }
        }
        let (grown, spots) = (held.clone(), held.granted.keys().cloned());
        let spots: Vec<_> = spots.collect();
        self.moved(&spots);
        self.account(grown.account).touched += 1;
        grown
    }

    /// What is granted of each number, or which have too little room.
    fn decide(
        &self,
        account: AccountId,
        wanted: &Wanted,
        at: Timestamp,
    ) -> Result<BTreeMap<Spot, i128>, Vec<Short>> {
        let mut granted = BTreeMap::new();
        let mut short = Vec::new();
        for (counter, most, least) in wanted {
            let spot = spot_or_always(*counter, at);
            let known = self.accounts.get(&account);
            let limit = known.map_or(Some(0), |known| known.limit(*counter));
            let bound = limit.unwrap_or(MOST).min(MOST);
            let room = (bound - self.taken(account, &spot)).max(0);
            if room < *least {
                let (used, reserved) = (self.used(account, &spot), self.reserved(account, &spot));
                short.push((*counter, used, reserved, bound, *least));
            } else if Span::of(*counter, at).is_some() && *most > 0 {
                granted.insert(spot, (*most).min(room));
            }
        }
        granted.retain(|_, amount| *amount > 0);
        if short.is_empty() {
            Ok(granted)
        } else {
            Err(short)
        }
    }

    /// The instant whose windows count: a later one that something is counted in is open, and windows never reopen.
    fn present(&self, request: &Reserve, now: Timestamp) -> Timestamp {
        let counters = request
            .items
            .iter()
            .map(|item| Counter::Dimension(item.dimension));
        let opened = counters.filter_map(|counter| self.opened(request.account, counter, now));
        opened.filter_map(Span::start).fold(now, Timestamp::max)
    }

    /// The window of a counter that begins later than now, within a day, and in which something is counted already.
    pub(super) fn opened(
        &self,
        account: AccountId,
        counter: Counter,
        now: Timestamp,
    ) -> Option<Span> {
        let next = Span::of(counter, now)?.end()?;
        if now.saturating_add(DAY) < next {
            return None;
        }
        let span = Span::of(counter, next)?;
        (self.taken(account, &(counter, span.to_string())) > 0).then_some(span)
    }
}

/// A repeated name is answered as it was, and with another request refused.
fn repeats(outcome: &Outcome, request: &Reserve, told: &Reserved) -> Heard {
    let same_request = outcome.request == request.request && outcome.account == request.account;
    match (&outcome.verdict, told) {
        (_, Reserved::KeyReused) if !same_request => Ok(()),
        (Verdict::Admitted(held), Reserved::Replayed(told)) if same_request => {
            match held.differs_from(told) {
                Some((_, why)) => broken("I5", why),
                None => Ok(()),
            }
        }
        (Verdict::Denied(denial), Reserved::Denied(told)) if same_request && denial == told => {
            Ok(())
        }
        (verdict, told) => broken(
            "I5",
            format!("a repeated name is told {told:?} of {verdict:?}"),
        ),
    }
}

/// A refusal names every number that is short, as it stands.
fn denies(short: &[Short], denial: &Denial) -> Heard {
    let number = |amount: picora_core::Amount| i128::from(amount.get());
    let told = denial.iter().map(|it| {
        let (used, reserved) = (number(it.used), number(it.reserved));
        (
            it.counter,
            used,
            reserved,
            number(it.limit),
            number(it.requested),
        )
    });
    let mut told: Vec<Short> = told.collect();
    let mut short = short.to_vec();
    told.sort_unstable();
    short.sort_unstable();
    if told != short {
        // Some of them only: the others were not looked at in the same step.
        let some = told.iter().all(|it| short.contains(it));
        let why = format!("{told:?} is refused, not {short:?}");
        return broken(if some { "I6" } else { "I2" }, why);
    }
    Ok(())
}

pub(super) fn same(held: &Held, told: &Reservation) -> Heard {
    match held.differs_from(told) {
        Some((invariant, why)) => broken(invariant, why),
        None => Ok(()),
    }
}

fn wanted(items: &Items, opens: i128) -> Wanted {
    let number = |amount: picora_core::Amount| i128::from(amount.get());
    let items = items.iter().map(|item| {
        let counter = Counter::Dimension(item.dimension);
        (counter, number(item.amount), number(item.at_least))
    });
    let open = (Counter::OpenReservations, opens, opens);
    items.chain((opens > 0).then_some(open)).collect()
}

/// The longest life of a reservation, and how far a clock may have stepped back.
pub(super) const DAY: Duration = Duration::from_secs(86_400);
