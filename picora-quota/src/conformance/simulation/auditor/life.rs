//! What becomes of reservations: one of four ends, once.

use std::time::Duration;

use picora_core::{AccountId, Amount, Dimension, ReservationId, StoreError, Timestamp};

use super::admission::{DAY, same};
use super::held::{Held, Outcome};
use super::{Auditor, Heard, broken, heard};
use crate::conformance::simulation::call::Answer;
use crate::conformance::simulation::span::{Span, Spot};
use crate::{Counter, ReservationState, Settled};

type Told = Result<Answer, StoreError>;

impl Auditor {
    pub(super) fn held(&self, id: ReservationId) -> Option<&Held> {
        self.outcomes.get(&id).and_then(Outcome::held)
    }

    pub(super) fn commit(
        &mut self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let Some(told) = heard!(answer, Settled) else {
            return broken("I3", format!("refused for nothing: {answer:?}"));
        };
        let Some(held) = self.unresolved(id, now, told)? else {
            return Ok(());
        };
        let more = |(dimension, amount): &(Dimension, Amount)| {
            held.of_counter(Counter::Dimension(*dimension)) < i128::from(amount.get())
        };
        if actual.iter().any(more) {
            return match told {
                Settled::Exceeds(_) => Ok(()),
                told => broken("I2", format!("more came than {held:?} holds: {told:?}")),
            };
        }
        let came = |spot: &Spot| -> i128 {
            let dimension = match spot.0 {
                Counter::Dimension(dimension) => dimension,
                Counter::Tally(tally) => tally.dimension(),
                Counter::OpenReservations => return 0,
            };
            let named = actual.iter().find(|(named, _)| *named == dimension);
            named.map_or(held.of(spot), |(_, amount)| i128::from(amount.get()))
        };
        let used = held.granted.keys().map(|spot| (spot.clone(), came(spot)));
        let used: Vec<(Spot, i128)> = used.filter(|(_, amount)| *amount > 0).collect();
        let committed = self.resolve(id, ReservationState::Committed, now, Some(&used));
        self.use_all(held.account, used, now, now);
        done(&committed, told)
    }

    pub(super) fn release(&mut self, id: ReservationId, now: Timestamp, answer: &Told) -> Heard {
        let Some(told) = heard!(answer, Settled) else {
            return broken("I3", format!("refused for nothing: {answer:?}"));
        };
        if self.unresolved(id, now, told)?.is_none() {
            return Ok(());
        }
        let released = self.resolve(id, ReservationState::Released, now, None);
        done(&released, told)
    }

    pub(super) fn heartbeat(
        &mut self,
        id: ReservationId,
        after: Duration,
        now: Timestamp,
        answer: &Told,
    ) -> Heard {
        let Some(told) = heard!(answer, Beat) else {
            return broken("I3", format!("refused for nothing: {answer:?}"));
        };
        self.expire_one(id, now);
        let held = self.outcomes.get_mut(&id).and_then(Outcome::held_mut);
        let end = held.filter(|held| held.is_pending()).map(|held| {
            let last = held.created_at.saturating_add(DAY);
            let end = now.saturating_add(after).min(last);
            held.expires_at = held.expires_at.max(end);
            held.expires_at
        });
        match (end, told) {
            (end, told) if end == *told => Ok(()),
            (None, Some(_)) => broken("I4", format!("{id} is dead, and lives until {told:?}")),
            (end, told) => broken("I16", format!("{id} ends at {told:?}, not {end:?}")),
        }
    }

    pub(super) fn reservation(&self, id: ReservationId, answer: &Told) -> Heard {
        let Some(told) = heard!(answer, Reservation) else {
            return broken("I3", "a look is no change");
        };
        match (self.held(id), told) {
            (None, None) => Ok(()),
            (Some(held), Some(told)) => same(held, told),
            (held, told) => broken("I4", format!("{id} is {held:?}: {told:?}")),
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp, answer: &Told) -> Heard {
        let dead = self.expire(now, None);
        match heard!(answer, Counted) {
            Some(count) if *count as usize == dead => Ok(()),
            told => broken("I16", format!("{dead} are to be swept, not {told:?}")),
        }
    }

    pub(super) fn prune(&mut self, now: Timestamp) -> Heard {
        self.outcomes.retain(|_, outcome| {
            let old = now.saturating_since(outcome.decided_at) >= DAY;
            outcome.pending().is_some() || !old
        });
        Ok(())
    }

    /// Ends the reservations that are due, of one account or of all; answers how many.
    pub(super) fn expire(&mut self, now: Timestamp, of: Option<AccountId>) -> usize {
        let due = self.outcomes.iter().filter(|(_, outcome)| {
            let held = outcome.held().filter(|held| held.is_due(now));
            held.is_some_and(|held| of.is_none_or(|of| of == held.account))
        });
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for id in &due {
            self.expire_one(*id, now);
        }
        due.len()
    }

    pub(super) fn expire_one(&mut self, id: ReservationId, now: Timestamp) {
        if self.held(id).is_some_and(|held| held.is_due(now)) {
            self.resolve(id, ReservationState::Expired, now, None);
        }
    }

    /// The reservation, if it can still be settled; checks the answer when it cannot.
    fn unresolved(
        &mut self,
        id: ReservationId,
        now: Timestamp,
        told: &Settled,
    ) -> Result<Option<Held>, super::Complaint> {
        self.expire_one(id, now);
        match (self.held(id), told) {
            (Some(held), _) if held.is_pending() => Ok(Some(held.clone())),
            (Some(held), Settled::Earlier(told)) => same(held, told).map(|()| None),
            (None, Settled::Unknown) => Ok(None),
            (held, told) => broken("I4", format!("{id} is {held:?}: {told:?}")),
        }
    }

    fn resolve(
        &mut self,
        id: ReservationId,
        state: ReservationState,
        now: Timestamp,
        used: Option<&[(Spot, i128)]>,
    ) -> Held {
        let Some(outcome) = self.outcomes.get_mut(&id) else {
            unreachable!("it was there a moment ago")
        };
        outcome.decided_at = now;
        let Some(held) = outcome.held_mut() else {
            unreachable!("it was admitted")
        };
        let spots: Vec<Spot> = held.granted.keys().cloned().collect();
        held.state = state;
        if let Some(used) = used {
            held.granted = used.iter().cloned().collect();
        }
        let held = held.clone();
        self.moved(&spots);
        self.account(held.account).touched += 1;
        held
    }
}

fn done(held: &Held, told: &Settled) -> Heard {
    match told {
        Settled::Done(told) => same(held, told),
        told => broken("I4", format!("it is {held:?} by this call: {told:?}")),
    }
}

/// Within this time after the end of a reservation nothing of it is held any more.
pub(super) const SWEPT: Duration = Duration::from_secs(60);

/// Whether a number is of a window that is over.
pub(super) fn is_over(spot: &Spot, now: Timestamp) -> bool {
    let end = Span::parse(&spot.1).and_then(Span::end);
    end.is_some_and(|end| end <= now)
}
