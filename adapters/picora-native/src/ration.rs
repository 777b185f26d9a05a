//! How many restores a vendor takes in a second.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::failure::Failure;

/// The ration of a bucket: whoever asks gets his turn in the order of asking, and never more than so many get theirs in any second.
#[derive(Debug)]
pub(crate) struct Ration {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>,
    clock: Ticks,
    /// From one turn to the next.
    period: Duration,
    /// Held by him whose turn is next; it is handed on in order.
    front: Mutex<()>,
    waiting: AtomicU32,
}

impl Ration {
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let clock = Ticks(Instant::now());
        // One at a time: a burst would make twice as many of the second that begins with it.
        let quota = Quota::per_second(a_second).allow_burst(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock),
            clock,
            period: Duration::from_secs(1) / a_second.get(),
            front: Mutex::new(()),
            waiting: AtomicU32::new(0),
        }
    }

    /// Waits for a turn.
    ///
    /// **Errors**: [`Failure::Throttled`], at once, when there are so many before that it would not come in time.
    pub(crate) async fn turn(&self, end: Instant) -> Result<(), Failure> {
        let (place, before) = Place::take(&self.waiting);
        let after = self.period.saturating_mul(before);
        let late = || Err(Failure::Throttled { after });
        if end.saturating_duration_since(Instant::now()) < after {
            return late();
        }
        let turn = async {
            let _front = self.front.lock().await;
            while let Err(not_yet) = self.limiter.check() {
                sleep(not_yet.wait_time_from(self.clock.now())).await;
            }
        };
        let came = timeout_at(end, turn).await;
        drop(place);
        came.or_else(|_| late())
    }
}

/// A place in the queue, given up also when a restore is given up while it waits.
struct Place<'a>(&'a AtomicU32);

impl<'a> Place<'a> {
    /// A place, and how many are before it.
    fn take(waiting: &'a AtomicU32) -> (Self, u32) {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        (Self(waiting), before)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The runtime's time, which tests may hold.
#[derive(Clone, Copy, Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests;
