//! The steps of the ledger in a caller's transaction.

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError, Timestamp,
};
use picora_quota::{Extended, Items, LedgerIn, Posted, Reserve, Reserved, Settled};

use super::{housekeeping, limits, posting, reserve, settle};
use crate::steps::step;
use crate::{AsSqlConn, SqlStore};

#[async_trait]
impl<T: AsSqlConn> LedgerIn<T> for SqlStore {
    async fn reserve_in(
        &self,
        tx: &mut T,
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let thresholds = self.thresholds();
        step!(tx, "reserve", |conn| reserve::reserve(
            conn, thresholds, request, now
        ))
    }

    async fn extend_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        let thresholds = self.thresholds();
        step!(tx, "extend", |conn| reserve::extend(
            conn, thresholds, id, totals, now
        ))
    }

    async fn commit_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let thresholds = self.thresholds();
        step!(tx, "commit a reservation", |conn| settle::commit(
            conn, thresholds, id, actual, now
        ))
    }

    async fn release_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        step!(tx, "release", |conn| settle::release(conn, id, now))
    }

    async fn heartbeat_in(
        &self,
        tx: &mut T,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        step!(tx, "keep alive", |conn| settle::heartbeat(
            conn,
            id,
            expires_after,
            now
        ))
    }

    async fn post_in(
        &self,
        tx: &mut T,
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Posted, StoreError> {
        let thresholds = self.thresholds();
        step!(tx, "post", |conn| posting::post(
            conn, thresholds, posting, now
        ))
    }

    async fn set_limits_in(
        &self,
        tx: &mut T,
        limits: &SetLimits,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let thresholds = self.thresholds();
        step!(tx, "set limits", |conn| limits::set(
            conn, thresholds, limits, now
        ))
    }

    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError> {
        step!(tx, "erase", |conn| housekeeping::erase(
            conn, account, tombstone
        ))
    }
}
