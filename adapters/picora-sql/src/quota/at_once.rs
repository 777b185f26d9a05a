//! Taking room in one round trip, on PostgreSQL.
//!
//! One statement locks the cells, looks whether everything fits, and writes; it is a transaction by itself. It only ever admits, and only
//! what is plain: cells that exist, limits that stand, nothing due, nothing counted in a later window, room for everything in full.
//! Whatever else is so, it changes nothing, and the step of [`reserve`](super::reserve) decides. So no rule is in its text alone: it may
//! refuse where the rule admits, and what it admits is what the rule answers on the numbers that it saw, or an error.

use std::collections::BTreeSet;

use picora_core::{Amount, Limit, StoreError, Timestamp};
use picora_quota::reserve::AHEAD;
use picora_quota::{Cell, CellKey, Counter, Granted, Reservation, Reserve, Reserved, decide};
use sqlx::query_as;

use super::cells::{self, Cells};
use super::moves::Moves;
use super::reserve::Touched;
use super::stored;
use crate::error::{self, Fault};

/// Admits a request that everything speaks for; `None` when nothing was changed and the whole step must decide.
///
/// **Errors**: unknown when the connection was lost on the way, as with a COMMIT.
pub(super) async fn reserve(
    pool: &sqlx::PgPool,
    request: &Reserve,
    now: Timestamp,
) -> Result<Option<Reserved>, StoreError> {
    let told = |fault: Fault| fault.told(crate::POSTGRES, RESERVE);
    let Some(plain) = Plain::of(request, now).map_err(told)? else {
        return Ok(None);
    };
    let mut conn = pool
        .acquire()
        .await
        .map_err(|error| error::of(error, crate::POSTGRES, RESERVE))?;
    match plain.write(&mut conn, request, now).await {
        Ok(rows) => plain.answer(&rows, request, now).map_err(told),
        Err(error) if gives_way(&error) => Ok(None),
        Err(error) => Err(error::of_statement(error, crate::POSTGRES, RESERVE)),
    }
}

/// The id is used; a number would leave its range; another transaction was there first. Nothing was written in either case.
fn gives_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|code| matches!(&*code, "23505" | "23514" | "22003" | "40001" | "40P01"))
}

/// A request as it is admitted when nothing is in its way.
struct Plain {
    touched: Touched,
    granted: Vec<Granted>,
    reservation: Reservation,
    moves: Moves,
}

impl Plain {
    /// The rule decides it on cells without any limit; there is nothing plain about a request that is denied there.
    fn of(request: &Reserve, now: Timestamp) -> Result<Option<Self>, Fault> {
        let touched = Touched::by(&request.items, request.tally, now);
        let free = Cell::empty(Limit::Unlimited);
        let cells: Cells = touched.keys().map(|key| (*key, free)).collect();
        let Ok(granted) = decide(&cells, &request.items, Amount::ONE, now) else {
            return Ok(None);
        };
        let step = Reservation::open(request, granted.clone(), now, now);
        let mut moves = Moves::default();
        moves.add(request.account, &step.changes)?;
        Ok(Some(Self {
            touched,
            granted,
            reservation: step.reservation,
            moves,
        }))
    }

    /// How much the statement adds to what a cell holds.
    fn more(&self, key: CellKey) -> i64 {
        let all = self.moves.iter().filter(|(moved, ..)| *moved == key);
        all.map(|(_, _, reserved)| reserved).sum()
    }

    async fn write(
        &self,
        conn: &mut sqlx::PgConnection,
        request: &Reserve,
        now: Timestamp,
    ) -> sqlx::Result<Vec<Row>> {
        let kept = &self.touched.cells;
        let more: Vec<i64> = kept.iter().map(|key| self.more(*key)).collect();
        let (counters, windows) = cells::names(kept);
        let single = request.items.iter().filter_map(|item| {
            let counter = Counter::Dimension(item.dimension);
            let single = counter.key_at(now).is_none();
            single.then(|| (counter.name(), item.amount.to_i64()))
        });
        let (single, wanted): (Vec<&str>, Vec<i64>) = single.unzip();
        // All windows that begin within a day begin at the next midnight.
        let ahead = Touched::by(&request.items, None, now.saturating_add(AHEAD)).cells;
        let ahead: BTreeSet<CellKey> = ahead.difference(kept).copied().collect();
        let (counters_ahead, windows_ahead) = cells::names(&ahead);
        // To the end: the rows come before the transaction is over.
        query_as(TEXT)
            .bind(&request.account.as_bytes()[..])
            .bind(counters)
            .bind(windows)
            .bind(more)
            .bind(now.unix_micros())
            .bind(counters_ahead)
            .bind(windows_ahead)
            .bind(single)
            .bind(wanted)
            .bind(&request.id.as_bytes()[..])
            .bind(&request.request.0[..])
            .bind(stored::granted_text(&self.reservation.granted))
            .bind(self.reservation.created_at.unix_micros())
            .bind(self.reservation.expires_at.unix_micros())
            .fetch_all(conn)
            .await
    }

    /// Holds what was written against the rule.
    fn answer(
        self,
        rows: &[Row],
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Option<Reserved>, Fault> {
        let Some((.., true, moved)) = rows.first() else {
            return Ok(None);
        };
        let free = Cell::empty(Limit::Unlimited); // limits of single items: the statement has looked at them
        let mut seen: Cells = self.touched.keys().map(|key| (*key, free)).collect();
        for (counter, window, used, reserved, limit, ..) in rows {
            let cell = stored::cell(*used, *reserved, *limit)?;
            seen.insert(stored::key(counter, window)?, cell);
        }
        let kept = self.touched.cells.iter();
        let whole = kept.filter(|key| self.more(**key) != 0).count();
        let whole = usize::try_from(*moved) == Ok(whole);
        let agrees = decide(&seen, &request.items, Amount::ONE, now).as_ref() == Ok(&self.granted);
        if !(agrees && whole) {
            return Err(Fault::Corrupt("the statement and the rule disagree"));
        }
        Ok(Some(Reserved::Admitted(self.reservation)))
    }
}

/// Counter, window, used, reserved and limit of a cell before the statement; whether it admitted, and how many cells it moved.
type Row = (String, String, i64, i64, Option<i64>, bool, i64);

const RESERVE: &str = "reserve";

/// The first read locks, in the order of the arrays, and sees cells as they are when it has their locks. The others see what was so when
/// the statement began; a plan change that came between shows in a cell whose limit is not the account's.
const TEXT: &str = "
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS wanted (counter, win, more, place) ORDER BY place),
cells AS MATERIALIZED (
    SELECT wanted.counter, wanted.win, wanted.more, u.used, u.reserved, u.lim, u.lim_until
    FROM wanted CROSS JOIN LATERAL (
        SELECT used, reserved, lim, lim_until FROM picora_usage
        WHERE account = $1 AND counter = wanted.counter AND win = wanted.win
        FOR UPDATE) AS u),
limits AS MATERIALIZED (
    SELECT counter, lim, lim_until FROM picora_account_limit WHERE account = $1),
plain AS MATERIALIZED (
    SELECT count(*) = cardinality($2::text[])
        AND bool_and(cells.lim IS NULL OR cells.lim - cells.used - cells.reserved >= cells.more)
        AND bool_and(cells.lim_until IS NULL OR cells.lim_until > $5)
        AND bool_and(EXISTS (
            SELECT FROM limits l
            WHERE l.counter = cells.counter AND l.lim IS NOT DISTINCT FROM cells.lim AND l.lim_until IS NOT DISTINCT FROM cells.lim_until))
        AND NOT EXISTS (
            SELECT FROM picora_reservation WHERE account = $1 AND state = 'pending' AND expires_at <= $5)
        AND NOT EXISTS (
            SELECT FROM unnest($6::text[], $7::text[]) AS later (counter, win)
            CROSS JOIN LATERAL (
                SELECT FROM picora_usage
                WHERE account = $1 AND counter = later.counter AND win = later.win AND used + reserved > 0
                LIMIT 1) AS u)
        AND NOT EXISTS (
            SELECT FROM unnest($8::text[], $9::bigint[]) AS single (counter, wanted)
            WHERE NOT EXISTS (
                SELECT FROM limits l WHERE l.counter = single.counter AND (l.lim IS NULL OR l.lim >= single.wanted)))
        AS admitted
    FROM cells),
moved AS (
    UPDATE picora_usage u SET reserved = u.reserved + cells.more, moves = u.moves + 1
    FROM cells, plain
    WHERE plain.admitted AND cells.more <> 0
        AND u.account = $1 AND u.counter = cells.counter AND u.win = cells.win
    RETURNING u.counter),
kept AS (
    INSERT INTO picora_reservation (id, account, request_hash, state, granted, created_at, expires_at, decided_at)
    SELECT $10, $1, $11, 'pending', $12, $13, $14, $5 FROM plain WHERE plain.admitted)
SELECT cells.counter, cells.win, cells.used, cells.reserved, cells.lim, plain.admitted, (SELECT count(*) FROM moved) AS moved
FROM cells CROSS JOIN plain";
