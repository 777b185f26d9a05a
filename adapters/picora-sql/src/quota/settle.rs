//! Settling reservations, and keeping them alive.

use std::time::Duration;

use picora_core::{Amount, Dimension, ReservationId, Timestamp};
use picora_quota::reservation::Step;
use picora_quota::{Reservation, ReservationState, Settled, Thresholds};

use super::bookings::Booking;
use super::moves::{Moved, Moves};
use super::outcomes::{self, Outcome};
use crate::SqlConn;
use crate::error::Fault;

/// See [`Ledger::commit`](picora_quota::Ledger::commit).
pub(super) async fn commit(
    conn: &mut SqlConn<'_>,
    thresholds: &Thresholds,
    id: ReservationId,
    actual: &[(Dimension, Amount)],
    now: Timestamp,
) -> Result<Settled, Fault> {
    let reservation = match pending(conn, id, now).await? {
        Ok(reservation) => reservation,
        Err(resolved) => return Ok(resolved.map_or(Settled::Unknown, Settled::Earlier)),
    };
    match reservation.commit(actual) {
        Ok(step) => {
            let moved = write(conn, &step, now).await?;
            let booking = Booking::commit(id, &step.reservation, now);
            booking.journal(conn, &moved).await?;
            booking.tell(conn, thresholds, &moved).await?;
            Ok(Settled::Done(step.reservation))
        }
        Err(exceeds) => Ok(Settled::Exceeds(exceeds)),
    }
}

/// See [`Ledger::release`](picora_quota::Ledger::release).
pub(super) async fn release(
    conn: &mut SqlConn<'_>,
    id: ReservationId,
    now: Timestamp,
) -> Result<Settled, Fault> {
    match pending(conn, id, now).await? {
        Ok(reservation) => {
            let step = reservation.give_back(ReservationState::Released);
            Ok(Settled::Done(keep(conn, step, now).await?))
        }
        Err(resolved) => Ok(resolved.map_or(Settled::Unknown, Settled::Earlier)),
    }
}

/// See [`Ledger::heartbeat`](picora_quota::Ledger::heartbeat).
pub(super) async fn heartbeat(
    conn: &mut SqlConn<'_>,
    id: ReservationId,
    expires_after: Duration,
    now: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let Ok(mut reservation) = pending(conn, id, now).await? else {
        return Ok(None);
    };
    reservation.expires_at = reservation.beat(expires_after, now);
    outcomes::update(conn, &reservation, now).await?;
    Ok(Some(reservation.expires_at))
}

/// Locks a reservation that can still be settled, or tells how it was resolved; one that is due expires first.
pub(super) async fn pending(
    conn: &mut SqlConn<'_>,
    id: ReservationId,
    now: Timestamp,
) -> Result<Result<Reservation, Option<Reservation>>, Fault> {
    let outcome = outcomes::lock(conn, id).await?;
    let Some(reservation) = outcome.and_then(Outcome::into_admitted) else {
        return Ok(Err(None));
    };
    if reservation.is_due(now) {
        let step = reservation.give_back(ReservationState::Expired);
        return Ok(Err(Some(keep(conn, step, now).await?)));
    }
    Ok(if reservation.state == ReservationState::Pending {
        Ok(reservation)
    } else {
        Err(Some(reservation))
    })
}

/// Writes a step that uses nothing, of a reservation whose row is locked.
pub(super) async fn keep(
    conn: &mut SqlConn<'_>,
    step: Step,
    now: Timestamp,
) -> Result<Reservation, Fault> {
    write(conn, &step, now).await?;
    Ok(step.reservation)
}

async fn write(conn: &mut SqlConn<'_>, step: &Step, now: Timestamp) -> Result<Vec<Moved>, Fault> {
    let mut moves = Moves::default();
    moves.add(step.reservation.account, &step.changes)?;
    let moved = moves.write(conn).await?;
    outcomes::update(conn, &step.reservation, now).await?;
    Ok(moved)
}
