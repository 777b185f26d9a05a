//! What accounts may do.

use std::collections::BTreeMap;

#[cfg(feature = "postgres")]
use picora_core::Limits;
use picora_core::{AccountId, AdjustmentId, Limit, SetLimits, Timestamp};
use picora_quota::{Adjusted, Adjustment, Alert, Cell, CellKey, Counter, Entitled, Thresholds};
use sqlx::{query, query_as};

use super::cells::Cells;
use super::entitlement::{self, Entitlement};
use super::moves::{Moved, MovedRow};
use super::{alerts, stored};
use crate::SqlConn;
use crate::connection::select;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::stored::text;

/// What an account's plan allows from now on; overrides and grants stay.
pub(super) async fn set(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    change: &SetLimits,
    now: Timestamp,
) -> Result<(), Fault> {
    hold(conn, change.account).await?;
    let mut entitlement = entitlement::load(conn, change.account).await?;
    entitlement.plan = change.limits;
    entitlement.open_reservations = Limit::Max(change.open_reservations);
    entitle(conn, thresholds, change.account, &entitlement, now).await
}

/// Adds an override or a grant.
pub(super) async fn adjust(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    adjustment: &Adjustment,
    now: Timestamp,
) -> Result<Adjusted, Fault> {
    if !adjustment.is_well_formed() {
        return Ok(Adjusted::Malformed);
    }
    hold(conn, adjustment.account).await?;
    if !entitlement::insert(conn, adjustment).await? {
        let known = entitlement::find(conn, adjustment.id).await?;
        let known = known.ok_or(Fault::Raced("the adjustment has just been removed"))?;
        return Ok(known.answer_to(adjustment));
    }
    let entitlement = entitlement::load(conn, adjustment.account).await?;
    entitle(conn, thresholds, adjustment.account, &entitlement, now).await?;
    Ok(Adjusted::Done)
}

/// Ends an override or a grant.
pub(super) async fn withdraw(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    account: AccountId,
    id: AdjustmentId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let found = entitlement::find(conn, id).await?;
    if found.is_none_or(|found| found.account != account) {
        return Ok(false);
    }
    hold(conn, account).await?;
    let known = entitlement::find(conn, id).await?; // nobody changes it any more
    let Some(ended) = known.and_then(|known| known.end_at(now)) else {
        return Ok(false);
    };
    entitlement::set_end(conn, &ended).await?;
    let entitlement = entitlement::load(conn, account).await?;
    entitle(conn, thresholds, account, &entitlement, now).await?;
    Ok(true)
}

/// Replaces the limits of an account when an override or a grant has begun or ended; `false` when they are up to date.
pub(super) async fn refresh(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, Fault> {
    hold(conn, account).await?;
    let entitlement = entitlement::load(conn, account).await?;
    if entitlement.until.is_none_or(|until| now < until) {
        return Ok(false);
    }
    entitle(conn, thresholds, account, &entitlement, now).await?;
    Ok(true)
}

/// Whether an override or a grant of the account has begun or ended since its limits were written.
pub(super) async fn is_due(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = select!(
        conn,
        (i64,),
        "SELECT count(*) FROM picora_account_limit WHERE account = $1 AND lim_until <= $2",
        &account.as_bytes()[..],
        now.unix_micros(),
    );
    Ok(rows.first().is_some_and(|(due,)| *due > 0))
}

/// Accounts whose limits are to be replaced, the most overdue first.
pub(super) async fn due(
    conn: &mut SqlConn<'_>,
    most: u32,
    now: Timestamp,
) -> Result<Vec<AccountId>, Fault> {
    let rows = select!(
        conn,
        (Vec<u8>,),
        "SELECT account FROM picora_account_limit WHERE lim_until <= $1 GROUP BY account ORDER BY min(lim_until) LIMIT $2",
        now.unix_micros(),
        i64::from(most),
    );
    let account = |(bytes,): (Vec<u8>,)| crate::stored::account(&bytes);
    rows.into_iter().map(account).collect()
}

/// Writes the limits of an account that are held, first its own, then the copies in all its cells; what that crosses is told.
///
/// The second statement begins when the first has all rows: a cell that was being made meanwhile is there for it to find.
async fn entitle(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    account: AccountId,
    entitlement: &Entitlement,
    now: Timestamp,
) -> Result<(), Fault> {
    let entitled = entitlement.at(now)?;
    let before = limits_of_cells(conn, account).await?;
    let rows = copy(conn, account, entitlement, &entitled, now).await?;
    let cells = rows.into_iter().map(|row| Moved::of(account, row));
    let mut cells = cells.collect::<Result<Vec<_>, _>>()?;
    // Only where the limit is another one: the change of one limit must not arm another again (C55).
    cells.retain(|moved| before.get(&moved.key) != Some(&moved.cell.limit));
    cells.sort_unstable_by_key(|cell| cell.key);
    for Moved {
        key, cell, alarm, ..
    } in cells
    {
        let (after, level) = thresholds.after_limit(key, cell, alarm, now);
        if after != alarm {
            alerts::set_alarm(conn, account, key, after).await?;
        }
        let alert = level.and_then(|level| Alert::of(account, key, cell, after, level, now));
        if let Some(alert) = alert {
            alerts::raise(conn, &alert).await?;
        }
    }
    Ok(())
}

/// The limit of each cell of an account whose limits are held: nobody else writes them.
async fn limits_of_cells(
    conn: &mut SqlConn<'_>,
    account: AccountId,
) -> Result<BTreeMap<CellKey, Limit>, Fault> {
    let rows = select!(
        conn,
        (String, String, Option<i64>),
        "SELECT counter, win, lim FROM picora_usage WHERE account = $1",
        &account.as_bytes()[..],
    );
    let limit = |(counter, window, limit): (String, String, Option<i64>)| {
        Ok((stored::key(&counter, &window)?, stored::limit(limit)?))
    };
    rows.into_iter().map(limit).collect()
}

/// Writes limits to both their places; answers the cells as they are then.
async fn copy(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    entitlement: &Entitlement,
    entitled: &Entitled,
    now: Timestamp,
) -> Result<Vec<MovedRow>, Fault> {
    let account = &account.as_bytes()[..];
    let until = entitled.until.map(Timestamp::unix_micros);
    let open = entitlement.open_reservations;
    let plan = Counter::limits(&entitlement.plan, open).map(|(_, limit)| limit);
    let limits = Counter::limits(&entitled.limits, open).zip(plan);
    let limits = limits.map(|((counter, limit), plan)| {
        let (limit, plan) = (stored::limit_column(limit), stored::limit_column(plan));
        (counter.name(), limit, plan)
    });
    Ok(match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let rows: Vec<_> = limits.collect();
            let counters: Vec<&str> = rows.iter().map(|row| row.0).collect();
            let limits: Vec<Option<i64>> = rows.iter().map(|row| row.1).collect();
            query(
                "INSERT INTO picora_account_limit (account, counter, lim, plan_lim, lim_until, changed_at)
                 SELECT $1, counter, lim, plan_lim, $5, $6
                 FROM unnest($2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS given (counter, lim, plan_lim, place)
                 ORDER BY place
                 ON CONFLICT (account, counter) DO UPDATE SET
                     lim = excluded.lim, plan_lim = excluded.plan_lim, lim_until = excluded.lim_until,
                     version = picora_account_limit.version + 1, changed_at = excluded.changed_at",
            )
            .bind(account)
            .bind(&counters)
            .bind(&limits)
            .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
            .bind(until)
            .bind(now.unix_micros())
            .execute(&mut **conn)
            .await?;
            query_as(
                "WITH locked AS MATERIALIZED (
                     SELECT u.counter, u.win, given.lim
                     FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS given (counter, lim, place)
                     JOIN picora_usage u ON u.account = $1 AND u.counter = given.counter
                     ORDER BY given.place, u.win
                     FOR UPDATE OF u)
                 UPDATE picora_usage u SET lim = locked.lim, lim_until = $4, moves = u.moves + 1
                 FROM locked WHERE u.account = $1 AND u.counter = locked.counter AND u.win = locked.win
                 RETURNING u.counter, u.win, u.used, u.reserved, u.lim, u.fired, u.arming",
            )
            .bind(account)
            .bind(&counters)
            .bind(&limits)
            .bind(until)
            .fetch_all(&mut **conn)
            .await?
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            query(
                "INSERT INTO picora_account_limit (account, counter, lim, plan_lim, lim_until, changed_at)
                 SELECT $1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), $3, $4
                 FROM json_each($2) WHERE true
                 ON CONFLICT (account, counter) DO UPDATE SET
                     lim = excluded.lim, plan_lim = excluded.plan_lim, lim_until = excluded.lim_until,
                     version = picora_account_limit.version + 1, changed_at = excluded.changed_at",
            )
            .bind(account)
            .bind(text(&limits.collect::<Vec<_>>()))
            .bind(until)
            .bind(now.unix_micros())
            .execute(&mut **conn)
            .await?;
            query_as(
                "UPDATE picora_usage SET lim = l.lim, lim_until = l.lim_until, moves = moves + 1 FROM picora_account_limit l
                 WHERE l.account = picora_usage.account AND l.counter = picora_usage.counter AND picora_usage.account = $1
                 RETURNING picora_usage.counter, win, used, reserved, picora_usage.lim, fired, arming",
            )
            .bind(account)
            .fetch_all(&mut **conn)
            .await?
        }
    })
}

/// Holds the limits of an account against everybody else who changes them or makes a cell; makes them first when there are none.
async fn hold(conn: &mut SqlConn<'_>, account: AccountId) -> Result<(), Fault> {
    #[cfg(feature = "postgres")]
    if let SqlConn::Postgres(postgres) = conn {
        let nobodys = Counter::limits(&Limits::NOTHING, Limit::NOTHING);
        let (counters, limits): (Vec<_>, Vec<_>) = nobodys
            .map(|(counter, limit)| (counter.name(), stored::limit_column(limit)))
            .unzip();
        query(
            "INSERT INTO picora_account_limit (account, counter, lim, plan_lim)
             SELECT $1, counter, lim, lim
             FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS given (counter, lim, place) ORDER BY place
             ON CONFLICT DO NOTHING",
        )
        .bind(&account.as_bytes()[..])
        .bind(counters)
        .bind(limits)
        .execute(&mut **postgres)
        .await?;
        lock(conn, account).await?;
    }
    #[cfg(not(feature = "postgres"))]
    let _ = (conn, account); // whoever writes to SQLite is alone
    Ok(())
}

/// Locks the limits of an account in their order.
#[cfg(feature = "postgres")]
pub(super) async fn lock(conn: &mut SqlConn<'_>, account: AccountId) -> Result<(), Fault> {
    #[allow(irrefutable_let_patterns, reason = "SQLite may not be compiled in")]
    if let SqlConn::Postgres(conn) = conn {
        query(
            "SELECT FROM unnest($2::text[]) WITH ORDINALITY AS given (counter, place)
             JOIN picora_account_limit l ON l.account = $1 AND l.counter = given.counter
             ORDER BY given.place FOR UPDATE OF l",
        )
        .bind(&account.as_bytes()[..])
        .bind(super::counters())
        .execute(&mut **conn)
        .await?;
    }
    Ok(())
}

/// Adds the limits of single items, which have no cells. Call it when the cells are locked: a plan change writes those last, so what is
/// read now cannot be older than what they hold.
pub(super) async fn add_single_items(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: &[CellKey],
    cells: &mut Cells,
) -> Result<(), Fault> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows = select!(
        conn,
        (String, Option<i64>),
        "SELECT counter, lim FROM picora_account_limit WHERE account = $1",
        &account.as_bytes()[..],
    );
    for (name, limit) in rows {
        let counter = stored::counter(&name)?;
        if let Some(key) = keys.iter().find(|key| key.counter == counter) {
            cells.insert(*key, Cell::empty(stored::limit(limit)?));
        }
    }
    Ok(())
}
