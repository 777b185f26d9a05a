//! What the echo of the ledger is made of.

use std::collections::BTreeMap;

use async_trait::async_trait;
use picora_core::{AccountId, Amount, CalendarMonth, Dimension, StoreError, Timestamp, Window};
use picora_quota::Counter;
use picora_quota::echo::{EchoSource, Numbers};
#[cfg(feature = "sqlite")]
use sqlx::query_as;

use super::{reports, stored};
use crate::connection::select;
use crate::error::Fault;
use crate::steps::read;
use crate::{SqlConn, SqlStore};

#[async_trait]
impl EchoSource for SqlStore {
    async fn moved(
        &self,
        since: Timestamp,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        read!(self, "list changed accounts", |conn| moved(
            conn, since, after, most
        ))
    }

    async fn numbers(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError> {
        read!(self, "read numbers", |conn| numbers(conn, accounts, now))
    }

    async fn every(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        read!(self, "list accounts", |conn| reports::accounts(
            conn, after, most
        ))
    }
}

/// By the two indexes that begin with the time.
async fn moved(
    conn: &mut SqlConn<'_>,
    since: Timestamp,
    after: Option<AccountId>,
    most: u32,
) -> Result<Vec<AccountId>, Fault> {
    let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
    let rows = select!(
        conn,
        (Vec<u8>,),
        "SELECT account FROM (
             SELECT account FROM picora_posting WHERE posted_at >= $1 AND account > $2
             UNION SELECT account FROM picora_account_limit WHERE changed_at >= $1 AND account > $2) AS moved
         ORDER BY account LIMIT $3",
        since.unix_micros(),
        after,
        i64::from(most),
    );
    let account = |(bytes,): (Vec<u8>,)| crate::stored::account(&bytes);
    rows.into_iter().map(account).collect()
}

/// A limit, whose window is none, or a cell: account, counter, window, used, how often it changed, limit.
type Row = (Vec<u8>, String, Option<String>, i64, i64, Option<i64>);

/// One text reads limits and cells, so that both are of one moment.
async fn numbers(
    conn: &mut SqlConn<'_>,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<Vec<Numbers>, Fault> {
    let counters = Numbers::COUNTERS.map(Counter::name);
    let month = CalendarMonth::of(now);
    let mut found = BTreeMap::new();
    match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let ids: Vec<&[u8]> = accounts.iter().map(|id| &id.as_bytes()[..]).collect();
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT account, counter, NULL, 0::bigint, version, lim FROM picora_account_limit
                 WHERE account = ANY ($1) AND counter = ANY ($2)
                 UNION ALL
                 SELECT account, counter, win, used, moves, NULL FROM picora_usage
                 WHERE account = ANY ($1) AND counter = ANY ($2)",
            )
            .bind(ids)
            .bind(&counters[..])
            .fetch_all(&mut **conn)
            .await?;
            for row in rows {
                add(&mut found, row, month)?;
            }
        }
        // A query costs no round trip here.
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            let counters = crate::stored::text(&counters);
            for account in accounts {
                let rows: Vec<Row> = query_as(
                    "SELECT account, counter, NULL, 0, version, lim FROM picora_account_limit
                     WHERE account = $1 AND counter IN (SELECT value FROM json_each($2))
                     UNION ALL
                     SELECT account, counter, win, used, moves, NULL FROM picora_usage
                     WHERE account = $1 AND counter IN (SELECT value FROM json_each($2))",
                )
                .bind(&account.as_bytes()[..])
                .bind(&counters)
                .fetch_all(&mut **conn)
                .await?;
                for row in rows {
                    add(&mut found, row, month)?;
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Adds a row to its account's numbers.
fn add(
    found: &mut BTreeMap<AccountId, Numbers>,
    (account, counter, window, used, changes, limit): Row,
    month: CalendarMonth,
) -> Result<(), Fault> {
    let account = crate::stored::account(&account)?;
    let nothing = || Numbers::nothing(account, month);
    let numbers = found.entry(account).or_insert_with(nothing);
    let changes = u64::try_from(changes).unwrap_or(0); // it only grows
    numbers.epoch = numbers.epoch.saturating_add(changes);
    let Some(window) = window else {
        if stored::counter(&counter)? == Counter::Dimension(Dimension::MediaBandwidth) {
            numbers.video_limit = stored::limit(limit)?;
        }
        return Ok(());
    };
    let key = stored::key(&counter, &window)?;
    let counts = matches!(key.window, Window::Always) || key.window == Window::Month(month);
    if let (true, Some(place)) = (counts, Numbers::place(key.counter)) {
        let used: Amount = stored::amount(used)?;
        numbers.used[place] = used;
    }
    Ok(())
}
