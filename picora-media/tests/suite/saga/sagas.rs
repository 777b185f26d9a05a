//! A runtime on one thread that does nothing by itself.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use picora_media::Detach;

use super::host::MOST_POLLS;

/// Sagas that run when a test says so.
#[derive(Default)]
pub(super) struct Sagas(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Detach for Sagas {
    fn detach(&self, saga: BoxFuture<'static, ()>) {
        self.with(|sagas| sagas.push(saga));
    }
}

impl Sagas {
    /// Polls each saga once, in the order in which they began.
    pub(super) fn step(&self) {
        let mut sagas = self.with(std::mem::take);
        sagas.retain_mut(|saga| poll(saga.as_mut()).is_pending());
        self.with(|begun| begun.splice(..0, sagas).for_each(drop));
    }

    /// Polls one saga once.
    pub(super) fn step_one(&self, which: usize) {
        let mut saga = self.with(|sagas| sagas.remove(which));
        if poll(saga.as_mut()).is_pending() {
            self.with(|sagas| sagas.insert(which.min(sagas.len()), saga));
        }
    }

    /// Runs all sagas to their ends.
    pub(super) fn run(&self) {
        for _ in 0..MOST_POLLS {
            if self.under_way() == 0 {
                return;
            }
            self.step();
        }
        panic!("a saga never ends");
    }

    pub(super) fn under_way(&self) -> usize {
        self.with(|sagas| sagas.len())
    }

    /// The process dies: nothing of what was to be done is done.
    pub(super) fn crash(&self) {
        drop(self.with(std::mem::take));
    }

    /// No lock is held while a saga runs or is dropped: it may begin another.
    fn with<R>(&self, step: impl FnOnce(&mut Vec<BoxFuture<'static, ()>>) -> R) -> R {
        step(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
