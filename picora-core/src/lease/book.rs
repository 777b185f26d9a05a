//! Leases in memory: plain state, and the ports on a store whose state holds it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{Held, Holder, Lease, LeaseName, Leases, LeasesIn};
use crate::memory::{MemoryStore, MemoryTx};
use crate::{StoreError, Timestamp};

/// All leases, in memory.
#[derive(Clone, Debug, Default)]
pub struct LeaseBook(BTreeMap<LeaseName, Held>);

impl LeaseBook {
    /// What is known of a lease.
    #[must_use]
    pub fn held(&self, name: LeaseName) -> Held {
        self.0.get(&name).copied().unwrap_or(Held::NEVER)
    }

    /// Keeps what a rule answered, if it changed anything.
    fn keep(&mut self, name: LeaseName, held: Option<Held>) -> Option<Lease> {
        let held = held?;
        self.0.insert(name, held);
        Some(held.lease(name))
    }
}

impl AsRef<Self> for LeaseBook {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for LeaseBook {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

#[async_trait]
impl<S: AsRef<LeaseBook> + AsMut<LeaseBook> + Send> Leases for MemoryStore<S> {
    async fn acquire(
        &self,
        name: LeaseName,
        holder: Holder,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        Ok(self.with(|state| {
            let book: &mut LeaseBook = state.as_mut();
            book.keep(name, book.held(name).acquire(holder, length, now))
        }))
    }

    async fn renew(
        &self,
        lease: &Lease,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        Ok(self.with(|state| {
            let book: &mut LeaseBook = state.as_mut();
            book.keep(lease.name, book.held(lease.name).renew(lease, length, now))
        }))
    }

    async fn give_back(&self, lease: &Lease) -> Result<bool, StoreError> {
        Ok(self.with(|state| {
            let book: &mut LeaseBook = state.as_mut();
            book.keep(lease.name, book.held(lease.name).give_back(lease))
                .is_some()
        }))
    }
}

/// A lease that is taken while the transaction runs makes the transaction a conflict, as every change does.
#[async_trait]
impl<S: AsRef<LeaseBook> + AsMut<LeaseBook> + Send> LeasesIn<MemoryTx<S>> for MemoryStore<S> {
    async fn guard_in(
        &self,
        tx: &mut MemoryTx<S>,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let book: &LeaseBook = tx.state.as_ref();
        Ok(book.held(lease.name).is_held_by(lease, now))
    }
}
