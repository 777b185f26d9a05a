//! What runs beside the requests: expiring, forgetting, erasing.

use picora_core::{AccountId, Timestamp};
use picora_quota::ReservationState;
use picora_quota::ledger::OUTCOMES_LIVE;
use sqlx::query;

use super::moves::Moves;
use super::outcomes;
#[cfg(feature = "postgres")]
use super::{cells, limits};
use crate::SqlConn;
use crate::connection::execute;
use crate::error::Fault;

/// See [`Ledger::sweep`](picora_quota::Ledger::sweep); one batch.
pub(super) async fn sweep(conn: &mut SqlConn<'_>, most: u32, now: Timestamp) -> Result<u32, Fault> {
    let due = outcomes::lock_due(conn, most, now).await?;
    let mut moves = Moves::default();
    for dead in &due {
        let step = dead.give_back(ReservationState::Expired);
        moves.add(dead.account, &step.changes)?;
    }
    moves.write(conn).await?;
    outcomes::expire(conn, &due, now).await?;
    Ok(u32::try_from(due.len()).unwrap_or(u32::MAX))
}

/// See [`Ledger::prune`](picora_quota::Ledger::prune); one batch.
pub(super) async fn prune(conn: &mut SqlConn<'_>, most: u32, now: Timestamp) -> Result<u32, Fault> {
    let life = i64::try_from(OUTCOMES_LIVE.as_micros()).unwrap_or(i64::MAX);
    let last = now.unix_micros() - life; // before 1970 nothing was decided
    let pruned = match conn {
        // Named first, and so chosen once: a subquery may be run again for every row, and skips other rows each time.
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => query(
            "WITH old AS MATERIALIZED (
                 SELECT id FROM picora_reservation WHERE state <> 'pending' AND decided_at <= $1
                 ORDER BY decided_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             DELETE FROM picora_reservation r USING old WHERE r.id = old.id",
        )
        .bind(last)
        .bind(i64::from(most))
        .execute(&mut **conn)
        .await?
        .rows_affected(),
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => query(
            "DELETE FROM picora_reservation WHERE id IN (
                 SELECT id FROM picora_reservation WHERE state <> 'pending' AND decided_at <= $1
                 ORDER BY decided_at LIMIT $2)",
        )
        .bind(last)
        .bind(i64::from(most))
        .execute(&mut **conn)
        .await?
        .rows_affected(),
    };
    Ok(u32::try_from(pruned).unwrap_or(u32::MAX))
}

/// See [`LedgerIn::erase_in`](picora_quota::LedgerIn::erase_in).
///
/// Keys of postings stay known: they name resources, and a repeated one must not move anything. Whose they were is replaced.
pub(super) async fn erase(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    tombstone: AccountId,
) -> Result<(), Fault> {
    #[cfg(feature = "postgres")]
    limits::lock(conn, account).await?; // nobody makes a cell any more
    delete_reservations(conn, account).await?;
    #[cfg(feature = "postgres")]
    cells::lock_all(conn, account).await?; // nobody reserves any more
    delete_reservations(conn, account).await?; // those that were made between the two
    let bytes = &account.as_bytes()[..];
    execute!(conn, "DELETE FROM picora_usage WHERE account = $1", bytes);
    execute!(
        conn,
        "DELETE FROM picora_usage_fact WHERE account = $1",
        bytes
    );
    execute!(
        conn,
        "DELETE FROM picora_adjustment WHERE account = $1",
        bytes
    );
    execute!(conn, "DELETE FROM picora_alert WHERE account = $1", bytes);
    execute!(
        conn,
        "DELETE FROM picora_account_limit WHERE account = $1",
        bytes
    );
    execute!(
        conn,
        "UPDATE picora_posting SET account = $2 WHERE account = $1",
        bytes,
        &tombstone.as_bytes()[..],
    );
    Ok(())
}

async fn delete_reservations(conn: &mut SqlConn<'_>, account: AccountId) -> Result<(), Fault> {
    execute!(
        conn,
        "DELETE FROM picora_reservation WHERE account = $1",
        &account.as_bytes()[..],
    );
    Ok(())
}
