//! Taking room.

use std::collections::BTreeSet;

use picora_core::{AccountId, Amount, ReservationId, Tally, Timestamp};
use picora_quota::reserve::{AHEAD, cell_key, lifted};
use picora_quota::{
    CellKey, Counter, Extended, Items, Reservation, ReservationState, Reserve, Reserved,
    Thresholds, decide,
};
use sqlx::query_as;

use super::cells::{self, Cells};
use super::moves::Moves;
use super::{limits, outcomes, settle};
use crate::SqlConn;
use crate::error::Fault;

/// See [`Ledger::reserve`](picora_quota::Ledger::reserve).
pub(super) async fn reserve(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    request: &Reserve,
    now: Timestamp,
) -> Result<Reserved, Fault> {
    let mut touched = Touched::by(&request.items, request.tally, now);
    // All windows that begin within a day begin at the next midnight.
    let ahead = Touched::by(&request.items, None, now.saturating_add(AHEAD));
    let ahead: BTreeSet<CellKey> = ahead.cells.difference(&touched.cells).copied().collect();
    let mut survey = Survey::of(conn, request, &touched.cells, &ahead, now).await?;
    if survey.known {
        return replay(conn, request).await;
    }
    if survey.stale {
        limits::refresh(conn, thresholds, request.account, now).await?;
    }
    let expired_first = survey.due && survey.ahead;
    if expired_first {
        // What the dead hold keeps no window open. Limits are locked first and then all cells in one order, those of both windows, so that
        // nothing below locks anything new.
        let later = lifted(now, ahead.iter().copied());
        let mut both = Touched::by(&request.items, request.tally, later).cells;
        both.extend(&touched.cells);
        cells::open(conn, request.account, &both).await?;
        expire(conn, request.account, both, now).await?;
        survey = Survey::of(conn, request, &touched.cells, &ahead, now).await?;
    }
    let at = if survey.ahead {
        lifted(now, ahead)
    } else {
        now
    };
    if at != now {
        touched = Touched::by(&request.items, request.tally, at);
    }
    if survey.incomplete || at != now {
        cells::open(conn, request.account, &touched.cells).await?;
    }
    // Whoever is due now and was not before is in another transaction's hands.
    let due = if survey.due && !expired_first {
        outcomes::lock_due_of(conn, request.account, now).await?
    } else {
        Vec::new()
    };
    let mut moves = Moves::default();
    for dead in &due {
        let step = dead.give_back(ReservationState::Expired);
        moves.add(request.account, &step.changes)?;
    }
    let cells = touched.lock(conn, request.account, &moves).await?;
    let (reservation, denial) = match decide(&cells, &request.items, Amount::ONE, at) {
        Ok(granted) => {
            let step = Reservation::open(request, granted, at, now);
            moves.add(request.account, &step.changes)?;
            (step.reservation, None)
        }
        Err(denial) => {
            if survey.due {
                refuse_only_for_the_living(conn, request.account, due.len(), now).await?;
            }
            let mut nothing = Reservation::open(request, Vec::new(), at, now).reservation;
            nothing.granted.clear();
            (nothing, Some(denial))
        }
    };
    if !outcomes::insert(conn, request, &reservation, denial.as_ref(), now).await? {
        return replay(conn, request).await; // nothing is written yet
    }
    moves.write(conn).await?;
    outcomes::expire(conn, &due, now).await?;
    Ok(denial.map_or(Reserved::Admitted(reservation), Reserved::Denied))
}

/// See [`Ledger::extend`](picora_quota::Ledger::extend).
pub(super) async fn extend(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    id: ReservationId,
    totals: &Items,
    now: Timestamp,
) -> Result<Extended, Fault> {
    // Whose it is and when it was made never change, so they may be read before the lock: cells are made before it is taken.
    let Some(reservation) = outcomes::load(conn, id)
        .await?
        .and_then(outcomes::Outcome::into_admitted)
    else {
        return Ok(Extended::Unknown);
    };
    if limits::is_due(conn, reservation.account, now).await? {
        limits::refresh(conn, thresholds, reservation.account, now).await?; // limits are locked first
    }
    let touched = Touched::by(totals, reservation.tally(), reservation.created_at);
    if cells::count(conn, reservation.account, &touched.cells).await? < touched.cells.len() {
        cells::open(conn, reservation.account, &touched.cells).await?;
    }
    let reservation = match settle::pending(conn, id, now).await? {
        Ok(reservation) => reservation,
        Err(resolved) => return Ok(resolved.map_or(Extended::Unknown, Extended::Resolved)),
    };
    let missing = reservation.missing(totals);
    let cells = touched
        .lock(conn, reservation.account, &Moves::default())
        .await?;
    match decide(&cells, &missing, Amount::ZERO, reservation.created_at) {
        Ok(more) => Ok(Extended::Grown(
            settle::keep(conn, reservation.grow(&more), now).await?,
        )),
        Err(denial) => Ok(Extended::Denied(denial)),
    }
}

/// Expires the dead reservations of an account that nobody else has in hand. Locks their cells and `more` in their order.
async fn expire(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    more: BTreeSet<CellKey>,
    now: Timestamp,
) -> Result<(), Fault> {
    let due = outcomes::lock_due_of(conn, account, now).await?;
    let mut moves = Moves::default();
    for dead in &due {
        let step = dead.give_back(ReservationState::Expired);
        moves.add(account, &step.changes)?;
    }
    let mut keys = more;
    keys.extend(moves.iter().map(|(key, ..)| key));
    cells::lock(conn, account, &keys).await?;
    moves.write(conn).await?;
    outcomes::expire(conn, &due, now).await
}

async fn replay(conn: &mut SqlConn<'_>, request: &Reserve) -> Result<Reserved, Fault> {
    let outcome = outcomes::load(conn, request.id).await?;
    let outcome = outcome.ok_or(Fault::Raced(
        "the outcome of this id has just been forgotten",
    ))?;
    Ok(outcome.replay(request))
}

/// What a request is decided on.
pub(super) struct Touched {
    /// Cells that are kept.
    pub(super) cells: BTreeSet<CellKey>,
    /// Limits of single items.
    single: Vec<CellKey>,
}

impl Touched {
    pub(super) fn by(items: &Items, tally: Option<Tally>, now: Timestamp) -> Self {
        let counters = items.iter().map(|item| Counter::Dimension(item.dimension));
        let counters = counters.chain(tally.map(Counter::Tally));
        let (kept, single): (BTreeSet<_>, BTreeSet<_>) = counters
            .chain([Counter::OpenReservations])
            .partition(|counter| counter.key_at(now).is_some());
        let keys = |counters: BTreeSet<_>| counters.into_iter().map(move |it| cell_key(it, now));
        Self {
            cells: keys(kept).collect(),
            single: keys(single).collect(),
        }
    }

    /// The cells and the limits.
    #[cfg(feature = "postgres")]
    pub(super) fn keys(&self) -> impl Iterator<Item = &CellKey> {
        self.cells.iter().chain(&self.single)
    }

    /// Locks the cells, those of `moves` too, and answers them as they are after the moves.
    async fn lock(
        &self,
        conn: &mut SqlConn<'_>,
        account: AccountId,
        moves: &Moves,
    ) -> Result<Cells, Fault> {
        let mut keys = self.cells.clone();
        keys.extend(moves.iter().map(|(key, ..)| key));
        let mut cells = cells::lock(conn, account, &keys).await?;
        if cells.len() < keys.len() {
            return Err(Fault::Raced("the account was erased meanwhile"));
        }
        for (key, used, reserved) in moves.iter() {
            if let Some(cell) = cells.get_mut(&key) {
                *cell = cell
                    .moved(used, reserved)
                    .map_err(|_| Fault::Corrupt("a cell holds less than its reservations"))?;
            }
        }
        limits::add_single_items(conn, account, &self.single, &mut cells).await?;
        Ok(cells)
    }
}

/// Dead reservations that another transaction is about to expire still hold room in the cells that this one has locked. That is no reason to
/// refuse anybody: the step gives way, and is tried again.
async fn refuse_only_for_the_living(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    expired: usize,
    now: Timestamp,
) -> Result<(), Fault> {
    if outcomes::count_due_of(conn, account, now).await? > expired {
        return Err(Fault::Raced("dead reservations are being expired"));
    }
    Ok(())
}

/// What can be seen before anything is locked, in one round trip.
struct Survey {
    /// The id was used.
    known: bool,
    /// The account has reservations that are due.
    due: bool,
    /// An override or a grant of the account has begun or ended.
    stale: bool,
    /// Something is counted in a later window: the clock has stepped back.
    ahead: bool,
    /// Not all cells exist.
    incomplete: bool,
}

impl Survey {
    async fn of(
        conn: &mut SqlConn<'_>,
        request: &Reserve,
        keys: &BTreeSet<CellKey>,
        ahead: &BTreeSet<CellKey>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let id = &request.id.as_bytes()[..];
        let account = &request.account.as_bytes()[..];
        let (known, due, stale, cells, ahead): (bool, bool, bool, i64, bool) = match conn {
            #[cfg(feature = "postgres")]
            SqlConn::Postgres(conn) => {
                let (counters, windows) = cells::names(keys);
                let (counters_ahead, windows_ahead) = cells::names(ahead);
                query_as(
                    "SELECT
                         EXISTS (SELECT FROM picora_reservation WHERE id = $1),
                         EXISTS (SELECT FROM picora_reservation WHERE account = $2 AND state = 'pending' AND expires_at <= $3),
                         EXISTS (SELECT FROM picora_account_limit WHERE account = $2 AND lim_until <= $3),
                         (SELECT count(*) FROM unnest($4::text[], $5::text[]) AS wanted (counter, win)
                          CROSS JOIN LATERAL (
                              SELECT FROM picora_usage
                              WHERE account = $2 AND counter = wanted.counter AND win = wanted.win
                              LIMIT 1) AS u),
                         EXISTS (SELECT FROM unnest($6::text[], $7::text[]) AS later (counter, win)
                          CROSS JOIN LATERAL (
                              SELECT FROM picora_usage
                              WHERE account = $2 AND counter = later.counter AND win = later.win AND used + reserved > 0
                              LIMIT 1) AS u)",
                )
                .bind(id)
                .bind(account)
                .bind(now.unix_micros())
                .bind(counters)
                .bind(windows)
                .bind(counters_ahead)
                .bind(windows_ahead)
                .fetch_one(&mut **conn)
                .await?
            }
            #[cfg(feature = "sqlite")]
            SqlConn::Sqlite(conn) => {
                query_as(
                    "SELECT
                         EXISTS (SELECT 1 FROM picora_reservation WHERE id = $1),
                         EXISTS (SELECT 1 FROM picora_reservation WHERE account = $2 AND state = 'pending' AND expires_at <= $3),
                         EXISTS (SELECT 1 FROM picora_account_limit WHERE account = $2 AND lim_until <= $3),
                         (SELECT count(*) FROM json_each($4) AS wanted
                          CROSS JOIN picora_usage u ON u.account = $2
                              AND u.counter = json_extract(wanted.value, '$[0]') AND u.win = json_extract(wanted.value, '$[1]')),
                         EXISTS (SELECT 1 FROM json_each($5) AS later
                          CROSS JOIN picora_usage u ON u.account = $2
                              AND u.counter = json_extract(later.value, '$[0]') AND u.win = json_extract(later.value, '$[1]')
                              AND u.used + u.reserved > 0)",
                )
                .bind(id)
                .bind(account)
                .bind(now.unix_micros())
                .bind(cells::json(keys))
                .bind(cells::json(ahead))
                .fetch_one(&mut **conn)
                .await?
            }
        };
        Ok(Self {
            known,
            due,
            stale,
            ahead,
            incomplete: usize::try_from(cells) != Ok(keys.len()),
        })
    }
}
