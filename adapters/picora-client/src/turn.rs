//! Taking turns: what several requests of one client do when the server limits them.
//!
//! The server names the wait after which *one* more request passes. If all that were turned away came back then, one would pass and the
//! others had wasted a retry; with a burst behind a slow limit most of them would run out of retries. So requests of one tier queue as soon
//! as one of them is limited, and each waits and asks again alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::backoff::{Setback, Step};
use crate::retry::{Retry, Trouble};

/// The queue of one tier. It is open while nobody is in it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    turn: Mutex<()>,
    queued: AtomicUsize,
}

/// The turn of one request; the next one's begins when it is dropped.
struct Turn<'a> {
    _turn: MutexGuard<'a, ()>,
    _place: Place<'a>,
    /// Whether another one's turn came first.
    queued: bool,
}

/// A place in the queue, given up also when the request is given up while it queues.
struct Place<'a>(&'a AtomicUsize);

impl Turns {
    async fn queue(&self) -> Turn<'_> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.queued);
        let (turn, queued) = match self.turn.try_lock() {
            Ok(turn) => (turn, false),
            Err(_) => (self.turn.lock().await, true),
        };
        Turn {
            _turn: turn,
            _place: place,
            queued,
        }
    }

    async fn queue_if_limited(&self) -> Option<Turn<'_>> {
        match self.queued.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(self.queue().await),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Attempts something until it is in no trouble or the rule gives up, and answers what the last attempt came to.
///
/// `attempt` is told how often it was tried before. Time in the queue counts as waiting, and never shortens a wait.
pub(crate) async fn repeat<T>(
    retry: &Retry,
    turns: &Turns,
    repeatable: bool,
    mut attempt: impl AsyncFnMut(u32) -> (T, Option<Trouble>),
) -> T {
    let mut turn = turns.queue_if_limited().await;
    let mut retries = 0;
    loop {
        let (outcome, trouble) = attempt(retries).await;
        let Some(trouble) = trouble else {
            return outcome;
        };
        let Step::Wait(wait) = retry.step(trouble, repeatable, retries) else {
            return outcome;
        };
        let mut until = Instant::now() + wait;
        if trouble.setback == Setback::RateLimited && turn.is_none() {
            let mine = turns.queue().await;
            if mine.queued {
                // The one before has just passed: what the server named for both is used up.
                until = until.max(Instant::now() + retry.first_wait());
            }
            turn = Some(mine);
        }
        tokio::time::sleep_until(until).await;
        retries += 1;
    }
}

#[cfg(test)]
mod tests;
