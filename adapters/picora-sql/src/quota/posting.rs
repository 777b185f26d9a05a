//! Postings: what moves the ledger without a reservation.

use std::collections::BTreeSet;

use picora_core::{AmountError, Posting, Timestamp};
use picora_quota::{CellKey, Change, Counter, Posted};

use super::cells;
use super::moves::Moves;
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// See [`Ledger::post`](picora_quota::Ledger::post).
pub(super) async fn post(
    conn: &mut SqlConn<'_>,
    posting: &Posting,
    now: Timestamp,
) -> Result<Posted, Fault> {
    let Some(key) = Counter::Dimension(posting.dimension).key_at(posting.happened_at) else {
        return if is_used(conn, posting).await? {
            Ok(Posted::Used)
        } else {
            Err(Fault::Range(AmountError::Negative)) // nothing is kept of single items
        };
    };
    let before = lock(conn, posting, key).await?;
    if !insert(conn, posting, key, now).await? {
        return Ok(Posted::Used);
    }
    let after = match before.moved(posting.delta, 0) {
        Ok(after) => after,
        Err(error) => {
            forget(conn, posting).await?; // a refused posting uses no key
            return Err(Fault::Range(error));
        }
    };
    let change = Change {
        key,
        used: posting.delta,
        reserved: 0,
    };
    let mut moves = Moves::default();
    moves.add(posting.account, &[change])?;
    moves.write(conn).await?;
    Ok(Posted::Done { before, after })
}

/// Locks the cell, and makes it first when it does not exist.
async fn lock(
    conn: &mut SqlConn<'_>,
    posting: &Posting,
    key: CellKey,
) -> Result<picora_quota::Cell, Fault> {
    let keys = BTreeSet::from([key]);
    let mut found = cells::lock(conn, posting.account, &keys).await?;
    if found.is_empty() {
        cells::open(conn, posting.account, &keys).await?;
        found = cells::lock(conn, posting.account, &keys).await?;
    }
    let cell = found.remove(&key);
    cell.ok_or(Fault::Raced("the account was erased meanwhile"))
}

/// Takes the key; false when it is used.
async fn insert(
    conn: &mut SqlConn<'_>,
    posting: &Posting,
    key: CellKey,
    now: Timestamp,
) -> Result<bool, Fault> {
    let inserted = execute!(
        conn,
        "INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT DO NOTHING",
        posting.key.as_str(),
        &posting.account.as_bytes()[..],
        key.counter.name(),
        key.window.to_string(),
        posting.delta,
        posting.reason.name(),
        posting.happened_at.unix_micros(),
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

async fn is_used(conn: &mut SqlConn<'_>, posting: &Posting) -> Result<bool, Fault> {
    let rows = select!(
        conn,
        (String,),
        "SELECT key FROM picora_posting WHERE key = $1",
        posting.key.as_str(),
    );
    Ok(!rows.is_empty())
}
