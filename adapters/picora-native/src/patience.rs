//! How long is waited, and what for.

use std::time::Duration;

use tokio::time::Instant;

/// How long is waited, and how often tried.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// How long for a connection.
    pub connect_timeout: Duration,
    /// How long nothing may come.
    pub read_timeout: Duration,
    /// How long one call may take in all; what it sends has a second more for each 128 KiB.
    pub budget: Duration,
    /// How long a store may join parts or copy, once it has begun to answer.
    pub joining: Duration,
    /// How often a request is sent at most.
    pub attempts: u32,
}

/// Ten minutes: what vendors say of joining many parts is "minutes".
pub const JOINING: Duration = Duration::from_secs(10 * 60);

/// The time that one call has, whatever it takes: tries, pauses, and answers but for the bytes of objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When all of it is over.
    pub(crate) end: Instant,
    /// What one try may take.
    one: Duration,
}

impl Patience {
    /// Of a call that begins now and sends so many bytes.
    pub(crate) fn new(waits: &Waits, sends: usize) -> Self {
        // What is sent takes its time, also over a slow line.
        let sending = Duration::from_secs(sends as u64 / SLOWEST_LINE);
        Self {
            end: after(waits.budget.saturating_add(sending)),
            one: waits.read_timeout.saturating_add(sending),
        }
    }

    /// When a try that begins now is given up.
    pub(crate) fn of_one(&self) -> Instant {
        self.end.min(after(self.one))
    }

    /// How long to wait before another try, by chance, and as long as the store wants; `None` when there is no time left for one.
    pub(crate) fn pause(
        &self,
        retries: u32,
        named: Option<Duration>,
        chance: u64,
    ) -> Option<Duration> {
        let pause = jittered(retries, chance).max(named.unwrap_or_default());
        (pause < self.end.saturating_duration_since(Instant::now())).then_some(pause)
    }
}

/// So long after now; what no clock reaches is far away.
pub(crate) fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + FAR)
}

/// Anything from nothing to 200 ms · 4^n, so that those who failed together do not come back together.
fn jittered(retries: u32, chance: u64) -> Duration {
    let most = FIRST_PAUSE
        .saturating_mul(4_u32.saturating_pow(retries))
        .min(LONGEST_PAUSE);
    let nanos = most.as_nanos() * u128::from(chance) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Any number, all of them alike; without random numbers, all wait longest.
pub(crate) fn chance() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX)
}

/// Thirty years.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Bytes in a second.
const SLOWEST_LINE: u64 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waits_are_far_away() {
        let waits = Waits {
            connect_timeout: Duration::MAX,
            read_timeout: Duration::MAX,
            budget: Duration::MAX,
            joining: Duration::MAX,
            attempts: u32::MAX,
        };
        let patience = Patience::new(&waits, usize::MAX);
        let tomorrow = Instant::now() + Duration::from_secs(86_400);
        assert!(patience.end > tomorrow && patience.of_one() > tomorrow);
        assert_eq!(patience.pause(0, None, 0), Some(Duration::ZERO));
    }

    #[test]
    fn pauses_are_anything_up_to_a_bound_that_grows() {
        for (retries, most) in [(0, 200), (1, 800), (2, 3_200), (3, 10_000), (99, 10_000)] {
            assert_eq!(jittered(retries, 0), Duration::ZERO);
            assert_eq!(jittered(retries, u64::MAX), Duration::from_millis(most));
            let half = jittered(retries, u64::MAX / 2);
            assert_eq!(half.as_millis(), u128::from(most) / 2 - 1);
        }
    }
}
