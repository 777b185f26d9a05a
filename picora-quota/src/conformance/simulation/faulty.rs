//! A store that fails before it is asked, or after it has answered.

use picora_core::{Entropy, SeededEntropy, StoreError, StoreErrorKind};
use std::future::Future;

/// Chance, and the trouble that it makes.
#[derive(Debug)]
pub(super) struct Trouble {
    chance: SeededEntropy,
    pub(super) over: bool,
}

impl Trouble {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            chance: SeededEntropy::new(seed),
            over: false,
        }
    }

    pub(super) fn below(&self, bound: u32) -> u32 {
        let mut bytes = [0; 4];
        self.chance.fill(&mut bytes);
        u32::from_le_bytes(bytes) % bound
    }

    /// Asks the store, or does not: `Unavailable` means that it was never asked, `Unknown` that it may have been.
    pub(super) async fn ask<T>(
        &self,
        step: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let failed = |kind| Err(StoreError::new(kind, "simulation", "answer"));
        match self.below(10) {
            _ if self.over => step.await,
            0 => failed(StoreErrorKind::Unavailable),
            1 => {
                let _lost = step.await?;
                failed(StoreErrorKind::Unknown)
            }
            2 if self.below(2) == 0 => failed(StoreErrorKind::Unknown),
            _ => step.await,
        }
    }
}
