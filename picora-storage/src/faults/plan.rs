//! Which call goes wrong, and how.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::future::poll_fn;
use object_store::{Error, Result};

use super::Fault;

/// The calls so far and the faults to come, shared by a store and its uploads.
#[derive(Debug, Default)]
pub(super) struct Plan {
    calls: AtomicUsize,
    down: AtomicBool,
    hesitating: AtomicBool,
    faults: Mutex<BTreeMap<usize, Fault>>,
}

/// One call: its number, and how it goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    number: usize,
    pub(super) fault: Option<Fault>,
}

impl Plan {
    pub(super) fn fail_at(&self, call: usize, fault: Fault) {
        self.faults().insert(call, fault);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, SeqCst);
    }

    pub(super) fn set_hesitating(&self, hesitating: bool) {
        self.hesitating.store(hesitating, SeqCst);
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Counts a call and looks up its fate.
    pub(super) fn next(&self) -> Turn {
        let number = self.calls.fetch_add(1, SeqCst) + 1;
        let fault = if self.down.load(SeqCst) {
            Some(Fault::FailBefore)
        } else {
            self.faults().remove(&number)
        };
        Turn { number, fault }
    }

    /// Pending once, if asked to hesitate.
    pub(super) async fn pause(&self) {
        let mut pauses = usize::from(self.hesitating.load(SeqCst));
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

    /// Does the call's work, or not, and answers as its fate says.
    pub(super) async fn carry_out<T>(
        &self,
        turn: Turn,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.pause().await;
        if turn.fault == Some(Fault::FailBefore) {
            return Err(turn.error());
        }
        let done = work.await;
        self.pause().await;
        match turn.fault {
            Some(_) => done.and_then(|_| Err(turn.error())),
            None => done,
        }
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<usize, Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The same call where there is no half to do.
    pub(super) fn indivisible(self) -> Self {
        let fault = match self.fault {
            Some(Fault::Truncate) => Some(Fault::FailBefore),
            other => other,
        };
        Self { fault, ..self }
    }

    pub(super) fn error(self) -> Error {
        Error::Generic {
            store: "FaultyStore",
            source: format!("injected fault at call {}", self.number).into(),
        }
    }
}
