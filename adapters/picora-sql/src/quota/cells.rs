//! Cells: the rows that decide.

use std::collections::{BTreeMap, BTreeSet};

use picora_core::{AccountId, Amount, CalendarDay, CalendarMonth, Dimension, Tally, Timestamp};
use picora_quota::reserve::{AHEAD, cell_key};
use picora_quota::{Cell, CellKey, Counter, Seen, UsageLine};
use sqlx::{query, query_as};

use super::{entitlement, stored};
use crate::SqlConn;
use crate::connection::select;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::stored::text;

/// Cells of one account by their keys, as [`decide`](picora_quota::decide) takes them.
pub(super) type Cells = BTreeMap<CellKey, Cell>;

/// Cells, with how often each has moved.
pub(super) type MovingCells = BTreeMap<CellKey, (Cell, u64)>;

/// Makes the cells that do not exist yet, each with its account's limit.
///
/// The limit's row is held shared until the end of the transaction, so that a plan change either comes before, and its limit is copied, or
/// waits, and then finds the new cell. Call it before any cell is locked. An account without limits gets limits of zero first: a row that
/// does not exist cannot be held.
pub(super) async fn open(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<(), Fault> {
    match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => open_at_once(conn, account, keys).await,
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => open_at_leisure(conn, account, keys).await,
    }
}

#[cfg(feature = "postgres")]
async fn open_at_once(
    conn: &mut sqlx::PgConnection,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<(), Fault> {
    let account = &account.as_bytes()[..];
    let (counters, windows) = names(keys);
    if hold_limits(conn, account, &counters).await? < counters.len() {
        query(
            "INSERT INTO picora_account_limit (account, counter, lim, plan_lim)
             SELECT $1, counter, lim, lim FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS wanted (counter, lim, place)
             ORDER BY place
             ON CONFLICT DO NOTHING",
        )
        .bind(account)
        .bind(&counters)
        .bind(without_limits(keys))
        .execute(&mut *conn)
        .await?;
        hold_limits(conn, account, &counters).await?;
    }
    query(
        "INSERT INTO picora_usage (account, counter, win, used, reserved, lim, lim_until)
         SELECT l.account, l.counter, wanted.win, 0, 0, l.lim, l.lim_until
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (counter, win, place)
         JOIN picora_account_limit l ON l.account = $1 AND l.counter = wanted.counter
         ORDER BY wanted.place
         ON CONFLICT DO NOTHING",
    )
    .bind(account)
    .bind(&counters)
    .bind(&windows)
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds the limits of these counters shared, in order; answers how many there are.
#[cfg(feature = "postgres")]
async fn hold_limits(
    conn: &mut sqlx::PgConnection,
    account: &[u8],
    counters: &[&str],
) -> Result<usize, Fault> {
    let held = query(
        "SELECT FROM unnest($2::text[]) WITH ORDINALITY AS wanted (counter, place)
         JOIN picora_account_limit l ON l.account = $1 AND l.counter = wanted.counter
         ORDER BY wanted.place FOR SHARE OF l",
    )
    .bind(account)
    .bind(counters)
    .fetch_all(conn)
    .await?;
    Ok(held.len())
}

#[cfg(feature = "sqlite")]
async fn open_at_leisure(
    conn: &mut sqlx::SqliteConnection,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<(), Fault> {
    let limits = keys.iter().map(|key| {
        let limit = stored::limit_column(key.counter.without_limits());
        (key.counter.name(), limit)
    });
    let limits = text(&limits.collect::<Vec<_>>());
    let (account, keys) = (&account.as_bytes()[..], json(keys));
    query(
        "INSERT INTO picora_account_limit (account, counter, lim, plan_lim)
         SELECT $1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[1]')
         FROM json_each($2) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(account)
    .bind(limits)
    .execute(&mut *conn)
    .await?;
    query(
        "INSERT INTO picora_usage (account, counter, win, used, reserved, lim, lim_until)
         SELECT l.account, l.counter, json_extract(wanted.value, '$[1]'), 0, 0, l.lim, l.lim_until
         FROM json_each($2) AS wanted
         CROSS JOIN picora_account_limit l ON l.account = $1 AND l.counter = json_extract(wanted.value, '$[0]')
         WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(account)
    .bind(&keys)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks cells in their order and reads them; one that does not exist is not in the answer.
pub(super) async fn lock(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<Cells, Fault> {
    let cells = lock_moving(conn, account, keys).await?.into_iter();
    Ok(cells.map(|(key, (cell, _))| (key, cell)).collect())
}

/// The same, with how often each has moved.
pub(super) async fn lock_moving(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<MovingCells, Fault> {
    type Row = (String, String, i64, i64, Option<i64>, i64);
    let account = &account.as_bytes()[..];
    let rows: Vec<Row> = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let (counters, windows) = names(keys);
            query_as(
                "SELECT u.counter, u.win, u.used, u.reserved, u.lim, u.moves
                 FROM (SELECT * FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (counter, win, place)
                       ORDER BY place) AS wanted
                 CROSS JOIN LATERAL (
                     SELECT * FROM picora_usage
                     WHERE account = $1 AND counter = wanted.counter AND win = wanted.win
                     FOR UPDATE) AS u",
            )
            .bind(account)
            .bind(counters)
            .bind(windows)
            .fetch_all(&mut **conn)
            .await?
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            query_as(
                "SELECT u.counter, u.win, u.used, u.reserved, u.lim, u.moves
                 FROM json_each($2) AS wanted
                 CROSS JOIN picora_usage u ON u.account = $1
                     AND u.counter = json_extract(wanted.value, '$[0]') AND u.win = json_extract(wanted.value, '$[1]')",
            )
            .bind(account)
            .bind(json(keys))
            .fetch_all(&mut **conn)
            .await?
        }
    };
    let cell = |(counter, window, used, reserved, limit, moves): Row| {
        let moves = u64::try_from(moves).unwrap_or(0); // it only grows
        let cell = stored::cell(used, reserved, limit)?;
        Ok((stored::key(&counter, &window)?, (cell, moves)))
    };
    rows.into_iter().map(cell).collect()
}

/// Locks all cells of an account in their order.
#[cfg(feature = "postgres")]
pub(super) async fn lock_all(conn: &mut SqlConn<'_>, account: AccountId) -> Result<(), Fault> {
    #[allow(irrefutable_let_patterns, reason = "SQLite may not be compiled in")]
    if let SqlConn::Postgres(conn) = conn {
        query(
            "SELECT FROM unnest($2::text[]) WITH ORDINALITY AS given (counter, place)
             JOIN picora_usage u ON u.account = $1 AND u.counter = given.counter
             ORDER BY given.place, u.win FOR UPDATE OF u",
        )
        .bind(&account.as_bytes()[..])
        .bind(super::counters())
        .execute(&mut **conn)
        .await?;
    }
    Ok(())
}

/// How many of these cells exist.
pub(super) async fn count(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<usize, Fault> {
    let account = &account.as_bytes()[..];
    let (count,): (i64,) = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let (counters, windows) = names(keys);
            query_as(
                "SELECT count(*) FROM unnest($2::text[], $3::text[]) AS wanted (counter, win)
                 CROSS JOIN LATERAL (
                     SELECT FROM picora_usage
                     WHERE account = $1 AND counter = wanted.counter AND win = wanted.win
                     LIMIT 1) AS u",
            )
            .bind(account)
            .bind(counters)
            .bind(windows)
            .fetch_one(&mut **conn)
            .await?
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            query_as(
                "SELECT count(*) FROM json_each($2) AS wanted
                 CROSS JOIN picora_usage u ON u.account = $1
                     AND u.counter = json_extract(wanted.value, '$[0]') AND u.win = json_extract(wanted.value, '$[1]')",
            )
            .bind(account)
            .bind(json(keys))
            .fetch_one(&mut **conn)
            .await?
        }
    };
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The limits of counters that nobody has given any, as columns.
#[cfg(feature = "postgres")]
fn without_limits(keys: &BTreeSet<CellKey>) -> Vec<Option<i64>> {
    let limits = keys.iter().map(|key| key.counter.without_limits());
    limits.map(stored::limit_column).collect()
}

/// Every dimension of an account, read as of one moment. A cell that does not exist is empty, with the account's limit.
pub(super) async fn usage(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<UsageLine>, Fault> {
    type Row = (
        String,
        Option<i64>,
        Option<i64>,
        Option<String>,
        Option<i64>,
        Option<i64>,
    );
    // A counter has windows of one kind only: its cell is that of today, or of tomorrow when that is open already.
    let ahead = now.saturating_add(AHEAD);
    let rows = select!(
        conn,
        Row,
        "SELECT l.counter, l.lim, l.lim_until, u.win, u.used, u.reserved
         FROM picora_account_limit l
         LEFT JOIN picora_usage u ON u.account = l.account AND u.counter = l.counter AND u.win IN ('', $2, $3, $4, $5)
         WHERE l.account = $1
         ORDER BY l.counter, u.win",
        &account.as_bytes()[..],
        CalendarDay::of(now).to_string(),
        CalendarMonth::of(now).to_string(),
        CalendarDay::of(ahead).to_string(),
        CalendarMonth::of(ahead).to_string(),
    );
    let due = |until: Option<i64>| until.is_some_and(|until| until <= now.unix_micros());
    let entitled = if rows.iter().any(|row| due(row.2)) {
        Some(entitlement::load(conn, account).await?.at(now)?)
    } else {
        None
    };
    let mut cells: BTreeMap<Counter, (CellKey, Cell)> = BTreeMap::new();
    for (counter, limit, _, window, used, reserved) in rows {
        let counter = stored::counter(&counter)?;
        let cell = stored::cell(used.unwrap_or(0), reserved.unwrap_or(0), limit)?;
        let key = match window {
            Some(window) => stored::key(counter.name(), &window)?,
            None => cell_key(counter, now),
        };
        cells.insert(counter, (key, cell));
    }
    let found = |counter: Counter| {
        let nothing = || {
            (
                cell_key(counter, now),
                Cell::empty(counter.without_limits()),
            )
        };
        cells.get(&counter).copied().unwrap_or_else(nothing)
    };
    let line = |dimension| {
        let (key, mut cell) = found(Counter::Dimension(dimension));
        if let Some(entitled) = &entitled {
            cell.limit = entitled.limits.of(dimension);
        }
        let tally = Tally::ALL
            .into_iter()
            .find(|it| it.dimension() == dimension);
        let tally = tally.map(|tally| found(Counter::Tally(tally)));
        UsageLine {
            dimension,
            key,
            cell,
            tally: tally
                .filter(|(of_tally, _)| of_tally.window == key.window)
                .map_or(Amount::ZERO, |(_, cell)| cell.used),
        }
    };
    Ok(Dimension::ALL.into_iter().map(line).collect())
}

/// See [`LedgerReports::seen`](picora_quota::LedgerReports::seen).
pub(super) async fn seen(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    counter: Counter,
) -> Result<Seen, Fault> {
    let rows = select!(
        conn,
        (i64, i64),
        "SELECT used, moves FROM picora_usage WHERE account = $1 AND counter = $2 AND win = ''",
        &account.as_bytes()[..],
        counter.name(),
    );
    let (used, moves) = rows.first().copied().unwrap_or_default();
    Ok(Seen {
        used: stored::amount(used)?,
        moves: u64::try_from(moves).unwrap_or(0), // it only grows
    })
}

/// Whether one of these cells exists.
pub(super) async fn any(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &BTreeSet<CellKey>,
) -> Result<bool, Fault> {
    Ok(!keys.is_empty() && count(conn, account, keys).await? > 0)
}

/// The columns of keys, as two arrays.
///
/// Texts look cells up one by one (`LATERAL`), in the order of the arrays: a plan that was made when the table was small would otherwise
/// read all of it when it is large.
#[cfg(feature = "postgres")]
pub(super) fn names(keys: &BTreeSet<CellKey>) -> (Vec<&'static str>, Vec<String>) {
    keys.iter()
        .map(|key| (key.counter.name(), key.window.to_string()))
        .unzip()
}

/// The columns of keys, as pairs in JSON.
///
/// The list is the outer loop of every text that takes it (`CROSS JOIN`): each cell is one look-up, however many an account has.
#[cfg(feature = "sqlite")]
pub(super) fn json(keys: &BTreeSet<CellKey>) -> String {
    let pairs = keys
        .iter()
        .map(|key| (key.counter.name(), key.window.to_string()));
    text(&pairs.collect::<Vec<_>>())
}
