//! So many calls in any stretch of time.

use std::time::Duration;

use picora_core::Timestamp;

/// A token bucket in integers: a burst of calls, and then one in each interval.
///
/// **Boundaries**: in no stretch `t`, wherever it begins, are more than `burst + t / every` calls taken. A clock that goes back gives
/// nothing.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_quota::echo::Budget;
/// use std::time::Duration;
/// let mut budget = Budget::new(2, Duration::from_secs(1));
/// let now = Timestamp::from_unix_seconds(100);
/// assert!(budget.take(now).is_ok() && budget.take(now).is_ok());
/// assert_eq!(budget.take(now), Err(Timestamp::from_unix_seconds(101)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    burst: u32,
    every: Duration,
    /// When the bucket is full again.
    full_at: Timestamp,
}

impl Budget {
    /// A full bucket. `burst` 0 counts as 1: a budget of nothing would wait for ever.
    #[must_use]
    pub fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst: burst.max(1),
            every,
            full_at: Timestamp::EPOCH,
        }
    }

    /// Takes one call. **Errors**: when one can be taken; nothing was taken then.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let ready = self.ready_at();
        if now < ready {
            return Err(ready);
        }
        self.full_at = self.full_at.max(now).saturating_add(self.every);
        Ok(())
    }

    /// From when on a call can be taken.
    #[must_use]
    pub fn ready_at(&self) -> Timestamp {
        let rest = self.every.saturating_mul(self.burst - 1);
        self.full_at.saturating_sub(rest)
    }
}
