//! A store in memory with real transactions: optimistic, without a runtime, and no lock held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{AccountId, ChangeMark, Changes, StoreError, StoreErrorKind, Timestamp, Transact};

/// Holds one state `S` that transactions copy, change and swap back.
///
/// Domain crates implement their ports for `MemoryStore<S>` whenever `S` holds their part, so that several domains share one state and
/// one transaction. It is a test double and the embedded store of examples; what it holds is lost with the process.
///
/// ```
/// use picora_core::memory::MemoryStore;
/// let store = MemoryStore::new(1);
/// store.with(|number| *number += 1);
/// assert_eq!(store.with(|number| *number), 2);
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore<S>(Mutex<Versioned<S>>);

#[derive(Debug, Default)]
struct Versioned<S> {
    version: u64,
    state: S,
}

/// A copy of the state that a transaction works on. Dropping it undoes everything.
#[derive(Debug)]
pub struct MemoryTx<S> {
    based_on: u64,
    /// The working copy.
    pub state: S,
}

impl<S> MemoryStore<S> {
    /// A store that starts with this state.
    pub const fn new(state: S) -> Self {
        Self(Mutex::new(Versioned { version: 0, state }))
    }

    /// Runs one whole step on the state, alone.
    pub fn with<R>(&self, step: impl FnOnce(&mut S) -> R) -> R {
        let mut held = self.lock();
        held.version += 1;
        step(&mut held.state)
    }

    /// Looks at the state, alone.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.lock().state)
    }

    /// A panic elsewhere cannot have left a half step: transactions swap whole states, and `with` is used for single steps.
    fn lock(&self) -> MutexGuard<'_, Versioned<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A state that can tell whether something about an account has changed.
pub trait Marked {
    /// See [`Changes::marks`].
    fn mark(&self, account: AccountId, now: Timestamp) -> ChangeMark;
}

#[async_trait]
impl<S: Marked + Send> Changes for MemoryStore<S> {
    async fn marks(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<ChangeMark>, StoreError> {
        let mark = |state: &S| accounts.iter().map(|it| state.mark(*it, now)).collect();
        Ok(self.read(mark))
    }
}

#[async_trait]
impl<S: Clone + Send> Transact<MemoryTx<S>> for MemoryStore<S> {
    async fn begin(&self) -> Result<MemoryTx<S>, StoreError> {
        let held = self.lock();
        Ok(MemoryTx {
            based_on: held.version,
            state: held.state.clone(),
        })
    }

    async fn finish(&self, transaction: MemoryTx<S>) -> Result<(), StoreError> {
        let mut held = self.lock();
        if held.version != transaction.based_on {
            return Err(StoreError::new(
                StoreErrorKind::Conflict,
                "memory",
                "commit",
            ));
        }
        held.version += 1;
        held.state = transaction.state;
        Ok(())
    }
}
