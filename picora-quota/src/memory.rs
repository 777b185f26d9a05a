//! The ports on a store in memory whose state holds [`Books`].

use std::time::Duration;

use async_trait::async_trait;
use picora_core::memory::{Marked, MemoryStore, MemoryTx};
use picora_core::{
    AccountId, AdjustmentId, Amount, AmountError, ChangeMark, Dimension, Posting, ReservationId,
    SetLimits, StoreError, StoreErrorKind, Timestamp,
};

use crate::echo::{EchoSource, Numbers};
use crate::{
    AccountFacts, Adjusted, Adjustment, Alert, Books, Counter, Extended, HistoryPoint,
    HistoryQuery, Items, Ledger, LedgerIn, LedgerReports, Posted, Recount, Recounted, Reservation,
    Reserve, Reserved, Seen, Settled, UsageLine,
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

    async fn post(&self, posting: &Posting, now: Timestamp) -> Result<Posted, StoreError> {
        self.with(|state| state.as_mut().post(posting, now))
            .map_err(|error| out_of_range("post", error))
    }

    async fn set_limits(&self, limits: &SetLimits, now: Timestamp) -> Result<(), StoreError> {
        self.with(|state| state.as_mut().set_limits(limits, now))
            .map_err(|error| out_of_range("set limits", error))
    }

    async fn adjust(
        &self,
        adjustment: &Adjustment,
        now: Timestamp,
    ) -> Result<Adjusted, StoreError> {
        self.with(|state| state.as_mut().adjust(adjustment, now))
            .map_err(|error| out_of_range("adjust", error))
    }

    async fn withdraw(
        &self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.with(|state| state.as_mut().withdraw(account, id, now))
            .map_err(|error| out_of_range("withdraw", error))
    }

    async fn refresh(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        self.with(|state| state.as_mut().refresh(most, now))
            .map_err(|error| out_of_range("refresh limits", error))
    }

    async fn correct(&self, recount: &Recount, now: Timestamp) -> Result<Recounted, StoreError> {
        self.with(|state| state.as_mut().correct(recount, now))
            .map_err(|error| out_of_range("correct", error))
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
impl<S: AsRef<Books> + AsMut<Books> + Send> LedgerReports for MemoryStore<S> {
    async fn adjustments(&self, account: AccountId) -> Result<Vec<Adjustment>, StoreError> {
        Ok(self.read(|state| state.as_ref().adjustments(account)))
    }

    async fn alerts(&self, account: AccountId) -> Result<Vec<Alert>, StoreError> {
        Ok(self.read(|state| state.as_ref().alerts(account)))
    }

    async fn history(
        &self,
        account: AccountId,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, StoreError> {
        Ok(self.read(|state| state.as_ref().history(account, query)))
    }

    async fn roll_up(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        Ok(self.with(|state| state.as_mut().roll_up(most, now)))
    }

    async fn accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        Ok(self.read(|state| state.as_ref().accounts(after, most)))
    }

    async fn seen(&self, account: AccountId, counter: Counter) -> Result<Seen, StoreError> {
        Ok(self.read(|state| state.as_ref().seen(account, counter)))
    }

    async fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, StoreError> {
        self.read(|state| state.as_ref().facts(account, now))
            .map_err(|error| out_of_range("read the books", error))
    }
}

impl Marked for Books {
    fn mark(&self, account: AccountId, now: Timestamp) -> ChangeMark {
        Self::mark(self, account, now)
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
        now: Timestamp,
    ) -> Result<Posted, StoreError> {
        tx.state
            .as_mut()
            .post(posting, now)
            .map_err(|error| out_of_range("post", error))
    }

    async fn set_limits_in(
        &self,
        tx: &mut MemoryTx<S>,
        limits: &SetLimits,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tx.state
            .as_mut()
            .set_limits(limits, now)
            .map_err(|error| out_of_range("set limits", error))
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

#[async_trait]
impl<S: AsRef<Books> + AsMut<Books> + Send> EchoSource for MemoryStore<S> {
    /// It does not know when, so it names all accounts.
    async fn moved(
        &self,
        _since: Timestamp,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        Ok(self.read(|state| state.as_ref().accounts(after, most)))
    }

    async fn numbers(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError> {
        Ok(self.read(|state| {
            let numbers = accounts
                .iter()
                .filter_map(|it| state.as_ref().numbers(*it, now));
            numbers.collect()
        }))
    }

    async fn every(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        Ok(self.read(|state| state.as_ref().accounts(after, most)))
    }
}
