//! Taking room in one round trip, on PostgreSQL.
//!
//! A function of the database looks whether everything fits, locks the cells, and writes; its call is a transaction by itself. It only ever
//! admits, and only what is plain: cells that exist, limits that stand, nothing due, nothing counted in a later window, room for everything
//! in full. Whatever else is so, it changes nothing, and the step of [`reserve`](super::reserve) decides. So no rule is in its text alone:
//! it may refuse where the rule admits, and what it admits is what the rule answers on the numbers that it saw, or an error.
//!
//! One statement with common table expressions did the same more slowly, most of all where it is planned anew for each call, and sees one
//! moment only: what was committed while it waited for a lock would be missing.

use std::collections::{BTreeMap, BTreeSet};

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
        Ok(rows) => plain.answer(rows, request, now).map_err(told),
        Err(error) if gives_way(&error) => Ok(None),
        Err(error) => Err(error::of_statement(error, crate::POSTGRES, RESERVE)),
    }
}

/// The id is used; a number would leave its range; another step was there first, which the function says by its own code. Nothing was
/// written in either case.
fn gives_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|code| {
        matches!(
            &*code,
            "PC001" | "23505" | "23514" | "22003" | "40001" | "40P01"
        )
    })
}

/// A request as it is admitted when nothing is in its way.
struct Plain {
    touched: Touched,
    granted: Vec<Granted>,
    reservation: Reservation,
    /// What is added to each cell.
    more: BTreeMap<CellKey, i64>,
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
        let moved = moves.iter().map(|(key, _, reserved)| (key, reserved));
        let more: BTreeMap<CellKey, i64> = moved.filter(|(_, reserved)| *reserved != 0).collect();
        // What is asked for nothing of is no reason to lock a cell.
        let plain = touched.cells.iter().eq(more.keys());
        Ok(plain.then_some(Self {
            touched,
            granted,
            reservation: step.reservation,
            more,
        }))
    }

    async fn write(
        &self,
        conn: &mut sqlx::PgConnection,
        request: &Reserve,
        now: Timestamp,
    ) -> sqlx::Result<Vec<Row>> {
        let kept = &self.touched.cells;
        let more: Vec<i64> = self.more.values().copied().collect();
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
        rows: Vec<Row>,
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Option<Reserved>, Fault> {
        let Some((used, reserved, limits)) = rows.into_iter().next() else {
            return Ok(None);
        };
        let free = Cell::empty(Limit::Unlimited); // limits of single items: the function has looked at them
        let mut seen: Cells = self.touched.keys().map(|key| (*key, free)).collect();
        for (key, ((used, reserved), limit)) in self
            .touched
            .cells
            .iter()
            .zip(used.into_iter().zip(reserved).zip(limits))
        {
            seen.insert(*key, stored::cell(used, reserved, limit)?);
        }
        if decide(&seen, &request.items, Amount::ONE, now).as_ref() != Ok(&self.granted) {
            return Err(Fault::Corrupt("the function and the rule disagree"));
        }
        Ok(Some(Reserved::Admitted(self.reservation)))
    }
}

/// What each cell had used and reserved before, and its limit.
type Row = (Vec<i64>, Vec<i64>, Vec<Option<i64>>);

const RESERVE: &str = "reserve";

const TEXT: &str = "SELECT were_used, were_reserved, lims
    FROM picora_reserve_at_once($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
