//! The ledger: whole steps, as the port has them.
//!
//! Locks are taken in one order, so that steps wait for one another but never in a circle: limit rows (shared by whoever makes a cell,
//! exclusive for a plan change), the row of a reservation, then cells by account and [`CellKey`](picora_quota::CellKey). A new
//! reservation is inserted last: nobody can hold it yet.

mod alerts;
#[cfg(feature = "postgres")]
mod at_once;
mod bookings;
mod cells;
mod echo;
mod entitlement;
mod history;
mod housekeeping;
mod limits;
mod moves;
mod outcomes;
mod posting;
mod reports;
mod reserve;
mod settle;
mod steps;
mod stored;

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError,
    Timestamp, Transact,
};
#[cfg(feature = "postgres")]
use picora_core::{Limit, Limits};
#[cfg(feature = "postgres")]
use picora_quota::Counter;
use picora_quota::{
    Adjusted, Adjustment, Extended, Items, Ledger, LedgerIn, Posted, Recount, Recounted,
    Reservation, Reserve, Reserved, Settled, UsageLine,
};

use crate::steps::{read, step, whole};
#[cfg(feature = "postgres")]
use crate::store::Pools;
use crate::{AsSqlConn, SqlStore};

#[async_trait]
impl Ledger for SqlStore {
    async fn reserve(&self, request: &Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
        #[cfg(feature = "postgres")]
        #[allow(irrefutable_let_patterns, reason = "SQLite may not be compiled in")]
        if let Pools::Postgres(pool) = self.pools()
            && let Some(admitted) = at_once::reserve(pool, request, now).await?
        {
            return Ok(admitted);
        }
        whole!(self, |tx| self.reserve_in(&mut tx, request, now))
    }

    async fn extend(
        &self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        whole!(self, |tx| self.extend_in(&mut tx, id, totals, now))
    }

    async fn commit(
        &self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        whole!(self, |tx| self.commit_in(&mut tx, id, actual, now))
    }

    async fn release(&self, id: ReservationId, now: Timestamp) -> Result<Settled, StoreError> {
        whole!(self, |tx| self.release_in(&mut tx, id, now))
    }

    async fn heartbeat(
        &self,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        whole!(self, |tx| self.heartbeat_in(
            &mut tx,
            id,
            expires_after,
            now
        ))
    }

    async fn post(&self, posting: &Posting, now: Timestamp) -> Result<Posted, StoreError> {
        whole!(self, |tx| self.post_in(&mut tx, posting, now))
    }

    async fn set_limits(&self, limits: &SetLimits, now: Timestamp) -> Result<(), StoreError> {
        whole!(self, |tx| self.set_limits_in(&mut tx, limits, now))
    }

    async fn adjust(
        &self,
        adjustment: &Adjustment,
        now: Timestamp,
    ) -> Result<Adjusted, StoreError> {
        let thresholds = self.thresholds();
        whole!(self, |tx| async {
            step!(tx, "adjust limits", |conn| limits::adjust(
                conn, thresholds, adjustment, now
            ))
        })
    }

    async fn withdraw(
        &self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let thresholds = self.thresholds();
        whole!(self, |tx| async {
            step!(tx, "withdraw an adjustment", |conn| limits::withdraw(
                conn, thresholds, account, id, now
            ))
        })
    }

    async fn refresh(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let thresholds = self.thresholds();
        let due = read!(self, "list due limits", |conn| limits::due(conn, most, now))?;
        let mut refreshed = 0;
        for account in due {
            let done = whole!(self, |tx| async {
                step!(tx, "refresh limits", |conn| limits::refresh(
                    conn, thresholds, account, now
                ))
            })?;
            refreshed += u32::from(done);
        }
        Ok(refreshed)
    }

    async fn correct(&self, recount: &Recount, now: Timestamp) -> Result<Recounted, StoreError> {
        let thresholds = self.thresholds();
        whole!(self, |tx| async {
            step!(tx, "correct", |conn| posting::correct(
                conn, thresholds, recount, now
            ))
        })
    }

    async fn usage(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<UsageLine>, StoreError> {
        read!(self, "read usage", |conn| cells::usage(conn, account, now))
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
        let found = read!(self, "read a reservation", |conn| outcomes::load(conn, id))?;
        Ok(found.and_then(outcomes::Outcome::into_admitted))
    }

    async fn sweep(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let mut swept = 0;
        while swept < most {
            let batch = (most - swept).min(BATCH);
            let done = whole!(self, |tx| async {
                step!(tx, "sweep", |conn| housekeeping::sweep(conn, batch, now))
            })?;
            swept += done;
            if done < batch {
                break;
            }
        }
        Ok(swept)
    }

    async fn prune(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let mut pruned = 0;
        while pruned < most {
            let batch = (most - pruned).min(BATCH);
            let done = whole!(self, |tx| async {
                step!(tx, "prune", |conn| housekeeping::prune(conn, batch, now))
            })?;
            pruned += done;
            if done < batch {
                break;
            }
        }
        Ok(pruned)
    }
}

/// The names of all counters, in the order in which their rows are locked.
#[cfg(feature = "postgres")]
fn counters() -> Vec<&'static str> {
    let all = Counter::limits(&Limits::NOTHING, Limit::NOTHING);
    all.map(|(counter, _)| counter.name()).collect()
}

/// How many reservations one transaction of housekeeping takes, so that it holds their cells for a few milliseconds only.
const BATCH: u32 = 100;
