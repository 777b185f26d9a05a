//! Rows of the outbox.

use std::time::Duration;

use picora_core::outbox::reason_kept;
use picora_core::{
    AccountId, Claimed, Message, MessageKey, StoreError, StoreErrorKind, Timestamp, Topic,
};
use sqlx::{query, query_as};

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::stored;

/// See [`OutboxIn::put_in`](picora_core::OutboxIn::put_in).
pub(crate) async fn put(conn: &mut SqlConn<'_>, message: &Message) -> Result<bool, Fault> {
    let due_at = message.due_at.unix_micros();
    let put = execute!(
        conn,
        "INSERT INTO picora_outbox (topic, key, account, state, body, due_at, next_at, attempts, fence)
         VALUES ($1, $2, $3, 'open', $4, $5, $5, 0, 0)
         ON CONFLICT DO NOTHING",
        message.topic.name(),
        message.key.as_str(),
        message.account.as_ref().map(|it| &it.as_bytes()[..]),
        message.body.as_str(),
        due_at,
    );
    Ok(put == 1)
}

/// The error of a body that PostgreSQL would not take.
pub(super) fn has_a_nul(backend: &'static str) -> StoreError {
    let error = StoreError::new(StoreErrorKind::Unsupported, backend, "put a message");
    error.caused_by("the body has a NUL")
}

/// See [`OutboxIn::erase_in`](picora_core::OutboxIn::erase_in).
pub(crate) async fn erase(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    tombstone: AccountId,
) -> Result<(), Fault> {
    execute!(
        conn,
        "UPDATE picora_outbox
         SET account = $2, state = 'erased', body = NULL, reason = NULL, ended_at = NULL
         WHERE account = $1",
        &account.as_bytes()[..],
        &tombstone.as_bytes()[..],
    );
    Ok(())
}

/// What a claim returns: key, account, body, due, attempts, fence, and since when it could be claimed.
type Row = (String, Option<Vec<u8>>, String, i64, i64, i64, i64);

/// See [`Outbox::claim`](picora_core::Outbox::claim).
pub(super) async fn claim(
    conn: &mut SqlConn<'_>,
    topic: Topic,
    most: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<Claimed>, Fault> {
    let until = now.saturating_add(lease);
    let mut rows = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => claim_postgres(conn, topic, most, until, now).await?,
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => claim_sqlite(conn, topic, most, until, now).await?,
    };
    rows.sort_by(|one, other| (one.6, &one.0).cmp(&(other.6, &other.0))); // what is returned comes in any order
    rows.into_iter().map(|row| claimed(topic, row)).collect()
}

/// Rows are chosen once (see `prune` of the ledger), and those that another claimer holds are passed over.
#[cfg(feature = "postgres")]
async fn claim_postgres(
    conn: &mut sqlx::PgConnection,
    topic: Topic,
    most: u32,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Row>, Fault> {
    let rows = query_as(
        "WITH due AS MATERIALIZED (
             SELECT topic, key, next_at FROM picora_outbox
             WHERE topic = $1 AND state = 'open' AND next_at <= $2
             ORDER BY next_at, key LIMIT $3 FOR UPDATE SKIP LOCKED)
         UPDATE picora_outbox o SET next_at = $4, attempts = o.attempts + 1, fence = o.fence + 1
         FROM due WHERE o.topic = due.topic AND o.key = due.key
         RETURNING o.key, o.account, o.body, o.due_at, o.attempts, o.fence, due.next_at",
    )
    .bind(topic.name())
    .bind(now.unix_micros())
    .bind(i64::from(most))
    .bind(until.unix_micros())
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The transaction is the only writer: what the first text shows is what the second one changes.
#[cfg(feature = "sqlite")]
async fn claim_sqlite(
    conn: &mut sqlx::SqliteConnection,
    topic: Topic,
    most: u32,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Row>, Fault> {
    let rows = query_as(
        "SELECT key, account, body, due_at, attempts + 1, fence + 1, next_at FROM picora_outbox
         WHERE topic = $1 AND state = 'open' AND next_at <= $2
         ORDER BY next_at, key LIMIT $3",
    )
    .bind(topic.name())
    .bind(now.unix_micros())
    .bind(i64::from(most))
    .fetch_all(&mut *conn)
    .await?;
    query(
        "UPDATE picora_outbox SET next_at = $4, attempts = attempts + 1, fence = fence + 1
         WHERE topic = $1 AND key IN (
             SELECT key FROM picora_outbox
             WHERE topic = $1 AND state = 'open' AND next_at <= $2
             ORDER BY next_at, key LIMIT $3)",
    )
    .bind(topic.name())
    .bind(now.unix_micros())
    .bind(i64::from(most))
    .bind(until.unix_micros())
    .execute(conn)
    .await?;
    Ok(rows)
}

fn claimed(topic: Topic, row: Row) -> Result<Claimed, Fault> {
    let (key, account, body, due_at, attempts, fence, _) = row;
    let message = Message {
        key: MessageKey::new(key).map_err(|_| Fault::Corrupt("a key is none"))?,
        topic,
        account: account.as_deref().map(stored::account).transpose()?,
        body,
        due_at: Timestamp::from_unix_micros(due_at),
    };
    Ok(Claimed {
        message,
        attempt: u32::try_from(attempts).unwrap_or(u32::MAX),
        fence: u64::try_from(fence).map_err(|_| Fault::Corrupt("a fence is negative"))?,
    })
}

/// Ends a message as done or given up; false when the claim is another's.
pub(super) async fn end(
    conn: &mut SqlConn<'_>,
    claimed: &Claimed,
    state: &'static str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(fence) = fence_of(claimed) else {
        return Ok(false);
    };
    let ended = execute!(
        conn,
        "UPDATE picora_outbox SET state = $4, ended_at = $5, reason = coalesce($6, reason)
         WHERE topic = $1 AND key = $2 AND fence = $3 AND state = 'open'",
        claimed.message.topic.name(),
        claimed.message.key.as_str(),
        fence,
        state,
        now.unix_micros(),
        reason.map(reason_kept),
    );
    Ok(ended == 1)
}

/// See [`Outbox::postpone`](picora_core::Outbox::postpone).
pub(super) async fn postpone(
    conn: &mut SqlConn<'_>,
    claimed: &Claimed,
    until: Timestamp,
    reason: &str,
) -> Result<bool, Fault> {
    let Some(fence) = fence_of(claimed) else {
        return Ok(false);
    };
    let postponed = execute!(
        conn,
        "UPDATE picora_outbox SET next_at = $4, reason = $5, fence = fence + 1
         WHERE topic = $1 AND key = $2 AND fence = $3 AND state = 'open'",
        claimed.message.topic.name(),
        claimed.message.key.as_str(),
        fence,
        until.unix_micros(),
        reason_kept(reason),
    );
    Ok(postponed == 1)
}

/// The fence as rows hold it; one that no row can hold is nobody's.
fn fence_of(claimed: &Claimed) -> Option<i64> {
    i64::try_from(claimed.fence).ok()
}

/// See [`Outbox::unsent`](picora_core::Outbox::unsent).
pub(super) async fn unsent(
    conn: &mut SqlConn<'_>,
    topic: Topic,
    older_than: Timestamp,
) -> Result<u64, Fault> {
    let rows = select!(
        conn,
        (i64,),
        "SELECT count(*) FROM picora_outbox WHERE topic = $1 AND state = 'open' AND due_at < $2",
        topic.name(),
        older_than.unix_micros(),
    );
    let counted = rows.first().map_or(0, |(counted,)| *counted);
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// See [`Outbox::prune`](picora_core::Outbox::prune); one batch.
pub(super) async fn prune(
    conn: &mut SqlConn<'_>,
    most: u32,
    done_before: Timestamp,
) -> Result<u32, Fault> {
    let pruned = match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => query(
            "WITH old AS MATERIALIZED (
                 SELECT topic, key FROM picora_outbox
                 WHERE ended_at IS NOT NULL AND body IS NOT NULL AND ended_at < $1
                 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             UPDATE picora_outbox o SET body = NULL, reason = NULL
             FROM old WHERE o.topic = old.topic AND o.key = old.key",
        )
        .bind(done_before.unix_micros())
        .bind(i64::from(most))
        .execute(&mut **conn)
        .await?
        .rows_affected(),
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => query(
            "UPDATE picora_outbox SET body = NULL, reason = NULL
             WHERE (topic, key) IN (
                 SELECT topic, key FROM picora_outbox
                 WHERE ended_at IS NOT NULL AND body IS NOT NULL AND ended_at < $1
                 ORDER BY ended_at LIMIT $2)",
        )
        .bind(done_before.unix_micros())
        .bind(i64::from(most))
        .execute(&mut **conn)
        .await?
        .rows_affected(),
    };
    Ok(u32::try_from(pruned).unwrap_or(u32::MAX))
}
