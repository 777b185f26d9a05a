//! The time and the random numbers of this machine, which no crate of Picora fetches for itself.

use picora_core::{Clock, Entropy, Timestamp};

#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::EPOCH.saturating_add(since_epoch)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system has random bytes");
    }
}
