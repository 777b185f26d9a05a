//! Postings: what moves the ledger without a reservation.

use std::collections::BTreeSet;

use picora_core::{AccountId, Amount, AmountError, Posting, PostingKey, PostingReason, Timestamp};
use picora_quota::ledger::posted_keys;
use picora_quota::{CellKey, Change, Posted, Recount, Recounted, Thresholds};

use super::bookings::Booking;
use super::cells::{self, MovingCells};
use super::moves::{Moved, Moves};
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// See [`Ledger::post`](picora_quota::Ledger::post).
pub(super) async fn post(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    posting: &Posting,
    now: Timestamp,
) -> Result<Posted, Fault> {
    let keys = match posted_keys(posting) {
        Ok(keys) => keys,
        Err(_) if is_used(conn, &posting.key).await? => return Ok(Posted::Used),
        Err(error) => return Err(Fault::Range(error)),
    };
    let cells = lock(conn, posting.account, keys.iter().copied().collect()).await?;
    let (before, key) = (held(&cells, keys[0])?.0, keys[0]);
    if !insert(conn, posting, key, now).await? {
        return Ok(Posted::Used);
    }
    let changes = changes(&keys, posting.delta);
    let fits = changes.iter().try_for_each(|change| {
        let (cell, _) = held(&cells, change.key)?;
        cell.moved(change.used, change.reserved)?;
        Ok(())
    });
    if let Err(fault) = fits {
        forget(conn, posting).await?; // a refused posting uses no key
        return Err(fault);
    }
    let booking = Booking {
        key: posting.key.as_str().to_owned(),
        reason: posting.reason.name(),
        happened_at: posting.happened_at,
        now,
    };
    let moved = write(conn, posting.account, &changes).await?;
    let beside: Vec<_> = moved.iter().filter(|it| it.key != key).copied().collect();
    booking.journal(conn, &beside).await?; // the dimension's own row holds the key
    booking.tell(conn, thresholds, &moved).await?;
    let after = moved.iter().find(|it| it.key == key).map(|it| it.cell);
    let after = after.unwrap_or(before); // nothing is posted by a posting of zero
    Ok(Posted::Done { before, after })
}

/// See [`Ledger::correct`](picora_quota::Ledger::correct).
pub(super) async fn correct(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    recount: &Recount,
    now: Timestamp,
) -> Result<Recounted, Fault> {
    let Some(key) = recount.cell() else {
        return Ok(Recounted::Refused);
    };
    let cells = lock(conn, recount.account, BTreeSet::from([key])).await?;
    if is_used(conn, &recount.key).await? {
        return Ok(Recounted::Refused);
    }
    let (before, moves) = held(&cells, key)?;
    let unrecorded = unrecorded(conn, recount.account, key, before.used).await?;
    let delta = match recount.difference(moves) {
        Ok(delta) => delta,
        Err(Recounted::Even) if unrecorded != 0 => 0,
        Err(why) => return Ok(why),
    };
    before.moved(delta, 0)?;
    let reason = PostingReason::Reconcile.name();
    let account = recount.account;
    if !write_row(conn, &recount.key, account, key, delta, reason, now, now).await? {
        return Ok(Recounted::Refused); // another cell's step has just taken the key; nothing is written
    }
    if unrecorded != 0 {
        // What nobody wrote down when it moved is written down, too, so that the journal tells both.
        let name = PostingKey::new("unrecorded", &recount.key.as_str());
        if !write_row(conn, &name, account, key, unrecorded, reason, now, now).await? {
            return Err(Fault::Raced("the name of a record was just taken"));
        }
    }
    if delta == 0 {
        return Ok(Recounted::Posted {
            before,
            after: before,
        });
    }
    let moved = write(conn, account, &changes(&[key], delta)).await?;
    let after = moved.first().map_or(before, |moved| moved.cell);
    let booking = Booking {
        key: recount.key.as_str().to_owned(),
        reason,
        happened_at: now,
        now,
    };
    booking.tell(conn, thresholds, &moved).await?;
    Ok(Recounted::Posted { before, after })
}

/// By how much a cell is above what its recorded movements add up to: zero, unless somebody wrote into the database.
async fn unrecorded(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    key: CellKey,
    used: Amount,
) -> Result<i64, Fault> {
    // A sum may leave 64 bits on the way although it ends within them, so both halves are added up by themselves.
    let rows = select!(
        conn,
        (i64, i64),
        "SELECT CAST(coalesce(sum(delta >> 32), 0) AS BIGINT), CAST(coalesce(sum(delta & 4294967295), 0) AS BIGINT)
         FROM picora_posting WHERE account = $1 AND counter = $2 AND win = $3",
        &account.as_bytes()[..],
        key.counter.name(),
        key.window.to_string(),
    );
    let (high, low) = rows.first().copied().unwrap_or_default();
    let recorded = (i128::from(high) << 32) + i128::from(low);
    let above = i128::from(used.get()) - recorded;
    i64::try_from(above).map_err(|_| Fault::Range(AmountError::TooLarge))
}

fn changes(keys: &[CellKey], delta: i64) -> Vec<Change> {
    let change = |key: &CellKey| Change {
        key: *key,
        used: delta,
        reserved: 0,
    };
    keys.iter().map(change).collect()
}

async fn write(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    changes: &[Change],
) -> Result<Vec<Moved>, Fault> {
    let mut moves = Moves::default();
    moves.add(account, changes)?;
    moves.write(conn).await
}

/// Locks the cells, and makes them first when they do not exist.
async fn lock(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    keys: BTreeSet<CellKey>,
) -> Result<MovingCells, Fault> {
    let mut found = cells::lock_moving(conn, account, &keys).await?;
    if found.len() < keys.len() {
        cells::open(conn, account, &keys).await?;
        found = cells::lock_moving(conn, account, &keys).await?;
    }
    Ok(found)
}

fn held(cells: &MovingCells, key: CellKey) -> Result<(picora_quota::Cell, u64), Fault> {
    let cell = cells.get(&key).copied();
    cell.ok_or(Fault::Raced("the account was erased meanwhile"))
}

/// Takes the key; false when it is used.
async fn insert(
    conn: &mut SqlConn<'_>,
    posting: &Posting,
    key: CellKey,
    now: Timestamp,
) -> Result<bool, Fault> {
    write_row(
        conn,
        &posting.key,
        posting.account,
        key,
        posting.delta,
        posting.reason.name(),
        posting.happened_at,
        now,
    )
    .await
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
async fn write_row(
    conn: &mut SqlConn<'_>,
    name: &PostingKey,
    account: AccountId,
    key: CellKey,
    delta: i64,
    reason: &str,
    happened_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let inserted = execute!(
        conn,
        "INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT DO NOTHING",
        name.as_str(),
        &account.as_bytes()[..],
        key.counter.name(),
        key.window.to_string(),
        delta,
        reason,
        happened_at.unix_micros(),
        now.unix_micros(),
    );
    Ok(inserted == 1)
}

async fn forget(conn: &mut SqlConn<'_>, posting: &Posting) -> Result<(), Fault> {
    execute!(
        conn,
        "DELETE FROM picora_posting WHERE key = $1",
        posting.key.as_str()
    );
    Ok(())
}

async fn is_used(conn: &mut SqlConn<'_>, key: &PostingKey) -> Result<bool, Fault> {
    let rows = select!(
        conn,
        (String,),
        "SELECT key FROM picora_posting WHERE key = $1",
        key.as_str(),
    );
    Ok(!rows.is_empty())
}
