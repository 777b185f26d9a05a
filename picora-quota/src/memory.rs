//! The ports on a store in memory whose state holds [`Books`].

use std::time::Duration;

use async_trait::async_trait;
use picora_core::memory::{MemoryStore, MemoryTx};
use picora_core::{
    AccountId, Amount, AmountError, Dimension, Posting, ReservationId, SetLimits, StoreError,
    StoreErrorKind, Timestamp,
};

use crate::{
    Books, Extended, Items, Ledger, LedgerIn, Posted, Reservation, Reserve, Reserved, Settled,
    UsageLine,
};

impl AsRef<Self> for Books {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Books {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

#[async_trait]
impl<S: AsRef<Books> + AsMut<Books> + Send> Ledger for MemoryStore<S> {
    async fn reserve(&self, request: &Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
        self.with(|state| state.as_mut().reserve(request, now))
            .map_err(|error| out_of_range("reserve", error))
    }

    async fn extend(
        &self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        self.with(|state| state.as_mut().extend(id, totals, now))
            .map_err(|error| out_of_range("extend", error))
    }

    async fn commit(
        &self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        self.with(|state| state.as_mut().commit(id, actual, now))
            .map_err(|error| out_of_range("commit", error))
    }

    async fn release(&self, id: ReservationId, now: Timestamp) -> Result<Settled, StoreError> {
        self.with(|state| state.as_mut().release(id, now))
            .map_err(|error| out_of_range("release", error))
    }

    async fn heartbeat(
        &self,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.with(|state| state.as_mut().heartbeat(id, expires_after, now))
            .map_err(|error| out_of_range("heartbeat", error))
    }

    async fn post(&self, posting: &Posting, _now: Timestamp) -> Result<Posted, StoreError> {
        self.with(|state| state.as_mut().post(posting))
            .map_err(|error| out_of_range("post", error))
    }

    async fn set_limits(&self, limits: &SetLimits, _now: Timestamp) -> Result<(), StoreError> {
        self.with(|state| state.as_mut().set_limits(limits));
        Ok(())
    }

    async fn usage(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<UsageLine>, StoreError> {
        Ok(self.read(|state| state.as_ref().usage(account, now)))
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
        Ok(self.read(|state| state.as_ref().reservation(id).cloned()))
    }

    async fn sweep(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        self.with(|state| state.as_mut().sweep(most, now))
            .map_err(|error| out_of_range("sweep", error))
    }

    async fn prune(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        Ok(self.with(|state| state.as_mut().prune(most, now)))
    }
}

#[async_trait]
impl<S: AsRef<Books> + AsMut<Books> + Send> LedgerIn<MemoryTx<S>> for MemoryStore<S> {
    async fn reserve_in(
        &self,
        tx: &mut MemoryTx<S>,
        request: &Reserve,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        tx.state
            .as_mut()
            .reserve(request, now)
            .map_err(|error| out_of_range("reserve", error))
    }

    async fn extend_in(
        &self,
        tx: &mut MemoryTx<S>,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        tx.state
            .as_mut()
            .extend(id, totals, now)
            .map_err(|error| out_of_range("extend", error))
    }

    async fn commit_in(
        &self,
        tx: &mut MemoryTx<S>,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        tx.state
            .as_mut()
            .commit(id, actual, now)
            .map_err(|error| out_of_range("commit", error))
    }

    async fn release_in(
        &self,
        tx: &mut MemoryTx<S>,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        tx.state
            .as_mut()
            .release(id, now)
            .map_err(|error| out_of_range("release", error))
    }

    async fn heartbeat_in(
        &self,
        tx: &mut MemoryTx<S>,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        tx.state
            .as_mut()
            .heartbeat(id, expires_after, now)
            .map_err(|error| out_of_range("heartbeat", error))
    }

    async fn post_in(
        &self,
        tx: &mut MemoryTx<S>,
        posting: &Posting,
        _now: Timestamp,
    ) -> Result<Posted, StoreError> {
        tx.state
            .as_mut()
            .post(posting)
            .map_err(|error| out_of_range("post", error))
    }

    async fn set_limits_in(
        &self,
        tx: &mut MemoryTx<S>,
        limits: &SetLimits,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        tx.state.as_mut().set_limits(limits);
        Ok(())
    }

    async fn erase_in(
        &self,
        tx: &mut MemoryTx<S>,
        account: AccountId,
        _tombstone: AccountId,
    ) -> Result<(), StoreError> {
        tx.state.as_mut().erase(account);
        Ok(())
    }
}

fn out_of_range(operation: &'static str, error: AmountError) -> StoreError {
    StoreError::new(StoreErrorKind::OutOfRange, "memory", operation).caused_by(error)
}
