//! The product's request tiers, with the numbers of its documents.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Limit, Policy, PolicyError};

/// What a route costs from: each account has one budget for each tier.
///
/// **Source**: rows #224–#229; other POSTs are mutations (C13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Changes anything, one call of a batch included: PATCH, DELETE and all other POSTs.
    Mutation,
    /// GET and HEAD of lists, details and the account's own pages.
    Read,
    /// The four uploads.
    Upload,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 3] = [Self::Mutation, Self::Read, Self::Upload];

    /// Its name in policies, metrics and fingerprints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutation => "mutation",
            Self::Read => "read",
            Self::Upload => "upload",
        }
    }
}

/// The policies of the three tiers, and the ceiling that holds for one credential over all of them.
///
/// | policy | window | burst | source |
/// |---|---|---|---|
/// | `read` | 600 per clock minute | 30, one per 100 ms | row #225 |
/// | `upload` | 60 per clock minute | 5, one per 1 s | row #227 |
/// | `mutation` | 120 per clock minute | 10, one per 500 ms | row #229 |
/// | `ceiling` | 5,000 per clock hour | none | row #230 |
///
/// ```
/// use picora_ratelimit::{Limit, Tier, Tiers};
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// let admin = Tiers::standard().scaled(NonZeroU32::new(10).unwrap())?;
/// assert_eq!(admin.of(Tier::Upload).limits()[0], Limit::window("minute", 600, Duration::from_secs(60))?);
/// assert_eq!(admin.ceiling().limits()[0], Limit::window("hour", 50_000, Duration::from_secs(3_600))?);
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    mutation: Policy,
    read: Policy,
    upload: Policy,
    ceiling: Policy,
}

impl Tiers {
    /// The numbers of the product's documents.
    #[must_use]
    pub fn standard() -> Self {
        let minute = |name, limit, burst| {
            Self::per_minute(name, limit, burst).expect("the documents' numbers are exact")
        };
        let ceiling = Self::per_hour(5_000).expect("the documents' numbers are exact");
        Self {
            mutation: minute(Tier::Mutation, 120, 10),
            read: minute(Tier::Read, 600, 30),
            upload: minute(Tier::Upload, 60, 5),
            ceiling,
        }
    }

    /// The same with one tier's numbers replaced: a window of `limit` per clock minute and a burst at that rate.
    ///
    /// # Errors
    /// [`PolicyError`], when the numbers cannot be kept exactly.
    pub fn with_tier(mut self, tier: Tier, limit: u64, burst: u64) -> Result<Self, PolicyError> {
        *self.slot(tier) = Self::per_minute(tier, limit, burst)?;
        Ok(self)
    }

    /// The same with another ceiling per clock hour.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn with_ceiling(self, limit: u64) -> Result<Self, PolicyError> {
        let ceiling = Self::per_hour(limit)?;
        Ok(Self { ceiling, ..self })
    }

    /// Everything `factor` times as large: limits, bursts and the ceiling. Admins have 10 (row #231, C63).
    ///
    /// # Errors
    /// As [`Policy::scaled`]; never for the standard numbers and a factor of 10.
    pub fn scaled(&self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        Ok(Self {
            mutation: self.mutation.scaled(factor)?,
            read: self.read.scaled(factor)?,
            upload: self.upload.scaled(factor)?,
            ceiling: self.ceiling.scaled(factor)?,
        })
    }

    /// The policy of a tier, an account's.
    #[must_use]
    pub const fn of(&self, tier: Tier) -> &Policy {
        match tier {
            Tier::Mutation => &self.mutation,
            Tier::Read => &self.read,
            Tier::Upload => &self.upload,
        }
    }

    /// The hourly ceiling, a credential's.
    #[must_use]
    pub const fn ceiling(&self) -> &Policy {
        &self.ceiling
    }

    const fn slot(&mut self, tier: Tier) -> &mut Policy {
        match tier {
            Tier::Mutation => &mut self.mutation,
            Tier::Read => &mut self.read,
            Tier::Upload => &mut self.upload,
        }
    }

    fn per_minute(tier: Tier, limit: u64, burst: u64) -> Result<Policy, PolicyError> {
        let window = Limit::window("minute", limit, MINUTE)?;
        let burst = Limit::gcra("burst", limit, MINUTE, burst)?;
        Policy::new(tier.name(), [window, burst])
    }

    fn per_hour(limit: u64) -> Result<Policy, PolicyError> {
        Policy::new("ceiling", [Limit::window("hour", limit, HOUR)?])
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
