//! Outcomes: reservations, and refusals that are remembered.

use picora_core::{AccountId, ReservationId, Timestamp};
use picora_quota::{Denial, RequestHash, Reservation, ReservationState, Reserve, Reserved};
use sqlx::query;

use super::stored;
use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// What became of a request.
#[derive(Debug)]
pub(super) struct Outcome {
    account: AccountId,
    request: RequestHash,
    verdict: Verdict,
}

#[derive(Debug)]
enum Verdict {
    Admitted(Reservation),
    Denied(Denial),
}

impl Outcome {
    /// The reservation, unless it was refused.
    pub(super) fn into_admitted(self) -> Option<Reservation> {
        match self.verdict {
            Verdict::Admitted(reservation) => Some(reservation),
            Verdict::Denied(_) => None,
        }
    }

    /// The answer to a repeated id.
    pub(super) fn replay(self, request: &Reserve) -> Reserved {
        if self.account != request.account || self.request != request.request {
            return Reserved::KeyReused;
        }
        match self.verdict {
            Verdict::Admitted(reservation) => Reserved::Replayed(reservation),
            Verdict::Denied(denial) => Reserved::Denied(denial),
        }
    }
}

/// Reads an outcome as it stands.
pub(super) async fn load(
    conn: &mut SqlConn<'_>,
    id: ReservationId,
) -> Result<Option<Outcome>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, request_hash, state, granted, denial, created_at, expires_at
         FROM picora_reservation WHERE id = $1",
        &id.as_bytes()[..],
    );
    rows.into_iter().next().map(outcome).transpose()
}

/// Locks an outcome and reads it.
pub(super) async fn lock(
    conn: &mut SqlConn<'_>,
    id: ReservationId,
) -> Result<Option<Outcome>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, request_hash, state, granted, denial, created_at, expires_at
         FROM picora_reservation WHERE id = $1" locking "FOR UPDATE",
        &id.as_bytes()[..],
    );
    rows.into_iter().next().map(outcome).transpose()
}

/// Locks the reservations of an account that are due, but for those that another transaction has locked: nobody waits for them while
/// holding something else.
pub(super) async fn lock_due_of(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Reservation>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, request_hash, state, granted, denial, created_at, expires_at
         FROM picora_reservation WHERE account = $1 AND state = 'pending' AND expires_at <= $2" locking "FOR UPDATE SKIP LOCKED",
        &account.as_bytes()[..],
        now.unix_micros(),
    );
    admitted(rows)
}

/// How many reservations of an account are due, locked or not.
pub(super) async fn count_due_of(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<usize, Fault> {
    let rows = select!(
        conn,
        (i64,),
        "SELECT count(*) FROM picora_reservation WHERE account = $1 AND state = 'pending' AND expires_at <= $2",
        &account.as_bytes()[..],
        now.unix_micros(),
    );
    let count = rows.first().map_or(0, |(count,)| *count);
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Locks up to `most` reservations that are due, whosesoever, but for those that another transaction has locked.
pub(super) async fn lock_due(
    conn: &mut SqlConn<'_>,
    most: u32,
    now: Timestamp,
) -> Result<Vec<Reservation>, Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, request_hash, state, granted, denial, created_at, expires_at
         FROM picora_reservation WHERE state = 'pending' AND expires_at <= $1
         ORDER BY expires_at LIMIT $2" locking "FOR UPDATE SKIP LOCKED",
        now.unix_micros(),
        i64::from(most),
    );
    // One that does not read back must not hold up the others; the audit tells of it.
    Ok(rows
        .into_iter()
        .filter_map(|row| outcome(row).ok()?.into_admitted())
        .collect())
}

/// The reservations of an account that are neither settled nor expired, and how many do not read back.
pub(super) async fn pending_of(
    conn: &mut SqlConn<'_>,
    account: AccountId,
) -> Result<(Vec<Reservation>, u64), Fault> {
    let rows = select!(
        conn,
        Row,
        "SELECT id, account, request_hash, state, granted, denial, created_at, expires_at
         FROM picora_reservation WHERE account = $1 AND state = 'pending' ORDER BY id",
        &account.as_bytes()[..],
    );
    let all = rows.len();
    let read = rows
        .into_iter()
        .filter_map(|row| outcome(row).ok()?.into_admitted());
    let read: Vec<_> = read.collect();
    let unreadable = u64::try_from(all - read.len()).unwrap_or(u64::MAX);
    Ok((read, unreadable))
}

/// Inserts what was decided on a request; false when its id is used. On PostgreSQL an id that another transaction has just inserted
/// waits here until that one ends.
pub(super) async fn insert(
    conn: &mut SqlConn<'_>,
    request: &Reserve,
    reservation: &Reservation,
    denial: Option<&Denial>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let state = denial.map_or(reservation.state.name(), |_| DENIED);
    let inserted = execute!(
        conn,
        "INSERT INTO picora_reservation
             (id, account, request_hash, state, granted, denial, created_at, expires_at, decided_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
        &request.id.as_bytes()[..],
        &request.account.as_bytes()[..],
        &request.request.0[..],
        state,
        stored::granted_text(&reservation.granted),
        denial.map(stored::denial_text),
        reservation.created_at.unix_micros(),
        reservation.expires_at.unix_micros(),
        now.unix_micros(),
    );
    Ok(inserted == 1)
}

/// Writes a reservation whose row is locked.
pub(super) async fn update(
    conn: &mut SqlConn<'_>,
    reservation: &Reservation,
    now: Timestamp,
) -> Result<(), Fault> {
    execute!(
        conn,
        "UPDATE picora_reservation SET state = $2, granted = $3, expires_at = $4, decided_at = $5 WHERE id = $1",
        &reservation.id.as_bytes()[..],
        reservation.state.name(),
        stored::granted_text(&reservation.granted),
        reservation.expires_at.unix_micros(),
        now.unix_micros(),
    );
    Ok(())
}

/// Marks reservations expired whose rows are locked.
pub(super) async fn expire(
    conn: &mut SqlConn<'_>,
    due: &[Reservation],
    now: Timestamp,
) -> Result<(), Fault> {
    if due.is_empty() {
        return Ok(());
    }
    let ids = due.iter().map(|reservation| &reservation.id.as_bytes()[..]);
    match conn {
        #[cfg(feature = "postgres")]
        SqlConn::Postgres(conn) => {
            query("UPDATE picora_reservation SET state = 'expired', decided_at = $2 WHERE id = ANY ($1)")
                .bind(ids.collect::<Vec<_>>())
                .bind(now.unix_micros())
                .execute(&mut **conn)
                .await?;
        }
        #[cfg(feature = "sqlite")]
        SqlConn::Sqlite(conn) => {
            for id in ids {
                query("UPDATE picora_reservation SET state = 'expired', decided_at = $2 WHERE id = $1")
                    .bind(id)
                    .bind(now.unix_micros())
                    .execute(&mut **conn)
                    .await?;
            }
        }
    }
    Ok(())
}

type Row = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
    String,
    Option<String>,
    i64,
    i64,
);

fn outcome(row: Row) -> Result<Outcome, Fault> {
    let (id, account, request, state, granted, denial, created_at, expires_at) = row;
    let account = crate::stored::account(&account)?;
    let verdict = if let Some(denial) = denial {
        Verdict::Denied(stored::denial(&denial)?)
    } else {
        Verdict::Admitted(Reservation {
            id: crate::stored::reservation(&id)?,
            account,
            state: ReservationState::from_name(&state)
                .ok_or(Fault::Corrupt("a reservation is in an unknown state"))?,
            granted: stored::granted(&granted)?,
            created_at: Timestamp::from_unix_micros(created_at),
            expires_at: Timestamp::from_unix_micros(expires_at),
        })
    };
    Ok(Outcome {
        account,
        request: RequestHash(crate::stored::hash(&request)?),
        verdict,
    })
}

fn admitted(rows: Vec<Row>) -> Result<Vec<Reservation>, Fault> {
    rows.into_iter()
        .filter_map(|row| outcome(row).map(Outcome::into_admitted).transpose())
        .collect()
}

/// The state of a request that was refused; a reservation never has it.
const DENIED: &str = "denied";
