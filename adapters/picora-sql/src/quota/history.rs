//! How usage went.

use picora_core::{AccountId, Timestamp};
use picora_quota::history::rolled_up;
use picora_quota::{Grain, HistoryPoint, HistoryQuery};

use super::stored;
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// See [`LedgerReports::history`](picora_quota::LedgerReports::history). Facts of all grains count: each is in one of them.
pub(super) async fn read(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    query: &HistoryQuery,
) -> Result<Vec<HistoryPoint>, Fault> {
    let rows = select!(
        conn,
        (String, i64, i64, i64),
        "SELECT counter, start, moved, level FROM picora_usage_fact
         WHERE account = $1 AND start >= $2 AND start < $3
         ORDER BY start, CASE grain WHEN 'month' THEN 0 WHEN 'day' THEN 1 ELSE 2 END",
        &account.as_bytes()[..],
        query.grain.start(query.from).unix_micros(),
        query.until.unix_micros(),
    );
    let mut facts = Vec::with_capacity(rows.len());
    for (counter, start, moved, level) in rows {
        let counter = stored::counter(&counter)?;
        if query.counters.contains(&counter) {
            facts.push(HistoryPoint {
                counter,
                start: Timestamp::from_unix_micros(start),
                moved,
                level: stored::amount(level)?,
            });
        }
    }
    facts.sort_by_key(|fact| (fact.counter, fact.start)); // stable: of one start the coarser comes first
    Ok(rolled_up(facts, query.grain))
}

/// See [`LedgerReports::roll_up`](picora_quota::LedgerReports::roll_up); one batch of one grain.
pub(super) async fn roll_up(
    conn: &mut SqlConn<'_>,
    grain: Grain,
    most: u32,
    now: Timestamp,
) -> Result<u32, Fault> {
    let (Some(kept), Some(coarser)) = (grain.kept(), grain.coarser()) else {
        return Ok(0);
    };
    let rows = select!(
        conn,
        (Vec<u8>, String, i64, i64, i64),
        "SELECT account, counter, start, moved, level FROM picora_usage_fact
         WHERE grain = $1 AND start <= $2 ORDER BY start, account, counter LIMIT $3" locking "FOR UPDATE SKIP LOCKED",
        grain.name(),
        now.saturating_sub(kept).unix_micros(),
        i64::from(most),
    );
    for (account, counter, start, moved, level) in &rows {
        execute!(
            conn,
            "DELETE FROM picora_usage_fact WHERE account = $1 AND counter = $2 AND grain = $3 AND start = $4",
            account,
            counter,
            grain.name(),
            *start,
        );
        let coarse = coarser.start(Timestamp::from_unix_micros(*start));
        execute!(
            conn,
            "INSERT INTO picora_usage_fact (account, counter, grain, start, moved, level) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account, counter, grain, start)
             DO UPDATE SET moved = picora_usage_fact.moved + excluded.moved, level = excluded.level",
            account,
            counter,
            coarser.name(),
            coarse.unix_micros(),
            *moved,
            *level,
        );
    }
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}
