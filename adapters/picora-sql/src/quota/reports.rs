//! What the ledger tells of its past and of itself.

use std::collections::BTreeMap;

use async_trait::async_trait;
use picora_core::{
    AccountId, CalendarDay, CalendarMonth, ChangeMark, Changes, StoreError, Timestamp,
};
use picora_quota::reserve::AHEAD;
use picora_quota::{
    AccountFacts, Adjustment, Alert, Counter, Grain, HistoryPoint, HistoryQuery, LedgerReports,
    Seen,
};

use super::{BATCH, alerts, cells, entitlement, history, outcomes, stored};
use crate::connection::select;
use crate::error::Fault;
use crate::steps::{read, step, whole};
use crate::{AsSqlConn, SqlConn, SqlStore};
use picora_core::Transact;

#[async_trait]
impl LedgerReports for SqlStore {
    async fn adjustments(&self, account: AccountId) -> Result<Vec<Adjustment>, StoreError> {
        read!(self, "read adjustments", |conn| entitlement::adjustments(
            conn, account
        ))
    }

    async fn alerts(&self, account: AccountId) -> Result<Vec<Alert>, StoreError> {
        read!(self, "read alerts", |conn| alerts::of(conn, account))
    }

    async fn history(
        &self,
        account: AccountId,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, StoreError> {
        read!(self, "read a history", |conn| history::read(
            conn, account, query
        ))
    }

    async fn roll_up(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let mut rolled = 0;
        for grain in [Grain::Hour, Grain::Day] {
            while rolled < most {
                let batch = (most - rolled).min(BATCH);
                let done = whole!(self, |tx| async {
                    step!(tx, "roll up", |conn| history::roll_up(
                        conn, grain, batch, now
                    ))
                })?;
                rolled += done;
                if done < batch {
                    break;
                }
            }
        }
        Ok(rolled)
    }

    async fn accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        read!(self, "list accounts", |conn| accounts(conn, after, most))
    }

    async fn seen(&self, account: AccountId, counter: Counter) -> Result<Seen, StoreError> {
        read!(self, "look at a level", |conn| cells::seen(
            conn, account, counter
        ))
    }

    async fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, StoreError> {
        let mut tx = self.begin_reading("read the books").await?;
        let mut conn = tx.sql();
        let facts = facts(&mut conn, account, now).await;
        facts.map_err(|fault| fault.told(self.backend(), "read the books"))
    }
}

#[async_trait]
impl Changes for SqlStore {
    async fn marks(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<ChangeMark>, StoreError> {
        read!(self, "look for changes", |conn| marks(conn, accounts, now))
    }
}

pub(super) async fn accounts(
    conn: &mut SqlConn<'_>,
    after: Option<AccountId>,
    most: u32,
) -> Result<Vec<AccountId>, Fault> {
    let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
    let rows = select!(
        conn,
        (Vec<u8>,),
        "SELECT DISTINCT account FROM picora_account_limit WHERE account > $1 ORDER BY account LIMIT $2",
        after,
        i64::from(most),
    );
    let account = |(bytes,): (Vec<u8>,)| crate::stored::account(&bytes);
    rows.into_iter().map(account).collect()
}

async fn facts(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Option<AccountFacts>, Fault> {
    type Row = (String, String, i64, i64, Option<i64>, i64, i64);
    let entitlement = entitlement::load(conn, account).await?;
    if !entitlement.known {
        return Ok(None);
    }
    // A sum may leave 64 bits on the way although it ends within them, so both halves are added up by themselves.
    let rows = select!(
        conn,
        Row,
        "SELECT u.counter, u.win, u.used, u.reserved, u.lim,
             CAST(coalesce(sum(p.delta >> 32), 0) AS BIGINT), CAST(coalesce(sum(p.delta & 4294967295), 0) AS BIGINT)
         FROM picora_usage u
         LEFT JOIN picora_posting p ON p.account = u.account AND p.counter = u.counter AND p.win = u.win
         WHERE u.account = $1
         GROUP BY u.account, u.counter, u.win",
        &account.as_bytes()[..],
    );
    let mut cells = BTreeMap::new();
    for (counter, window, used, reserved, limit, high, low) in rows {
        let moved = (i128::from(high) << 32) + i128::from(low);
        let cell = stored::cell(used, reserved, limit)?;
        cells.insert(stored::key(&counter, &window)?, (cell, moved));
    }
    let (pending, unreadable) = outcomes::pending_of(conn, account).await?;
    Ok(Some(AccountFacts {
        account,
        cells,
        pending,
        unreadable,
        entitled: entitlement.at(now)?,
        open_reservations: entitlement.open_reservations,
        limits_until: entitlement.until,
    }))
}

async fn marks(
    conn: &mut SqlConn<'_>,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<Vec<ChangeMark>, Fault> {
    let day = CalendarDay::of(now).to_string();
    let ahead = now.saturating_add(AHEAD);
    let windows = [
        String::new(),
        day.clone(),
        CalendarMonth::of(now).to_string(),
        CalendarDay::of(ahead).to_string(),
        CalendarMonth::of(ahead).to_string(),
    ];
    let sums: Vec<i64> = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            let ids: Vec<&[u8]> = accounts.iter().map(|id| &id.as_bytes()[..]).collect();
            sqlx::query_scalar(
                "SELECT CAST(
                     coalesce((SELECT sum(moves) FROM picora_usage u WHERE u.account = asked.id AND u.win = ANY ($2)), 0)
                     + coalesce((SELECT max(version) FROM picora_account_limit l WHERE l.account = asked.id), 0) AS BIGINT)
                 FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (id, place) ORDER BY place",
            )
            .bind(ids)
            .bind(&windows[..])
            .fetch_all(&mut **conn)
            .await?
        }
        // A query costs no round trip here.
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            let mut sums = Vec::with_capacity(accounts.len());
            for account in accounts {
                let sum = sqlx::query_scalar(
                    "SELECT coalesce((SELECT sum(moves) FROM picora_usage WHERE account = $1 AND win IN ($2, $3, $4, $5, $6)), 0)
                         + coalesce((SELECT max(version) FROM picora_account_limit WHERE account = $1), 0)",
                )
                .bind(&account.as_bytes()[..])
                .bind(&windows[0])
                .bind(&windows[1])
                .bind(&windows[2])
                .bind(&windows[3])
                .bind(&windows[4])
                .fetch_one(&mut **conn)
                .await?;
                sums.push(sum);
            }
            sums
        }
    };
    let mark = |sum: i64| ChangeMark::new(&day, sum.unsigned_abs());
    Ok(sums.into_iter().map(mark).collect())
}
