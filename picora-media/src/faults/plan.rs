//! Which call goes wrong, and how.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::future::poll_fn;
use picora_core::{StoreError, StoreErrorKind};

use super::Fault;

/// The calls so far and the faults to come.
#[derive(Debug, Default)]
pub(super) struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<&'static str>,
    at: BTreeMap<usize, Fault>,
    every: BTreeMap<&'static str, Fault>,
    hesitating: bool,
}

/// What a call does, which decides how it can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It changes nothing.
    Read,
    /// It changes an open transaction, or opens one.
    Step,
    /// It is a whole transaction, or ends one.
    Whole,
}

/// One call: its method, what it does, and how it goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    method: &'static str,
    work: Work,
    fault: Option<Fault>,
    pauses: usize,
}

impl Plan {
    pub(super) fn fail_at(&self, call: usize, fault: Fault) {
        self.state().at.insert(call, fault);
    }

    pub(super) fn fail_every(&self, method: &'static str, fault: Fault) {
        self.state().every.insert(method, fault);
    }

    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.at.clear();
        state.every.clear();
    }

    pub(super) fn set_hesitating(&self, hesitating: bool) {
        self.state().hesitating = hesitating;
    }

    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// Counts a call and looks up its fate.
    pub(super) fn next(&self, method: &'static str, work: Work) -> Turn {
        let mut state = self.state();
        state.calls.push(method);
        let number = state.calls.len();
        let fault = state.at.remove(&number);
        Turn {
            method,
            work,
            fault: fault.or_else(|| state.every.get(method).copied()),
            pauses: usize::from(state.hesitating),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Does the call's work, or not, and answers as its fate says: the one place where anything goes wrong.
    pub(super) async fn carry_out<R>(
        self,
        work: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        self.pause().await;
        match (self.fault, self.work) {
            (Some(Fault::Conflict), Work::Step | Work::Whole) => {
                return Err(self.error(StoreErrorKind::Conflict));
            }
            (Some(Fault::FailBefore | Fault::Conflict), _) => {
                return Err(self.error(StoreErrorKind::Unavailable));
            }
            _ => {}
        }
        let done = work.await;
        self.pause().await;
        let lost = match (self.fault, self.work) {
            (Some(Fault::FailAfter), Work::Whole) => StoreErrorKind::Unknown,
            (Some(Fault::FailAfter | Fault::Deny), _) => StoreErrorKind::Unavailable,
            _ => return done,
        };
        done.and_then(|_| Err(self.error(lost)))
    }

    /// Whether what the call does to its transaction is to be undone behind its caller's back.
    pub(super) fn forgets(self) -> bool {
        self.fault == Some(Fault::Forget)
    }

    /// Pending once, if asked to hesitate.
    async fn pause(self) {
        let mut pauses = self.pauses;
        poll_fn(|context| match pauses {
            0 => Poll::Ready(()),
            _ => {
                pauses -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }

    fn error(self, kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, "faulty memory", self.method).caused_by("an injected fault")
    }
}
