//! What became of requests, as the auditor remembers it.

use std::collections::BTreeMap;

use picora_core::{AccountId, Tally, Timestamp};

use crate::conformance::simulation::span::{Spot, named};
use crate::{Counter, Denial, RequestHash, Reservation, ReservationState};

/// A request that was decided.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) account: AccountId,
    pub(super) request: RequestHash,
    pub(super) verdict: Verdict,
    pub(super) decided_at: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Admitted(Held),
    Denied(Denial),
}

/// A reservation.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) account: AccountId,
    pub(super) state: ReservationState,
    pub(super) granted: BTreeMap<Spot, i128>,
    /// What is kept by itself of what it holds, also when that is nothing yet.
    pub(super) tally: Option<Tally>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl Outcome {
    pub(super) const fn held(&self) -> Option<&Held> {
        match &self.verdict {
            Verdict::Admitted(held) => Some(held),
            Verdict::Denied(_) => None,
        }
    }

    pub(super) const fn held_mut(&mut self) -> Option<&mut Held> {
        match &mut self.verdict {
            Verdict::Admitted(held) => Some(held),
            Verdict::Denied(_) => None,
        }
    }

    pub(super) fn pending(&self) -> Option<&Held> {
        self.held().filter(|held| held.is_pending())
    }
}

impl Held {
    pub(super) fn is_pending(&self) -> bool {
        self.state == ReservationState::Pending
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.is_pending() && self.expires_at <= now
    }

    pub(super) fn of(&self, spot: &Spot) -> i128 {
        self.granted.get(spot).copied().unwrap_or(0)
    }

    /// What it holds of a counter, in whichever stretch.
    pub(super) fn of_counter(&self, counter: Counter) -> i128 {
        let of_it = self.granted.iter().filter(|((of, _), _)| *of == counter);
        of_it.map(|(_, amount)| amount).sum()
    }

    /// What a reservation of the ledger has that this one has not, under the invariant that says that it should.
    pub(super) fn differs_from(&self, told: &Reservation) -> Option<(&'static str, String)> {
        let granted = granted_of(told);
        let counters = |granted: &BTreeMap<Spot, i128>| -> Vec<_> {
            let all = granted
                .iter()
                .map(|((counter, _), amount)| (*counter, *amount));
            all.collect()
        };
        let invariant = if told.state != self.state {
            "I4"
        } else if granted.len() != self.granted.len() {
            "I6"
        } else if counters(&granted) != counters(&self.granted) {
            "I2"
        } else if granted != self.granted || told.created_at != self.created_at {
            "I8"
        } else if told.expires_at != self.expires_at {
            "I16"
        } else {
            return None;
        };
        Some((invariant, format!("it is {told:?}, not {self:?}")))
    }
}

/// What a reservation of the ledger holds; a grant of nothing is none.
pub(super) fn granted_of(told: &Reservation) -> BTreeMap<Spot, i128> {
    let granted = told.granted.iter();
    let granted = granted.map(|held| (named(held.key), i128::from(held.amount.get())));
    granted.filter(|(_, amount)| *amount != 0).collect()
}
