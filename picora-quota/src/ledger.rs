//! The ports: the ledger as whole steps, and as steps in a caller's transaction.

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError,
    Timestamp,
};

use crate::adjustment::{Adjusted, Adjustment};
use crate::audit::AccountFacts;
use crate::history::{HistoryPoint, HistoryQuery};
use crate::reconcile::{Recount, Recounted, Seen};
use crate::reservation::Exceeds;
use crate::{Alert, Cell, CellKey, Counter, Denial, Items, Reservation, Reserve};

/// The ledger of all accounts: every method is one transaction, atomic and durable when it answers.
///
/// To implement it correctly:
/// - decide by [`decide`](crate::decide) on cells that are read in the same transaction and cannot change before it ends;
/// - before deciding, expire the account's own reservations that are due, so that dead ones never deny a living one;
/// - keep outcomes, denials too, for [`OUTCOMES_LIVE`] and answer a repeated id from them;
/// - take locks in the order: limits, reservation, cells by [`CellKey`].
///
/// The conformance suite (feature `conformance`) checks these and more.
///
/// **Errors**: a [`StoreError`] of kind `Unknown` may have happened; repeat it with the same id or key, which cannot charge twice. After every
/// other kind nothing has changed.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes room for an operation, in all its dimensions or in none.
    async fn reserve(&self, request: &Reserve, now: Timestamp) -> Result<Reserved, StoreError>;

    /// Grows a pending reservation to these totals, or to nothing of it. Totals that it already holds are a no-op, so it can be repeated.
    async fn extend(
        &self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError>;

    /// Turns what is held into use: the amounts that really came, and all that was granted where none is named.
    async fn commit(
        &self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError>;

    /// Gives back what is held.
    async fn release(&self, id: ReservationId, now: Timestamp) -> Result<Settled, StoreError>;

    /// Tells that the operation is alive; answers when the reservation now expires, or `None` when it is no longer pending.
    async fn heartbeat(
        &self,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Moves usage without asking for room. A used key is a no-op.
    ///
    /// **Errors**: kind `OutOfRange` when the number would be negative or above 2^62; nothing has changed.
    async fn post(&self, posting: &Posting, now: Timestamp) -> Result<Posted, StoreError>;

    /// Sets what an account's plan allows, for reservations that begin after it. Usage, overrides and grants are kept.
    ///
    /// **Errors**: kind `OutOfRange` when a limit and its grants are together above 2^62; nothing has changed.
    async fn set_limits(&self, limits: &SetLimits, now: Timestamp) -> Result<(), StoreError>;

    /// Adds an override or a grant, which counts from its time on, to the microsecond. Repeating it changes nothing.
    ///
    /// **Errors**: kind `OutOfRange` as for [`Ledger::set_limits`].
    async fn adjust(&self, adjustment: &Adjustment, now: Timestamp)
    -> Result<Adjusted, StoreError>;

    /// Ends an override or a grant now; one that has not begun never will. `false` when there is none, or it is over.
    async fn withdraw(
        &self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Brings the limits of up to `most` accounts up to date whose overrides or grants have begun or ended; answers how many. Reservations
    /// do it for themselves: this is for alerts, and for accounts at rest. Run it every minute.
    async fn refresh(&self, most: u32, now: Timestamp) -> Result<u32, StoreError>;

    /// Posts what a recount of the truth differs by, if nothing moved meanwhile.
    async fn correct(&self, recount: &Recount, now: Timestamp) -> Result<Recounted, StoreError>;

    /// Every dimension of an account at `now`, in the order of [`Dimension::ALL`]. An unknown account has limits of zero.
    async fn usage(&self, account: AccountId, now: Timestamp)
    -> Result<Vec<UsageLine>, StoreError>;

    /// A reservation by its name, also when it is resolved; `None` when it is unknown, was denied, or is forgotten.
    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError>;

    /// Expires up to `most` reservations that are due; answers how many. Run it every half minute.
    async fn sweep(&self, most: u32, now: Timestamp) -> Result<u32, StoreError>;

    /// Forgets up to `most` outcomes that are older than [`OUTCOMES_LIVE`]; answers how many. Run it every hour.
    async fn prune(&self, most: u32, now: Timestamp) -> Result<u32, StoreError>;
}

/// What a ledger tells of its past and of itself. Reads are as of one moment, and change nothing.
#[async_trait]
pub trait LedgerReports: Send + Sync {
    /// The overrides and grants of an account, also those that are over, in the order of their ids.
    async fn adjustments(&self, account: AccountId) -> Result<Vec<Adjustment>, StoreError>;

    /// All alerts of an account, the oldest first. Each was put into the outbox in the step that raised it.
    async fn alerts(&self, account: AccountId) -> Result<Vec<Alert>, StoreError>;

    /// How an account's usage went, by counter and then by time; stretches in which nothing moved are not in it.
    async fn history(
        &self,
        account: AccountId,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, StoreError>;

    /// Rolls up to `most` facts up that are older than their grain is kept ([`Grain::kept`](crate::Grain::kept)); answers how many. Every
    /// fact is in one grain, before and after. Run it every hour.
    async fn roll_up(&self, most: u32, now: Timestamp) -> Result<u32, StoreError>;

    /// Accounts that the ledger knows, by their ids, up to `most` after this one.
    async fn accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// What a level of an account holds, for a recount; nothing, when nothing has happened to it or it is no level.
    async fn seen(&self, account: AccountId, counter: Counter) -> Result<Seen, StoreError>;

    /// Everything that is written about an account, for the audit; `None` when it is unknown.
    async fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, StoreError>;
}

/// The ledger inside a caller's transaction `T`: what these write stands or falls with the rest of it.
///
/// The meanings are those of [`Ledger`]. Two things are the caller's:
/// - *Order.* Call these before touching rows of your own: the ledger locks its rows first everywhere, and whoever does it the other way
///   round waits in a circle.
/// - *Repetition.* An error of kind `Conflict` means that the whole transaction is to be repeated; a single step cannot be. The default
///   isolation of each database is enough: `READ COMMITTED` on PostgreSQL, `BEGIN IMMEDIATE` on SQLite.
#[async_trait]
pub trait LedgerIn<T: Send + ?Sized>: Send + Sync {
    /// See [`Ledger::reserve`].
    async fn reserve_in(
        &self,
        tx: &mut T,
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Reserved, StoreError>;

    /// See [`Ledger::extend`].
    async fn extend_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError>;

    /// See [`Ledger::commit`].
    async fn commit_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError>;

    /// See [`Ledger::release`].
    async fn release_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Settled, StoreError>;

    /// See [`Ledger::heartbeat`].
    async fn heartbeat_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// See [`Ledger::post`].
    async fn post_in(
        &self,
        tx: &mut T,
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Posted, StoreError>;

    /// See [`Ledger::set_limits`].
    async fn set_limits_in(
        &self,
        tx: &mut T,
        limits: &SetLimits,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes everything about an account; where a key must stay known, `tombstone`, a random id, stands in its place.
    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError>;
}

/// The answer to [`Ledger::reserve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The room is held.
    Admitted(Reservation),
    /// It does not fit; nothing is held. A repeated id that was denied is denied again with the same numbers.
    Denied(Denial),
    /// The id was used for another request; nothing is held.
    KeyReused,
    /// The id was admitted before; this is how it stands now.
    Replayed(Reservation),
}

/// The answer to [`Ledger::extend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extended {
    /// It does not fit; what was held is still held.
    Denied(Denial),
    /// It holds this now.
    Grown(Reservation),
    /// It was resolved earlier, or has just expired.
    Resolved(Reservation),
    /// There is no reservation of this id.
    Unknown,
}

/// The answer to [`Ledger::commit`] and [`Ledger::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is done by this call.
    Done(Reservation),
    /// It was resolved earlier, or has just expired; its state tells how. Nothing changed.
    Earlier(Reservation),
    /// More came than was granted; it is still pending.
    Exceeds(Exceeds),
    /// There is no reservation of this id.
    Unknown,
}

/// The answer to [`Ledger::post`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The cell before and after.
    Done {
        /// Before.
        before: Cell,
        /// After.
        after: Cell,
    },
    /// The key was used before; nothing changed.
    Used,
}

/// How one dimension of an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageLine {
    /// Which dimension.
    pub dimension: Dimension,
    /// Over which window.
    pub key: CellKey,
    /// The numbers; nothing is ever used of a limit of single items.
    pub cell: Cell,
    /// How much of what is used is of the dimension's tally, such as audio in the media pool; zero where no tally is kept.
    pub tally: Amount,
}

/// The cells that a posting moves: its dimension's, then its tally's.
///
/// **Errors**: [`AmountError`](picora_core::AmountError) when nothing is kept of the dimension, or the tally is no part of it.
pub fn posted_keys(posting: &Posting) -> Result<Vec<CellKey>, picora_core::AmountError> {
    use picora_core::AmountError::Negative;
    let at = |counter: Counter| counter.key_at(posting.happened_at).ok_or(Negative);
    let mut keys = vec![at(Counter::Dimension(posting.dimension))?];
    if let Some(tally) = posting.tally {
        if tally.dimension() != posting.dimension {
            return Err(Negative);
        }
        keys.push(at(Counter::Tally(tally))?);
    }
    Ok(keys)
}

/// How long a resolved reservation and a denial are remembered.
pub const OUTCOMES_LIVE: Duration = Duration::from_secs(24 * 60 * 60);
