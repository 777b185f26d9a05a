//! The peer's side.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

pub(crate) struct Peer {
    minute: DefaultKeyedRateLimiter<String>,
    hour: DefaultKeyedRateLimiter<String>,
}

impl Peer {
    pub(crate) fn new() -> Self {
        let quota = |n| NonZeroU32::new(n).expect("not zero");
        Self {
            minute: RateLimiter::keyed(Quota::per_minute(quota(600)).allow_burst(quota(30))),
            hour: RateLimiter::keyed(Quota::per_hour(quota(5_000))),
        }
    }

    /// Two limiters on the same key: the second is charged only when the first allows, and the first keeps its charge when the
    /// second denies.
    pub(crate) fn decide(&self, account: &String) -> bool {
        self.minute.check_key(account).is_ok() && self.hour.check_key(account).is_ok()
    }
}
