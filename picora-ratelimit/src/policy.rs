//! A named set of limits that hold together.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;

use siphasher::sip::SipHasher13;

use crate::rolling::Reach;
use crate::{Exceeded, LeaseTerms, Limit, Name, PolicyError, Rule};

/// The limits of one subject, decided as one: all have room, or nothing is charged to any.
///
/// **Units**: at least one limit, each under its own name. **Errors**: [`PolicyError`]; a policy that exists is exact and can be kept.
/// **Source**: design decision 3; facts "several limits as one decision".
///
/// ```
/// use picora_ratelimit::{Limit, Policy};
/// use std::num::NonZeroU32;
/// use std::time::Duration;
///
/// let read = Policy::new("read", [
///     Limit::window("minute", 600, Duration::from_secs(60))?,
///     Limit::gcra("burst", 10, Duration::from_secs(1), 30)?,
/// ])?;
/// let admin = read.scaled(NonZeroU32::new(10).unwrap())?;
/// assert_eq!(admin.limits()[0], Limit::window("minute", 6_000, Duration::from_secs(60))?);
/// assert_eq!(admin.limits()[1], Limit::gcra("burst", 100, Duration::from_secs(1), 300)?);
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: Name,
    limits: Box<[Limit]>,
    most: u64,
    cells: usize,
    reach: Reach,
    tag: u64,
    lease: Option<LeaseTerms>,
}

impl Policy {
    /// These limits under one name, in the order in which decisions report them.
    ///
    /// # Errors
    /// [`PolicyError::Name`], [`PolicyError::Empty`], [`PolicyError::TooManyLimits`], [`PolicyError::DuplicateLimit`] or
    /// [`PolicyError::MixedLog`].
    pub fn new(name: &str, limits: impl IntoIterator<Item = Limit>) -> Result<Self, PolicyError> {
        let policy = Name::new(name)?;
        let limits: Box<[Limit]> = limits.into_iter().collect();
        if limits.is_empty() {
            return Err(PolicyError::Empty { policy });
        }
        if limits.len() > MOST_LIMITS {
            let given = limits.len();
            return Err(PolicyError::TooManyLimits { policy, given });
        }
        for (at, limit) in limits.iter().enumerate() {
            if limits[..at]
                .iter()
                .any(|earlier| earlier.name() == limit.name())
            {
                let limit = limit.name();
                return Err(PolicyError::DuplicateLimit { policy, limit });
            }
        }
        if mixes_logs(&limits) {
            return Err(PolicyError::MixedLog { policy });
        }
        Ok(Self::of(policy, limits, None))
    }

    fn of(name: Name, limits: Box<[Limit]>, lease: Option<LeaseTerms>) -> Self {
        let rolling = limits.iter().filter_map(rolling);
        Self {
            name,
            most: limits.iter().map(|it| it.rule().most()).min().unwrap_or(0),
            cells: limits.len() - rolling.clone().count(),
            reach: rolling.fold(Reach::NONE, Reach::and),
            tag: tag(&limits),
            limits,
            lease,
        }
    }

    /// The same name over other limits, which can be told apart as these can.
    pub(crate) fn with(&self, limits: Box<[Limit]>, lease: Option<LeaseTerms>) -> Self {
        Self::of(self.name, limits, lease)
    }

    /// How it is leased; none when each check asks the store.
    #[must_use]
    pub const fn lease(&self) -> Option<LeaseTerms> {
        self.lease
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// Its limits, in order.
    #[must_use]
    pub const fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The same policy with every limit, rate and burst `factor` times as large. What is stored keeps its meaning: a subject that
    /// changes from one to the other keeps what it has used.
    ///
    /// # Errors
    /// [`PolicyError::InexactRate`] when an emission interval does not divide by the factor, [`PolicyError::TooLarge`].
    pub fn scaled(&self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let scaled = self.limits.iter().map(|limit| limit.scaled(factor));
        let limits: Result<_, _> = scaled.collect();
        Ok(self.with(limits?, self.lease))
    }

    /// One of `shares` equal parts: what each of so many processes may let pass by itself, so that all together stay within the policy.
    ///
    /// Where a limit or burst does not divide, it is the nearest stricter policy: rounded down. A rate always divides, because its
    /// emission interval is multiplied. **Boundaries**: a limit below `shares` becomes 1, which is the one case in which all parts
    /// together are more than the whole. Windows and spans keep their lengths.
    ///
    /// ```
    /// use picora_ratelimit::{Gcra, Rule, Tier, Tiers};
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    /// let upload = Tiers::standard().of(Tier::Upload).divided(NonZeroU32::new(4).unwrap())?;
    /// assert_eq!(upload.limits()[0].rule().most(), 15); // 60 a minute
    /// assert_eq!(upload.limits()[1].rule(), Rule::Gcra(Gcra::every(Duration::from_secs(4), 1)?)); // 5 at once
    /// # Ok::<(), picora_ratelimit::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// [`PolicyError::TooLarge`], when an emission interval or a burst times it reaches 2^52 µs.
    pub fn divided(&self, shares: NonZeroU32) -> Result<Self, PolicyError> {
        let divided = self.limits.iter().map(|limit| limit.divided(shares));
        let limits: Result<_, _> = divided.collect();
        Ok(self.with(limits?, None))
    }

    /// The largest cost that all its limits can let pass.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// A number that differs when its limits decide differently; for this process alone.
    pub(crate) const fn tag(&self) -> u64 {
        self.tag
    }

    /// How many cells a record has under it.
    pub(crate) const fn cells(&self) -> usize {
        self.cells
    }

    /// How far its rolling limits look; none when it has none.
    pub(crate) const fn reach(&self) -> Option<Reach> {
        if self.reach.most == 0 {
            None
        } else {
            Some(self.reach)
        }
    }
}

/// What its limits do, as one number: policies of the same number decide alike.
fn tag(limits: &[Limit]) -> u64 {
    let mut hasher = SipHasher13::new();
    for limit in limits {
        (limit.rule(), limit.exceeded()).hash(&mut hasher);
    }
    hasher.finish()
}

fn mixes_logs(limits: &[Limit]) -> bool {
    let challenging = |limit: &&Limit| limit.exceeded() == Exceeded::Challenge;
    let rolling = limits.iter().filter(|limit| rolling(limit).is_some());
    let challenges = rolling.clone().filter(challenging).count();
    challenges > 0 && challenges < rolling.count()
}

const fn rolling(limit: &Limit) -> Option<crate::Rolling> {
    match limit.rule() {
        Rule::Rolling(rule) => Some(rule),
        Rule::Calendar(_) | Rule::Gcra(_) | Rule::Window(_) => None,
    }
}

/// A record counts its cells in one byte, and a script unpacks all of them at once.
const MOST_LIMITS: usize = 64;
