//! Dice that fall the same way for the same seed.

use std::time::Duration;

use picora_core::SeededEntropy;

/// Where everything that happens in a history comes from.
#[derive(Debug)]
pub struct Chance(SeededEntropy);

impl Chance {
    /// Dice that repeat for one seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below this bound; zero for a bound of zero.
    #[must_use]
    pub fn below(&self, bound: u32) -> u32 {
        let number = self.0.next_u64() >> 32;
        let number = u32::try_from(number).unwrap_or(u32::MAX); // 32 bits are left
        number.checked_rem(bound).unwrap_or(0)
    }

    /// Whether it is this one of so many.
    #[must_use]
    pub fn one_in(&self, many: u32) -> bool {
        self.below(many) == 0
    }

    /// One of several.
    ///
    /// **Panics** when there is none.
    #[must_use]
    pub fn pick<'a, T>(&self, several: &'a [T]) -> &'a T {
        let many = u32::try_from(several.len()).unwrap_or(u32::MAX);
        &several[self.below(many) as usize]
    }

    /// So many seconds at most.
    pub(super) fn seconds(&self, most: u32) -> Duration {
        Duration::from_secs(u64::from(self.below(most + 1)))
    }
}
