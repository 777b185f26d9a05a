//! What must hold of an account's books at any time, looked at from outside.
//!
//! A ledger keeps these by how it writes. The audit does not trust it: it adds up what was written down and compares. The doctor of a
//! server runs it against a living database, the simulations against every store.

use std::collections::BTreeMap;
use std::time::Duration;

use picora_core::{AccountId, Amount, Limit, Timestamp};

use crate::adjustment::limit_of;
use crate::{Cell, CellKey, Counter, Entitled, Reservation, ReservationState};

/// Everything that a ledger has written about one account, read as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// Whose.
    pub account: AccountId,
    /// Its cells, and for each the sum of all that was written to have moved it.
    pub cells: BTreeMap<CellKey, (Cell, i128)>,
    /// Its reservations that are neither settled nor expired.
    pub pending: Vec<Reservation>,
    /// Reservations that do not read back.
    pub unreadable: u64,
    /// What it may do by its plan and adjustments at the moment of the reading.
    pub entitled: Entitled,
    /// How many reservations it may have open.
    pub open_reservations: Limit,
    /// Until when the limits in the cells count; they are replaced by the first step after it.
    pub limits_until: Option<Timestamp>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose books.
    pub account: AccountId,
    /// Which cell, if it is about one.
    pub key: Option<CellKey>,
    /// What is broken.
    pub fault: Fault,
}

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The movements that were written down add up to another number than is used.
    Drifted {
        /// What the cell says.
        used: Amount,
        /// The sum of its movements.
        moved: i128,
    },
    /// The open reservations hold another amount than the cell says.
    Misreserved {
        /// What the cell says.
        reserved: Amount,
        /// What the reservations hold.
        held: u128,
    },
    /// A cell decides by another limit than the account has.
    StaleLimit {
        /// What the cell says.
        limit: Limit,
        /// What the account has.
        entitled: Limit,
    },
    /// A reservation is held long after its end.
    Stuck {
        /// When it should have expired.
        expires_at: Timestamp,
    },
    /// Reservations do not read back.
    Unreadable {
        /// How many.
        count: u64,
    },
}

impl AccountFacts {
    /// All that is broken, in the order of the cells.
    ///
    /// **Boundaries**: a reservation is stuck when it should have ended more than [`SWEPT_WITHIN`] ago. **Source**: invariants I1–I3, I16.
    #[must_use]
    pub fn examine(&self, now: Timestamp) -> Vec<Finding> {
        let mut held: BTreeMap<CellKey, u128> = BTreeMap::new();
        let pending = || {
            self.pending
                .iter()
                .filter(|it| it.state == ReservationState::Pending)
        };
        for granted in pending().flat_map(|reservation| &reservation.granted) {
            if granted.is_kept() {
                *held.entry(granted.key).or_default() += u128::from(granted.amount.get());
            }
        }
        let mut findings = Vec::new();
        for (key, (cell, moved)) in &self.cells {
            let held = held.remove(key).unwrap_or(0);
            findings.extend(self.cell_faults(*key, *cell, *moved, held, now));
        }
        for (key, held) in held {
            let reserved = Amount::ZERO;
            findings.push(self.finding(Some(key), Fault::Misreserved { reserved, held }));
        }
        let stuck = pending().filter(|it| it.expires_at.saturating_add(SWEPT_WITHIN) < now);
        findings.extend(stuck.map(|it| {
            let expires_at = it.expires_at;
            self.finding(None, Fault::Stuck { expires_at })
        }));
        if self.unreadable > 0 {
            let count = self.unreadable;
            findings.push(self.finding(None, Fault::Unreadable { count }));
        }
        findings
    }

    fn cell_faults(
        &self,
        key: CellKey,
        cell: Cell,
        moved: i128,
        held: u128,
        now: Timestamp,
    ) -> Vec<Finding> {
        let used = cell.used;
        let reserved = cell.reserved;
        let drifted = key.counter != Counter::OpenReservations && i128::from(used.get()) != moved;
        let entitled = limit_of(&self.entitled, self.open_reservations, key.counter);
        let current = self.limits_are_of(now);
        let faults = [
            drifted.then_some(Fault::Drifted { used, moved }),
            (u128::from(reserved.get()) != held).then_some(Fault::Misreserved { reserved, held }),
            (current && cell.limit != entitled).then_some(Fault::StaleLimit {
                limit: cell.limit,
                entitled,
            }),
        ];
        let found = faults.into_iter().flatten();
        found.map(|fault| self.finding(Some(key), fault)).collect()
    }

    /// Whether the limits in the cells are to be those of `now`: not when an override or a grant has just begun or ended, and not when the
    /// clock has stepped back over one that had.
    fn limits_are_of(&self, now: Timestamp) -> bool {
        let end = |until: Option<Timestamp>| until.unwrap_or(Timestamp::MAX);
        let (written, entitled) = (end(self.limits_until), end(self.entitled.until));
        now < written && written <= entitled
    }

    const fn finding(&self, key: Option<CellKey>, fault: Fault) -> Finding {
        Finding {
            account: self.account,
            key,
            fault,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.account)?;
        if let Some(key) = self.key {
            write!(f, " {}", key.counter.name())?;
            if key.window.end().is_some() {
                write!(f, " {}", key.window)?;
            }
        }
        match self.fault {
            Fault::Drifted { used, moved } => write!(
                f,
                ": {used} is used, but the movements add up to {moved}; reconcile it"
            ),
            Fault::Misreserved { reserved, held } => write!(
                f,
                ": {reserved} is reserved, but open reservations hold {held}"
            ),
            Fault::StaleLimit { limit, entitled } => write!(
                f,
                ": it decides by {limit:?}, but the account has {entitled:?}; set its plan again"
            ),
            Fault::Stuck { expires_at } => write!(
                f,
                ": a reservation should have ended at {}; is the sweeper running?",
                expires_at.to_rfc3339()
            ),
            Fault::Unreadable { count } => {
                write!(f, ": {count} reservations do not read back")
            }
        }
    }
}

/// Within this time after its end a reservation is swept.
pub const SWEPT_WITHIN: Duration = Duration::from_secs(60);
