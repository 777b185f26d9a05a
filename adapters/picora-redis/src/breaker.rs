//! When to ask at all: a circuit breaker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a breaker opens, and for how long.
///
/// **Boundaries**: it opens at the `failures`th failure in a row, and lets one probe through once `open_for` has passed; a probe that
/// succeeds closes it, one that fails opens it for as long again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// How many failures in a row open it; 5.
    pub failures: u32,
    /// How long nobody is let through then; 500 ms.
    pub open_for: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_millis(500),
        }
    }
}

/// Failures in a row, and until when nobody is let through. Instants are spans since the limiter was made.
#[derive(Debug)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Duration>,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: Mutex::default(),
        }
    }

    /// Whether a call may be made now. While it is open, one is let through each time the pause has passed, as a probe.
    pub(crate) fn lets_through(&self, now: Duration) -> bool {
        let mut state = self.hold();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now.saturating_add(self.config.open_for));
                true
            }
        }
    }

    pub(crate) fn succeeded(&self) {
        *self.hold() = State::default();
    }

    pub(crate) fn failed(&self, now: Duration) {
        let mut state = self.hold();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.config.failures {
            state.open_until = Some(now.saturating_add(self.config.open_for));
        }
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_opens_at_the_last_failure_in_a_row_and_probes_once_a_pause() {
        let breaker = Breaker::new(BreakerConfig {
            failures: 3,
            open_for: ms(100),
        });
        breaker.failed(ms(0));
        breaker.failed(ms(1));
        breaker.succeeded();
        breaker.failed(ms(2));
        breaker.failed(ms(3));
        assert!(breaker.lets_through(ms(4)));
        breaker.failed(ms(5));
        assert!(!breaker.lets_through(ms(6)));
        assert!(!breaker.lets_through(ms(104)));
        assert!(breaker.lets_through(ms(105)), "the probe");
        assert!(!breaker.lets_through(ms(106)), "one probe");
        breaker.failed(ms(110));
        assert!(!breaker.lets_through(ms(209)));
        assert!(breaker.lets_through(ms(210)));
        breaker.succeeded();
        assert!(breaker.lets_through(ms(211)) && breaker.lets_through(ms(212)));
    }
}
