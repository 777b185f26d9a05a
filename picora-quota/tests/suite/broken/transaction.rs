//! Wrong transactions: each step is written at once, or not at all.

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError, Timestamp,
    Transact,
};
use picora_quota::{Extended, Items, Ledger, LedgerIn, Posted, Reserve, Reserved, Settled};

use super::{Broken, Fault};

#[async_trait]
impl Transact<()> for Broken {
    async fn begin(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn finish(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl LedgerIn<()> for Broken {
    async fn reserve_in(
        &self,
        (): &mut (),
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        self.reserve(request, now).await
    }
    async fn extend_in(
        &self,
        (): &mut (),
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        self.extend(id, totals, now).await
    }
    async fn commit_in(
        &self,
        (): &mut (),
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        self.commit(id, actual, now).await
    }
    async fn release_in(
        &self,
        (): &mut (),
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        self.release(id, now).await
    }
    async fn heartbeat_in(
        &self,
        (): &mut (),
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.heartbeat(id, expires_after, now).await
    }
    async fn post_in(
        &self,
        (): &mut (),
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Posted, StoreError> {
        if self.has(Fault::LosesInTransactions) {
            return self.inner.read(|books| {
                let posted = books.clone().post(posting, now);
                Ok(posted.unwrap())
            });
        }
        self.post(posting, now).await
    }
    async fn set_limits_in(
        &self,
        (): &mut (),
        limits: &SetLimits,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_limits(limits, now).await
    }
    async fn erase_in(
        &self,
        (): &mut (),
        account: AccountId,
        _tombstone: AccountId,
    ) -> Result<(), StoreError> {
        if !self.has(Fault::ErasesNothing) {
            self.inner.with(|books| books.erase(account));
        }
        Ok(())
    }
}
