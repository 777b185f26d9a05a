//! A store that fails, cuts short or hesitates on demand, for crash tests.
//!
//! Tests enumerate instead of sampling: count the calls of an undisturbed run, then run once for each call and each [`Fault`], and once
//! for each poll after which the future is dropped.
//!
//! ```
//! use std::sync::Arc;
//! use object_store::memory::InMemory;
//! use picora_storage::faults::{Fault, FaultyStore, poll_at_most};
//! use picora_storage::{ObjectWriter, object};
//!
//! # futures::executor::block_on(async {
//! let path = "media/a/b".into();
//! let store = FaultyStore::new(Arc::new(InMemory::new()));
//! store.fail_at(1, Fault::FailAfter); // it is done, and the answer is lost
//! let mut writer = ObjectWriter::new(&store, path);
//! writer.write("bytes".into()).await.unwrap();
//! let error = writer.finish().await.unwrap_err();
//! assert_eq!(error.kind(), picora_core::StoreErrorKind::Unknown);
//! assert_eq!(object::length(&store, &"media/a/b".into()).await.unwrap().map(|n| n.get()), Some(5));
//! assert_eq!(store.calls(), 2);
//!
//! store.hesitate(true); // each call yields once before and once after its work
//! assert!(poll_at_most(object::length(&store, &"media/a/b".into()), 2).is_none());
//! # });
//! ```

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use object_store::ObjectStore;

use self::plan::Plan;

mod cut;
mod plan;
mod store;
mod upload;

/// How one call goes wrong. The caller sees an error each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done.
    FailBefore,
    /// Everything was done, and the answer was lost.
    FailAfter,
    /// Half was done: half of the bytes of a `put` or of a part are stored, half of an object is read, one object is listed. A call
    /// that has no half fails before.
    Truncate,
}

impl Fault {
    /// All faults, for tests that enumerate.
    pub const ALL: [Self; 3] = [Self::FailBefore, Self::FailAfter, Self::Truncate];
}

/// An [`ObjectStore`] whose n-th call goes wrong.
///
/// Calls are counted from 1: every method of the store, and every part, completion and abort of its uploads. A stream (list, delete) is
/// one call, however long it is.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Plan>,
}

impl FaultyStore {
    /// Wraps a store that works.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// Makes this call go wrong, counted from 1 since the store was made.
    pub fn fail_at(&self, call: usize, fault: Fault) {
        self.plan.fail_at(call, fault);
    }

    /// Makes the call that comes next go wrong.
    pub fn fail_next(&self, fault: Fault) {
        self.plan.fail_at(self.calls() + 1, fault);
    }

    /// While down, every call fails before it does anything.
    pub fn set_down(&self, down: bool) {
        self.plan.set_down(down);
    }

    /// Whether each call answers `Pending` once before and once after its work, so that a test can drop it at either.
    pub fn hesitate(&self, hesitate: bool) {
        self.plan.set_hesitating(hesitate);
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.plan.calls()
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", self.inner)
    }
}

/// Polls a future so many times and drops it; its output when it was ready by then.
///
/// With a store in memory that hesitates, the polls of a run are the same each time, so `0..` enumerates every place where a future
/// can be dropped.
pub fn poll_at_most<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}
