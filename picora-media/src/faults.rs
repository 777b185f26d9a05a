//! A store that fails, forgets or hesitates on demand, for crash tests of the use cases.
//!
//! Tests enumerate instead of sampling: count the calls of an undisturbed run, then run once for each call and each [`Fault`], and once
//! for each poll after which a future is dropped. Its twin for bytes is picora-storage's `FaultyStore`.
//!
//! ```
//! use std::sync::Arc;
//! use picora_core::{StoreErrorKind, Transact};
//! use picora_media::Accounts;
//! use picora_media::faults::{Fault, FaultyMedia};
//! use picora_media::memory::MemoryMedia;
//!
//! # futures::executor::block_on(async {
//! let store = FaultyMedia::new(Arc::new(MemoryMedia::default()));
//! store.fail_at(2, Fault::FailAfter); // it is done, and the answer is lost
//! let tx = store.begin().await.unwrap();
//! assert_eq!(store.finish(tx).await.unwrap_err().kind(), StoreErrorKind::Unknown);
//! assert_eq!(store.count_accounts().await.unwrap(), 0);
//! assert_eq!(store.calls(), ["begin", "finish", "count_accounts"]);
//! # });
//! ```

use std::fmt;
use std::sync::Arc;

use self::plan::Plan;
use crate::memory::MemoryMedia;

mod plan;
mod ports;

/// How one call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done: another transaction was there first. A read never loses a race, so it fails as before its work.
    Conflict,
    /// Nothing was done: the store was unavailable.
    FailBefore,
    /// A whole transaction was done, and the answer is that it was not: a broken store. No use case can be right about it, but none may
    /// destroy what is stored. All else is unavailable.
    Deny,
    /// A whole transaction was done, and its answer was lost: `Unknown`. A read, and a write in an open transaction, which dies with
    /// it, are unavailable.
    FailAfter,
    /// A write in an open transaction answers as if it were done and is not: a broken store. No use case can bear it; a test that does
    /// not notice it proves nothing.
    Forget,
}

impl Fault {
    /// The faults that a use case must bear, for tests that enumerate.
    pub const ALL: [Self; 3] = [Self::Conflict, Self::FailBefore, Self::FailAfter];
}

/// The store of the use cases, in memory, whose n-th call goes wrong.
///
/// Calls are counted from 1: every method of every port. **State**: that of the [`MemoryMedia`] within, which a test looks at undisturbed.
#[derive(Clone)]
pub struct FaultyMedia {
    inner: Arc<MemoryMedia>,
    plan: Arc<Plan>,
}

impl FaultyMedia {
    /// Wraps a store that works.
    #[must_use]
    pub fn new(inner: Arc<MemoryMedia>) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// Makes this call go wrong, counted from 1 since the store was made.
    pub fn fail_at(&self, call: usize, fault: Fault) {
        self.plan.fail_at(call, fault);
    }

    /// Makes every call of this method go wrong, such as `condemn_in`.
    pub fn fail_every(&self, method: &'static str, fault: Fault) {
        self.plan.fail_every(method, fault);
    }

    /// Forgets all faults that have not come true yet.
    pub fn heal(&self) {
        self.plan.heal();
    }

    /// Whether each call answers `Pending` once before and once after its work, so that a test can drop it at either.
    pub fn hesitate(&self, hesitate: bool) {
        self.plan.set_hesitating(hesitate);
    }

    /// The methods that were called, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.plan.calls()
    }
}

impl fmt::Debug for FaultyMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyMedia")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
