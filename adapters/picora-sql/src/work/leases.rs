//! Rows of leases, loaded under their locks for the rule and written as it answers.

use std::time::Duration;

use picora_core::lease::Held;
use picora_core::{Holder, Lease, LeaseName, Timestamp};

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;
use crate::stored;

type Row = (Vec<u8>, i64, i64);

/// See [`Leases::acquire`](picora_core::Leases::acquire). The lock waits for all who write under the lease.
pub(super) async fn acquire(
    conn: &mut SqlConn<'_>,
    name: LeaseName,
    holder: Holder,
    length: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, Fault> {
    open(conn, name).await?;
    let rows = select!(
        conn,
        Row,
        "SELECT holder, fence, until FROM picora_lease WHERE name = $1"
        locking "FOR UPDATE",
        name.name(),
    );
    let taken = held(rows)?.acquire(holder, length, now);
    keep(conn, name, taken).await
}

/// See [`Leases::renew`](picora_core::Leases::renew). It does not wait for its own guarded transactions.
pub(super) async fn renew(
    conn: &mut SqlConn<'_>,
    lease: &Lease,
    length: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, Fault> {
    let renewed = lock(conn, lease.name).await?.renew(lease, length, now);
    keep(conn, lease.name, renewed).await
}

/// See [`Leases::give_back`](picora_core::Leases::give_back).
pub(super) async fn give_back(conn: &mut SqlConn<'_>, lease: &Lease) -> Result<bool, Fault> {
    let given_back = lock(conn, lease.name).await?.give_back(lease);
    Ok(keep(conn, lease.name, given_back).await?.is_some())
}

/// See [`LeasesIn::guard_in`](picora_core::LeasesIn::guard_in).
///
/// On SQLite the transaction is the only writer, or cannot become one once another has written.
pub(super) async fn guard(
    conn: &mut SqlConn<'_>,
    lease: &Lease,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT holder, fence, until FROM picora_lease WHERE name = $1"
        locking "FOR KEY SHARE",
        lease.name.name(),
    );
    Ok(held(rows)?.is_held_by(lease, now))
}

/// A lease as of this moment, without a lock.
pub(super) async fn at(conn: &mut SqlConn<'_>, name: LeaseName) -> Result<Held, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT holder, fence, until FROM picora_lease WHERE name = $1",
        name.name(),
    );
    held(rows)
}

/// Who the database is, as far as it is known. It is the holder of a lease that nobody can take: it is held for good.
pub(super) async fn identity(conn: &mut SqlConn<'_>) -> Result<Option<[u8; 16]>, Fault> {
    let rows = select!(
        conn,
        (Vec<u8>,),
        "SELECT holder FROM picora_lease WHERE name = $1",
        IDENTITY,
    );
    let row = rows.into_iter().next();
    row.map(|(holder,)| stored::id(&holder)).transpose()
}

/// Makes it this one, unless it has been made.
pub(super) async fn identify(
    conn: &mut SqlConn<'_>,
    new: [u8; 16],
) -> Result<Option<[u8; 16]>, Fault> {
    execute!(
        conn,
        "INSERT INTO picora_lease (name, holder, fence, until) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING",
        IDENTITY,
        &new[..],
        Timestamp::MAX.unix_micros(),
    );
    identity(conn).await
}

/// Under a name that no lease has.
const IDENTITY: &str = "picora/database";

async fn lock(conn: &mut SqlConn<'_>, name: LeaseName) -> Result<Held, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT holder, fence, until FROM picora_lease WHERE name = $1"
        locking "FOR NO KEY UPDATE",
        name.name(),
    );
    held(rows)
}

/// Makes the row when there is none, so that there is something to lock.
async fn open(conn: &mut SqlConn<'_>, name: LeaseName) -> Result<(), Fault> {
    let never = Held::NEVER;
    execute!(
        conn,
        "INSERT INTO picora_lease (name, holder, fence, until) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING",
        name.name(),
        &never.holder.as_bytes()[..],
        never.until.unix_micros(),
    );
    Ok(())
}

/// Writes what the rule answered, if it changed anything.
async fn keep(
    conn: &mut SqlConn<'_>,
    name: LeaseName,
    held: Option<Held>,
) -> Result<Option<Lease>, Fault> {
    let Some(held) = held else { return Ok(None) };
    let fence = i64::try_from(held.fence).map_err(|_| Fault::Corrupt("a fence is too large"))?;
    execute!(
        conn,
        "UPDATE picora_lease SET holder = $2, fence = $3, until = $4 WHERE name = $1",
        name.name(),
        &held.holder.as_bytes()[..],
        fence,
        held.until.unix_micros(),
    );
    Ok(Some(held.lease(name)))
}

fn held(rows: Vec<Row>) -> Result<Held, Fault> {
    let Some((holder, fence, until)) = rows.into_iter().next() else {
        return Ok(Held::NEVER);
    };
    Ok(Held {
        holder: Holder::from_bytes(stored::id(&holder)?),
        fence: u64::try_from(fence).map_err(|_| Fault::Corrupt("a fence is negative"))?,
        until: Timestamp::from_unix_micros(until),
    })
}
