//! What accounts may do.

use picora_core::{AccountId, SetLimits};
use picora_quota::{Cell, CellKey, Counter};
use sqlx::query;

use super::cells::Cells;
use super::stored;
use crate::SqlConn;
use crate::connection::select;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::stored::text;

/// Writes the limits of an account, first its own, then the copies in all its cells.
///
/// The second statement begins when the first has all rows: a cell that was being made meanwhile is there for it to find.
pub(super) async fn set(conn: &mut SqlConn<'_>, change: &SetLimits) -> Result<(), Fault> {
    let account = &change.account.as_bytes()[..];
    let limits = Counter::limits(change)
        .map(|(counter, limit)| (counter.name(), stored::limit_column(limit)));
    match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let (counters, limits): (Vec<&str>, Vec<Option<i64>>) = limits.unzip();
            query(
                "INSERT INTO picora_account_limit (account, counter, lim)
                 SELECT $1, counter, lim
                 FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS given (counter, lim, place) ORDER BY place
                 ON CONFLICT (account, counter) DO UPDATE SET lim = excluded.lim",
            )
            .bind(account)
            .bind(&counters)
            .bind(&limits)
            .execute(&mut **conn)
            .await?;
            query(
                "WITH locked AS MATERIALIZED (
                     SELECT u.counter, u.win, given.lim
                     FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS given (counter, lim, place)
                     JOIN picora_usage u ON u.account = $1 AND u.counter = given.counter
                     ORDER BY given.place, u.win
                     FOR UPDATE OF u)
                 UPDATE picora_usage u SET lim = locked.lim
                 FROM locked WHERE u.account = $1 AND u.counter = locked.counter AND u.win = locked.win",
            )
            .bind(account)
            .bind(&counters)
            .bind(&limits)
            .execute(&mut **conn)
            .await?;
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            query(
                "INSERT INTO picora_account_limit (account, counter, lim)
                 SELECT $1, json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each($2) WHERE true
                 ON CONFLICT (account, counter) DO UPDATE SET lim = excluded.lim",
            )
            .bind(account)
            .bind(text(&limits.collect::<Vec<_>>()))
            .execute(&mut **conn)
            .await?;
            query(
                "UPDATE picora_usage SET lim = l.lim FROM picora_account_limit l
                 WHERE l.account = picora_usage.account AND l.counter = picora_usage.counter AND picora_usage.account = $1",
            )
            .bind(account)
            .execute(&mut **conn)
            .await?;
        }
    }
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
