//! The cloud's time: this machine's, moved by tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use picora_core::{Clock, Timestamp};

/// Runs as this machine's clock does, from wherever a test has put it. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct CloudClock(Arc<AtomicI64>);

impl CloudClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for CloudClock {
    fn now(&self) -> Timestamp {
        let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let real = real.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX));
        Timestamp::from_unix_micros(real.saturating_add(self.0.load(Ordering::SeqCst)))
    }
}
