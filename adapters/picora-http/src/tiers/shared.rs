//! Tiers whose policies a charge can own at the price of a counter.

use std::sync::Arc;

use picora_ratelimit::{Policy, Tier, Tiers};

#[derive(Clone, Debug)]
pub(super) struct SharedTiers {
    mutation: Arc<Policy>,
    read: Arc<Policy>,
    upload: Arc<Policy>,
    ceiling: Arc<Policy>,
}

impl SharedTiers {
    pub(super) fn of(tiers: &Tiers) -> Self {
        let shared = |policy: &Policy| Arc::new(policy.clone());
        Self {
            mutation: shared(tiers.of(Tier::Mutation)),
            read: shared(tiers.of(Tier::Read)),
            upload: shared(tiers.of(Tier::Upload)),
            ceiling: shared(tiers.ceiling()),
        }
    }

    pub(super) fn of_tier(&self, tier: Tier) -> Arc<Policy> {
        Arc::clone(match tier {
            Tier::Mutation => &self.mutation,
            Tier::Read => &self.read,
            Tier::Upload => &self.upload,
        })
    }

    pub(super) fn ceiling(&self) -> Arc<Policy> {
        Arc::clone(&self.ceiling)
    }
}
