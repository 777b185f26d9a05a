//! Where random bytes come from: an argument, so that a run can be repeated from its seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random bytes.
///
/// Production passes the operating system's generator: ids would do with less, API key secrets would not.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills the whole slice.
    fn fill(&self, out: &mut [u8]);
}

/// The same bytes for the same seed, for tests and simulations. Never for secrets.
///
/// ```
/// use picora_core::{Entropy, SeededEntropy};
/// let (mut a, mut b) = ([0; 12], [0; 12]);
/// SeededEntropy::new(42).fill(&mut a);
/// SeededEntropy::new(42).fill(&mut b);
/// assert_eq!(a, b);
/// ```
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// A source that repeats for one seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 bits: SplitMix64 (Steele, Lea, Flood 2014), whose counter makes it safe to share.
    pub fn next_u64(&self) -> u64 {
        let state = self
            .0
            .fetch_add(GOLDEN_GAMMA, Ordering::Relaxed)
            .wrapping_add(GOLDEN_GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
