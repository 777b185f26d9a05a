//! The ledger as plain state: what the ports promise, without a database.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use picora_core::{
    AccountId, AdjustmentId, Amount, AmountError, CalendarDay, CalendarMonth, ChangeMark,
    Dimension, Limit, Limits, Posting, ReservationId, SetLimits, Tally, Timestamp, Window,
};

use crate::adjustment::limit_of;
use crate::echo::Numbers;
use crate::history::{fact_start, rolled_up};

use crate::ledger::{OUTCOMES_LIVE, Posted, UsageLine, posted_keys};
use crate::reconcile::{Recount, Recounted, Seen};
use crate::reservation::Step;
use crate::reserve::{cell_key, lifted};
use crate::{
    AccountFacts, Adjusted, Adjustment, Alarm, Alert, Cell, CellKey, Change, Counter, Denial,
    Entitled, Extended, Grain, HistoryPoint, HistoryQuery, Item, Items, RequestHash, Reservation,
    ReservationState, Reserve, Reserved, Settled, Thresholds, decide,
};

mod limits;
mod reports;

/// The ledgers of all accounts, in memory.
///
/// It is the oracle that the databases are compared with, and the ledger of tests and examples. Every method is one step; after an error
/// nothing has changed. **Source**: invariants I1–I6 of the facts.
#[derive(Clone, Debug)]
pub struct Books {
    thresholds: Thresholds,
    accounts: BTreeMap<AccountId, Book>,
    outcomes: BTreeMap<ReservationId, Entry>,
    used_keys: BTreeSet<String>,
    alerts: Vec<Alert>,
    facts: BTreeMap<(AccountId, Counter, Grain, Timestamp), (i64, Amount)>,
}

#[derive(Clone, Debug)]
struct Book {
    plan: Limits,
    open_reservations: Limit,
    adjustments: BTreeMap<AdjustmentId, Adjustment>,
    entitled: Entitled,
    /// How often the limits were replaced.
    version: u64,
    cells: BTreeMap<CellKey, Kept>,
}

/// A cell, and what is written beside it.
#[derive(Clone, Copy, Debug)]
struct Kept {
    cell: Cell,
    alarm: Alarm,
    moves: u64,
    journal: i128,
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

impl Default for Books {
    fn default() -> Self {
        Self::new(Thresholds::standard())
    }
}

impl Default for Book {
    fn default() -> Self {
        Self {
            plan: Limits::NOTHING,
            open_reservations: Limit::NOTHING,
            adjustments: BTreeMap::new(),
            entitled: Entitled {
                limits: Limits::NOTHING,
                until: None,
            },
            version: 0,
            cells: BTreeMap::new(),
        }
    }
}

impl Book {
    fn limit(&self, counter: Counter) -> Limit {
        limit_of(&self.entitled, self.open_reservations, counter)
    }

    fn kept(&self, key: CellKey) -> Kept {
        self.cells.get(&key).copied().unwrap_or_else(|| Kept {
            cell: Cell::empty(self.limit(key.counter)),
            alarm: Alarm::default(),
            moves: 0,
            journal: 0,
        })
    }

    /// The cells in which something is counted.
    fn opened(&self) -> impl Iterator<Item = CellKey> + '_ {
        let counted = |(_, kept): &(&CellKey, &Kept)| kept.cell.taken() > Amount::ZERO;
        self.cells.iter().filter(counted).map(|(key, _)| *key)
    }

    fn entitled_at(&self, now: Timestamp) -> Result<Entitled, AmountError> {
        let adjustments: Vec<_> = self.adjustments.values().cloned().collect();
        Entitled::of(&self.plan, &adjustments, now)
    }
}

impl Books {
    /// Books that alert at these levels.
    #[must_use]
    pub const fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            accounts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            used_keys: BTreeSet::new(),
            alerts: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    /// See [`Ledger::reserve`](crate::Ledger::reserve).
    pub fn reserve(&mut self, request: &Reserve, now: Timestamp) -> Result<Reserved, AmountError> {
        if let Some(entry) = self.outcomes.get(&request.id) {
            return Ok(entry.replay(request));
        }
        self.refresh_account(request.account, now)?;
        self.expire_due_of(request.account, now)?;
        let at = self.lifted(request, now);
        let cells = self.cells_for(request.account, &request.items, at);
        let (outcome, answer) = match decide(&cells, &request.items, Amount::ONE, at) {
            Ok(granted) => {
                let step = Reservation::open(request, granted, at, now);
                self.apply(&step, now)?;
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
        if let Some(account) = self.reservation(id).map(|held| held.account) {
            self.refresh_account(account, now)?;
        }
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
    pub fn post(&mut self, posting: &Posting, now: Timestamp) -> Result<Posted, AmountError> {
        if self.used_keys.contains(posting.key.as_str()) {
            return Ok(Posted::Used);
        }
        let keys = posted_keys(posting)?;
        let before = self.cell(posting.account, keys[0]);
        let changes = keys.iter().map(|key| Change {
            key: *key,
            used: posting.delta,
            reserved: 0,
        });
        let changes: Vec<_> = changes.collect();
        self.move_cells(posting.account, &changes, posting.happened_at, now)?;
        self.used_keys.insert(posting.key.as_str().to_owned());
        let after = self.cell(posting.account, keys[0]);
        Ok(Posted::Done { before, after })
    }

    /// See [`Ledger::correct`](crate::Ledger::correct).
    pub fn correct(&mut self, recount: &Recount, now: Timestamp) -> Result<Recounted, AmountError> {
        let Some(key) = recount.cell() else {
            return Ok(Recounted::Refused);
        };
        if self.used_keys.contains(recount.key.as_str()) {
            return Ok(Recounted::Refused);
        }
        let moves = self.moves(recount.account, key);
        let used = match recount.difference(moves) {
            Ok(difference) => difference,
            Err(why) => return Ok(why),
        };
        let before = self.cell(recount.account, key);
        let change = Change {
            key,
            used,
            reserved: 0,
        };
        self.move_cells(recount.account, &[change], now, now)?;
        self.used_keys.insert(recount.key.as_str().to_owned());
        let after = self.cell(recount.account, key);
        Ok(Recounted::Posted { before, after })
    }

    /// See [`LedgerReports::seen`](crate::LedgerReports::seen).
    #[must_use]
    pub fn seen(&self, account: AccountId, counter: Counter) -> Seen {
        let key = CellKey {
            counter,
            window: Window::Always,
        };
        Seen {
            used: self.cell(account, key).used,
            moves: self.moves(account, key),
        }
    }

    fn moves(&self, account: AccountId, key: CellKey) -> u64 {
        let book = self.accounts.get(&account);
        book.and_then(|book| book.cells.get(&key))
            .map_or(0, |kept| kept.moves)
    }

    /// See [`Ledger::usage`](crate::Ledger::usage).
    #[must_use]
    pub fn usage(&self, account: AccountId, now: Timestamp) -> Vec<UsageLine> {
        let entitled = self
            .accounts
            .get(&account)
            .filter(|book| is_due(book, now))
            .and_then(|book| book.entitled_at(now).ok());
        let line = |dimension| {
            let key = self.opened(account, Counter::Dimension(dimension), now);
            let mut cell = self.cell(account, key);
            if let Some(entitled) = &entitled {
                cell.limit = entitled.limits.of(dimension);
            }
            let tally = Tally::ALL
                .into_iter()
                .find(|it| it.dimension() == dimension);
            let tally = tally
                .map(Counter::Tally)
                .map(|counter| CellKey { counter, ..key });
            UsageLine {
                dimension,
                key,
                cell,
                tally: tally.map_or(Amount::ZERO, |key| self.cell(account, key).used),
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
        self.alerts.retain(|alert| alert.account != account);
        self.facts.retain(|(of, ..), _| *of != account);
        self.outcomes.retain(|_, entry| entry.account != account);
    }

    /// A cell as it stands; one in which nothing has happened has the account's limit.
    fn cell(&self, account: AccountId, key: CellKey) -> Cell {
        match self.accounts.get(&account) {
            Some(book) => book.kept(key).cell,
            None => Cell::empty(key.counter.without_limits()),
        }
    }

    /// The windows that a request is decided in.
    fn lifted(&self, request: &Reserve, now: Timestamp) -> Timestamp {
        let Some(book) = self.accounts.get(&request.account) else {
            return now;
        };
        let asked = |key: &CellKey| {
            let of = |item: &Item| key.counter == Counter::Dimension(item.dimension);
            request.items.iter().any(of)
        };
        lifted(now, book.opened().filter(asked))
    }

    /// The cell of a counter at `now`, or in a later window that is open already.
    fn opened(&self, account: AccountId, counter: Counter, now: Timestamp) -> CellKey {
        let book = self.accounts.get(&account);
        let opened = book.into_iter().flat_map(Book::opened);
        cell_key(
            counter,
            lifted(now, opened.filter(|key| key.counter == counter)),
        )
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
        self.apply(&step, now)?;
        if let Some(entry) = self.outcomes.get_mut(&step.reservation.id) {
            entry.outcome = Outcome::Admitted(step.reservation.clone());
            entry.decided_at = now;
        }
        Ok(step.reservation)
    }

    /// What a reservation uses counts for the hour of its windows in which it is settled, or for their last one.
    fn apply(&mut self, step: &Step, now: Timestamp) -> Result<(), AmountError> {
        self.move_cells(step.reservation.account, &step.changes, now, now)
    }

    /// Moves all cells, or none when one of them would leave its range.
    fn move_cells(
        &mut self,
        account: AccountId,
        changes: &[Change],
        happened_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), AmountError> {
        let mut book = self.accounts.get(&account).cloned().unwrap_or_default();
        let (mut alerts, mut facts) = (Vec::new(), Vec::new());
        for change in changes {
            let mut kept = book.kept(change.key);
            kept.cell = kept.cell.moved(change.used, change.reserved)?;
            kept.moves += u64::from(change.used != 0 || change.reserved != 0);
            kept.journal += i128::from(change.used);
            if change.used != 0 {
                let (alarm, level) = self
                    .thresholds
                    .after_move(change.key, kept.cell, kept.alarm, now);
                kept.alarm = alarm;
                alerts.extend(level.and_then(|level| {
                    Alert::of(account, change.key, kept.cell, alarm, level, now)
                }));
                facts.push((change.key, change.used, kept.cell.used));
            }
            book.cells.insert(change.key, kept);
        }
        self.accounts.insert(account, book);
        self.alerts.extend(alerts);
        for (key, moved, level) in facts {
            let start = fact_start(key.window, happened_at);
            let sum = self
                .facts
                .entry((account, key.counter, Grain::Hour, start))
                .or_default();
            *sum = (sum.0.saturating_add(moved), level);
        }
        Ok(())
    }
}

fn is_due(book: &Book, now: Timestamp) -> bool {
    book.entitled.until.is_some_and(|until| until <= now)
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
