//! Tiers whose policies a charge can own at the price of one counter.

use std::sync::Arc;

use picora_ratelimit::{Policy, Tier, Tiers};

#[derive(Clone, Debug)]
pub(super) struct SharedTiers(Arc<[Policy]>);

impl SharedTiers {
    /// Where the ceiling stands, after the tiers.
    pub(super) const CEILING: usize = 3;

    pub(super) fn of(tiers: &Tiers) -> Self {
        let policies = [
            tiers.of(Tier::Mutation),
            tiers.of(Tier::Read),
            tiers.of(Tier::Upload),
            tiers.ceiling(),
        ];
        Self(policies.map(Policy::clone).into())
    }

    pub(super) const fn position(tier: Tier) -> usize {
        match tier {
            Tier::Mutation => 0,
            Tier::Read => 1,
            Tier::Upload => 2,
        }
    }

    pub(super) fn policies(&self) -> Arc<[Policy]> {
        Arc::clone(&self.0)
    }
}
