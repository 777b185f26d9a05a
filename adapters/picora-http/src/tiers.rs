//! The product's rule of who pays: the account for the tier, the credential for the hourly ceiling.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::request::Parts;
use picora_core::{AccountId, KeyId};
use picora_ratelimit::{PolicyError, Subject, SubjectHasher, SubjectKey, Tier, Tiers};

use crate::{Charge, Charges};

/// Who sent a request; put into its extensions by whoever has checked the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose account it is.
    pub account: AccountId,
    /// The API key, or the token under the id that it has in its place.
    pub credential: KeyId,
    /// Whether all its limits are those of an admin.
    pub admin: bool,
}

/// Who shares a tier's budget (C9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TierScope {
    /// All credentials of an account, as the documents say: sharing a key across machines does not multiply the budget.
    #[default]
    Account,
    /// Nobody: each credential has its own.
    Credential,
}

/// The policies of everyone, shared by the layers of all routes.
///
/// **Source**: rows #221–#231, C9, C61 (a batch costs one), C63 (admins have ten times the tiers and the ceiling).
#[derive(Clone, Debug)]
pub struct TierBudgets {
    everyone: Tiers,
    admins: Tiers,
    hasher: SubjectHasher,
    scope: TierScope,
}

impl TierBudgets {
    /// These tiers, and ten times as much for admins.
    ///
    /// # Errors
    /// [`PolicyError`], when ten times as much cannot be kept exactly; never for [`Tiers::standard`].
    pub fn new(tiers: Tiers, hasher: SubjectHasher) -> Result<Self, PolicyError> {
        Ok(Self {
            admins: tiers.scaled(ADMIN_FACTOR)?,
            everyone: tiers,
            hasher,
            scope: TierScope::default(),
        })
    }

    /// The same with another multiplier for admins.
    ///
    /// # Errors
    /// As [`TierBudgets::new`].
    pub fn with_admin_factor(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let admins = self.everyone.scaled(factor)?;
        Ok(Self { admins, ..self })
    }

    /// The same with another scope.
    #[must_use]
    pub fn with_scope(self, scope: TierScope) -> Self {
        Self { scope, ..self }
    }

    /// What a route of this tier charges, for its [`LimitLayer`](crate::LimitLayer).
    #[must_use]
    pub fn for_tier(self: &Arc<Self>, tier: Tier) -> TierCharges {
        TierCharges {
            budgets: Arc::clone(self),
            tier,
        }
    }

    /// What one request of this tier costs whom.
    #[must_use]
    pub fn charge(&self, tier: Tier, principal: &Principal) -> Charge<'_> {
        let tiers = if principal.admin {
            &self.admins
        } else {
            &self.everyone
        };
        Charge {
            home: self.hasher.key("account", principal.account.as_bytes()),
            subjects: vec![
                Subject {
                    key: self.tier_key(tier, principal),
                    policy: tiers.of(tier),
                },
                Subject {
                    key: self.hasher.key("ceiling", principal.credential.as_bytes()),
                    policy: tiers.ceiling(),
                },
            ],
            cost: 1,
        }
    }

    fn tier_key(&self, tier: Tier, principal: &Principal) -> SubjectKey {
        let owner = match self.scope {
            TierScope::Account => principal.account.as_bytes(),
            TierScope::Credential => principal.credential.as_bytes(),
        };
        let namespace = match tier {
            Tier::Mutation => "tier:mutation",
            Tier::Read => "tier:read",
            Tier::Upload => "tier:upload",
        };
        self.hasher.key(namespace, owner)
    }
}

/// What the routes of one tier charge to the [`Principal`] in a request's extensions; nobody there, nobody pays.
#[derive(Clone, Debug)]
pub struct TierCharges {
    budgets: Arc<TierBudgets>,
    tier: Tier,
}

impl Charges for TierCharges {
    fn charge<'a>(&'a self, request: &Parts) -> Option<Charge<'a>> {
        let principal = request.extensions.get::<Principal>()?;
        Some(self.budgets.charge(self.tier, principal))
    }
}

/// Row #231.
const ADMIN_FACTOR: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");
