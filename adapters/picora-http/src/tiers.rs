//! The product's rule of who pays: the account for the tier, the credential for the hourly ceiling.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use http::request::Parts;
use picora_core::{AccountId, KeyId};
use picora_ratelimit::captcha::CaptchaLevel;
use picora_ratelimit::{Namespace, PolicyError, SubjectHasher, SubjectKey, Tier, Tiers};
use smallvec::smallvec;

use crate::{Charge, Charges, Live, Payer};
use shared::SharedTiers;

mod shared;

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

/// What an account has instead of everybody's tiers, as data that an operator keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierOverride {
    /// Everybody's tiers and ceiling, so many times as large.
    Factor(NonZeroU32),
    /// Tiers of its own.
    Tiers(Box<Tiers>),
}

/// The policies of everyone, shared by the layers of all routes.
///
/// **Boundaries**: an account with an override has that, whether or not an admin asks. **Source**: rows #221–#231, C9, C61 (a batch costs
/// one), C63 (admins have ten times the tiers and the ceiling).
#[derive(Clone, Debug)]
pub struct TierBudgets {
    tiers: Tiers,
    everyone: SharedTiers,
    admins: SharedTiers,
    overrides: HashMap<AccountId, SharedTiers>,
    keys: Namespaces,
    scope: TierScope,
}

impl TierBudgets {
    /// These tiers, and ten times as much for admins.
    ///
    /// # Errors
    /// [`PolicyError`], when ten times as much cannot be kept exactly; never for [`Tiers::standard`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "both are settings, handed over"
    )]
    pub fn new(tiers: Tiers, hasher: SubjectHasher) -> Result<Self, PolicyError> {
        Ok(Self {
            admins: SharedTiers::of(&tiers.scaled(ADMIN_FACTOR)?),
            everyone: SharedTiers::of(&tiers),
            overrides: HashMap::new(),
            keys: Namespaces::of(&hasher),
            scope: TierScope::default(),
            tiers,
        })
    }

    /// The same with another multiplier for admins.
    ///
    /// # Errors
    /// As [`TierBudgets::new`].
    pub fn with_admin_factor(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let admins = SharedTiers::of(&self.tiers.scaled(factor)?);
        Ok(Self { admins, ..self })
    }

    /// The same with what one account has instead; a later override of the same account takes the place of an earlier one.
    ///
    /// # Errors
    /// [`PolicyError`], when so many times as much cannot be kept exactly.
    pub fn with_override(
        mut self,
        account: AccountId,
        instead: TierOverride,
    ) -> Result<Self, PolicyError> {
        let tiers = match instead {
            TierOverride::Factor(factor) => self.tiers.scaled(factor)?,
            TierOverride::Tiers(tiers) => *tiers,
        };
        self.overrides.insert(account, SharedTiers::of(&tiers));
        Ok(self)
    }

    /// The same with another scope.
    #[must_use]
    pub fn with_scope(self, scope: TierScope) -> Self {
        Self { scope, ..self }
    }

    /// What a route of this tier charges, for its [`LimitLayer`](crate::LimitLayer).
    #[must_use]
    pub fn for_tier(self: &Arc<Self>, tier: Tier) -> TierCharges {
        Arc::new(Live::from(Arc::clone(self))).for_tier(tier)
    }

    /// What one request of this tier costs whom.
    #[must_use]
    pub fn charge(&self, tier: Tier, principal: &Principal) -> Charge {
        let tiers = self.tiers_of(principal);
        let of_tier = Payer {
            key: self.tier_key(tier, principal),
            policy: SharedTiers::position(tier),
        };
        let ceiling = Payer {
            key: self.keys.ceiling.key(principal.credential.as_bytes()),
            policy: SharedTiers::CEILING,
        };
        Charge {
            home: self.keys.account.key(principal.account.as_bytes()),
            policies: tiers.policies(),
            payers: smallvec![of_tier, ceiling],
            cost: 1,
            solved: false,
            challenge: CaptchaLevel::Managed,
            tier: tier.name(),
        }
    }

    fn tiers_of(&self, principal: &Principal) -> &SharedTiers {
        let class = if principal.admin {
            &self.admins
        } else {
            &self.everyone
        };
        if self.overrides.is_empty() {
            return class; // no hash for the many who have none
        }
        self.overrides.get(&principal.account).unwrap_or(class)
    }

    fn tier_key(&self, tier: Tier, principal: &Principal) -> SubjectKey {
        let owner = match self.scope {
            TierScope::Account => principal.account.as_bytes(),
            TierScope::Credential => principal.credential.as_bytes(),
        };
        let namespace = match tier {
            Tier::Mutation => &self.keys.mutation,
            Tier::Read => &self.keys.read,
            Tier::Upload => &self.keys.upload,
        };
        namespace.key(owner)
    }
}

impl Live<TierBudgets> {
    /// What a route of this tier charges, by the budgets of the moment.
    #[must_use]
    pub fn for_tier(self: &Arc<Self>, tier: Tier) -> TierCharges {
        TierCharges {
            budgets: Arc::clone(self),
            tier,
            cost: NonZeroU64::MIN,
        }
    }
}

/// What the routes of one tier charge to the [`Principal`] in a request's extensions; nobody there, nobody pays.
#[derive(Clone, Debug)]
pub struct TierCharges {
    budgets: Arc<Live<TierBudgets>>,
    tier: Tier,
    cost: NonZeroU64,
}

impl TierCharges {
    /// The same where each request costs so much, for routes whose work is that of several (C61). A client has no say in it.
    #[must_use]
    pub fn costing(self, cost: NonZeroU64) -> Self {
        Self { cost, ..self }
    }
}

impl Charges for TierCharges {
    fn charge(&self, request: &Parts) -> Option<Charge> {
        let principal = request.extensions.get::<Principal>()?;
        let charge = |budgets: &TierBudgets| budgets.charge(self.tier, principal);
        let mut charge = self.budgets.read(charge);
        charge.cost = self.cost.get();
        Some(charge)
    }
}

/// What the fingerprints of each kind begin with.
#[derive(Clone, Debug)]
struct Namespaces {
    account: Namespace,
    ceiling: Namespace,
    mutation: Namespace,
    read: Namespace,
    upload: Namespace,
}

impl Namespaces {
    fn of(hasher: &SubjectHasher) -> Self {
        Self {
            account: hasher.namespace("account"),
            ceiling: hasher.namespace("ceiling"),
            mutation: hasher.namespace("tier:mutation"),
            read: hasher.namespace("tier:read"),
            upload: hasher.namespace("tier:upload"),
        }
    }
}

/// Row #231.
const ADMIN_FACTOR: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");
