//! The ledger as plain state: what the ports promise, without a database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use picora_core::{
    AccountId, Amount, AmountError, Dimension, Limit, Posting, ReservationId, SetLimits, Timestamp,
};

use crate::ledger::{OUTCOMES_LIVE, Posted, UsageLine};
use crate::reservation::Step;
use crate::reserve::cell_key;
use crate::{
    Cell, CellKey, Counter, Denial, Extended, Items, RequestHash, Reservation, ReservationState,
    Reserve, Reserved, Settled, decide,
};

/// The ledgers of all accounts, in memory.
///
/// It is the oracle that the databases are compared with, and the ledger of tests and examples. Every method is one step; after an error
/// nothing has changed. **Source**: invariants I1–I6 of the facts.
#[derive(Clone, Debug, Default)]
pub struct Books {
    accounts: BTreeMap<AccountId, Book>,
    outcomes: BTreeMap<ReservationId, Entry>,
    used_keys: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Book {
    limits: BTreeMap<Counter, Limit>,
    cells: BTreeMap<CellKey, Cell>,
}

#[derive(Clone, Debug)]
struct Entry {
    account: AccountId,
    request: RequestHash,
    outcome: Outcome,
    decided_at: Timestamp,
}

#[derive(Clone, Debug)]
enum Outcome {
    Admitted(Reservation),
    Denied(Denial),
}

impl Books {
    /// See [`Ledger::reserve`](crate::Ledger::reserve).
    pub fn reserve(&mut self, request: &Reserve, now: Timestamp) -> Result<Reserved, AmountError> {
        if let Some(entry) = self.outcomes.get(&request.id) {
            return Ok(entry.replay(request));
        }
        self.expire_due_of(request.account, now)?;
        let cells = self.cells_for(request.account, &request.items, now);
        let (outcome, answer) = match decide(&cells, &request.items, Amount::ONE, now) {
            Ok(granted) => {
                let step = Reservation::open(request, granted, now);
                self.apply(request.account, &step)?;
                (
                    Outcome::Admitted(step.reservation.clone()),
                    Reserved::Admitted(step.reservation),
                )
            }
            Err(denial) => (Outcome::Denied(denial.clone()), Reserved::Denied(denial)),
        };
        let entry = Entry {
            account: request.account,
            request: request.request,
            outcome,
            decided_at: now,
        };
        self.outcomes.insert(request.id, entry);
        Ok(answer)
    }

    /// See [`Ledger::extend`](crate::Ledger::extend).
    pub fn extend(
        &mut self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, AmountError> {
        let reservation = match self.pending(id, now)? {
            Ok(reservation) => reservation,
            Err(resolved) => return Ok(resolved.map_or(Extended::Unknown, Extended::Resolved)),
        };
        let missing = reservation.missing(totals);
        let cells = self.cells_for(reservation.account, &missing, reservation.created_at);
        match decide(&cells, &missing, Amount::ZERO, reservation.created_at) {
            Ok(more) => Ok(Extended::Grown(self.keep(reservation.grow(&more), now)?)),
            Err(denial) => Ok(Extended::Denied(denial)),
        }
    }

    /// See [`Ledger::commit`](crate::Ledger::commit).
    pub fn commit(
        &mut self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, AmountError> {
        let reservation = match self.pending(id, now)? {
            Ok(reservation) => reservation,
            Err(resolved) => return Ok(resolved.map_or(Settled::Unknown, Settled::Earlier)),
        };
        match reservation.commit(actual) {
            Ok(step) => Ok(Settled::Done(self.keep(step, now)?)),
            Err(exceeds) => Ok(Settled::Exceeds(exceeds)),
        }
    }

    /// See [`Ledger::release`](crate::Ledger::release).
    pub fn release(&mut self, id: ReservationId, now: Timestamp) -> Result<Settled, AmountError> {
        match self.pending(id, now)? {
            Ok(reservation) => Ok(Settled::Done(
                self.keep(reservation.give_back(ReservationState::Released), now)?,
            )),
            Err(resolved) => Ok(resolved.map_or(Settled::Unknown, Settled::Earlier)),
        }
    }

    /// See [`Ledger::heartbeat`](crate::Ledger::heartbeat).
    pub fn heartbeat(
        &mut self,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AmountError> {
        let Ok(mut reservation) = self.pending(id, now)? else {
            return Ok(None);
        };
        reservation.expires_at = reservation.beat(expires_after, now);
        let expires_at = reservation.expires_at;
        self.keep(
            Step {
                reservation,
                changes: Vec::new(),
            },
            now,
        )?;
        Ok(Some(expires_at))
    }

    /// See [`Ledger::post`](crate::Ledger::post).
    pub fn post(&mut self, posting: &Posting) -> Result<Posted, AmountError> {
        if self.used_keys.contains(posting.key.as_str()) {
            return Ok(Posted::Used);
        }
        let counter = Counter::Dimension(posting.dimension);
        let key = counter
            .key_at(posting.happened_at)
            .ok_or(AmountError::Negative)?; // nothing is kept of single items
        let before = self.cell(posting.account, key);
        let after = before.moved(posting.delta, 0)?;
        self.accounts
            .entry(posting.account)
            .or_default()
            .cells
            .insert(key, after);
        self.used_keys.insert(posting.key.as_str().to_owned());
        Ok(Posted::Done { before, after })
    }

    /// See [`Ledger::set_limits`](crate::Ledger::set_limits).
    pub fn set_limits(&mut self, limits: &SetLimits) {
        let book = self.accounts.entry(limits.account).or_default();
        book.limits = Counter::limits(limits).collect();
        for (key, cell) in &mut book.cells {
            cell.limit = book
                .limits
                .get(&key.counter)
                .copied()
                .unwrap_or(Limit::NOTHING);
        }
    }

    /// See [`Ledger::usage`](crate::Ledger::usage).
    #[must_use]
    pub fn usage(&self, account: AccountId, now: Timestamp) -> Vec<UsageLine> {
        let line = |dimension| {
            let key = cell_key(Counter::Dimension(dimension), now);
            UsageLine {
                dimension,
                key,
                cell: self.cell(account, key),
            }
        };
        Dimension::ALL.into_iter().map(line).collect()
    }

    /// See [`Ledger::reservation`](crate::Ledger::reservation).
    #[must_use]
    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        match &self.outcomes.get(&id)?.outcome {
            Outcome::Admitted(reservation) => Some(reservation),
            Outcome::Denied(_) => None,
        }
    }

    /// See [`Ledger::sweep`](crate::Ledger::sweep).
    pub fn sweep(&mut self, most: u32, now: Timestamp) -> Result<u32, AmountError> {
        let due = self
            .due(now)
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .cloned()
            .collect();
        self.expire(due, now)
    }

    /// See [`Ledger::prune`](crate::Ledger::prune).
    pub fn prune(&mut self, most: u32, now: Timestamp) -> u32 {
        let old = self
            .outcomes
            .iter()
            .filter(|(_, entry)| entry.is_old(now))
            .map(|(id, _)| *id);
        let old: Vec<_> = old
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect();
        for id in &old {
            self.outcomes.remove(id);
        }
        u32::try_from(old.len()).unwrap_or(u32::MAX)
    }

    /// See [`LedgerIn::erase_in`](crate::LedgerIn::erase_in). Posting keys stay known; they name resources, not people.
    pub fn erase(&mut self, account: AccountId) {
        self.accounts.remove(&account);
        self.outcomes.retain(|_, entry| entry.account != account);
    }

    /// A cell as it stands; one in which nothing has happened has the account's limit.
    fn cell(&self, account: AccountId, key: CellKey) -> Cell {
        let Some(book) = self.accounts.get(&account) else {
            return Cell::empty(Limit::NOTHING);
        };
        let limit = book
            .limits
            .get(&key.counter)
            .copied()
            .unwrap_or(Limit::NOTHING);
        book.cells.get(&key).copied().unwrap_or(Cell::empty(limit))
    }

    fn cells_for(
        &self,
        account: AccountId,
        items: &Items,
        now: Timestamp,
    ) -> BTreeMap<CellKey, Cell> {
        let counters = items
            .iter()
            .map(|item| Counter::Dimension(item.dimension))
            .chain([Counter::OpenReservations]);
        counters
            .map(|counter| cell_key(counter, now))
            .map(|key| (key, self.cell(account, key)))
            .collect()
    }

    /// A reservation that can still be settled, or how it was resolved; one that is due expires first.
    fn pending(
        &mut self,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Result<Reservation, Option<Reservation>>, AmountError> {
        let Some(reservation) = self.reservation(id).cloned() else {
            return Ok(Err(None));
        };
        if reservation.is_due(now) {
            return Ok(Err(Some(
                self.keep(reservation.give_back(ReservationState::Expired), now)?,
            )));
        }
        Ok(if reservation.state == ReservationState::Pending {
            Ok(reservation)
        } else {
            Err(Some(reservation))
        })
    }

    fn due(&self, now: Timestamp) -> impl Iterator<Item = &Reservation> {
        let admitted = self
            .outcomes
            .values()
            .filter_map(|entry| match &entry.outcome {
                Outcome::Admitted(reservation) => Some(reservation),
                Outcome::Denied(_) => None,
            });
        admitted.filter(move |reservation| reservation.is_due(now))
    }

    fn expire_due_of(&mut self, account: AccountId, now: Timestamp) -> Result<u32, AmountError> {
        let due = self
            .due(now)
            .filter(|reservation| reservation.account == account)
            .cloned()
            .collect();
        self.expire(due, now)
    }

    fn expire(&mut self, due: Vec<Reservation>, now: Timestamp) -> Result<u32, AmountError> {
        let count = u32::try_from(due.len()).unwrap_or(u32::MAX);
        for reservation in due {
            self.keep(reservation.give_back(ReservationState::Expired), now)?;
        }
        Ok(count)
    }

    /// Writes a step: the cells, then the reservation.
    fn keep(&mut self, step: Step, now: Timestamp) -> Result<Reservation, AmountError> {
        self.apply(step.reservation.account, &step)?;
        if let Some(entry) = self.outcomes.get_mut(&step.reservation.id) {
            entry.outcome = Outcome::Admitted(step.reservation.clone());
            entry.decided_at = now;
        }
        Ok(step.reservation)
    }

    /// Moves all cells of a step, or none when one of them would leave its range.
    fn apply(&mut self, account: AccountId, step: &Step) -> Result<(), AmountError> {
        let moved: Result<Vec<_>, _> = step
            .changes
            .iter()
            .map(|change| {
                Ok((
                    change.key,
                    self.cell(account, change.key)
                        .moved(change.used, change.reserved)?,
                ))
            })
            .collect();
        self.accounts
            .entry(account)
            .or_default()
            .cells
            .extend(moved?);
        Ok(())
    }
}

impl Entry {
    fn replay(&self, request: &Reserve) -> Reserved {
        if self.request != request.request || self.account != request.account {
            return Reserved::KeyReused;
        }
        match &self.outcome {
            Outcome::Admitted(reservation) => Reserved::Replayed(reservation.clone()),
            Outcome::Denied(denial) => Reserved::Denied(denial.clone()),
        }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        let pending = matches!(&self.outcome, Outcome::Admitted(held) if held.state == ReservationState::Pending);
        !pending && now.saturating_since(self.decided_at) >= OUTCOMES_LIVE
    }
}
