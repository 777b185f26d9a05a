//! One limit: a name and a rule.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Gcra, Name, PolicyError, Window};

/// How one limit counts.
///
/// More kinds will come (a rolling log, calendar days and months); a store keeps one [`Cell`](crate::Cell) per limit, whatever its
/// kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A steady rate with a burst.
    Gcra(Gcra),
    /// So many in each fixed window.
    Window(Window),
}

impl Rule {
    /// The largest cost that can ever pass.
    #[must_use]
    pub const fn most(self) -> u64 {
        match self {
            Self::Gcra(rule) => rule.burst(),
            Self::Window(rule) => rule.limit(),
        }
    }

    /// Whether it is a window, which is what the header triplet describes.
    #[must_use]
    pub const fn is_window(self) -> bool {
        matches!(self, Self::Window(_))
    }
}

/// One limit of a policy.
///
/// ```
/// use picora_ratelimit::Limit;
/// use std::time::Duration;
/// let minute = Limit::window("minute", 600, Duration::from_secs(60))?;
/// let burst = Limit::gcra("burst", 10, Duration::from_secs(1), 30)?;
/// assert_eq!((minute.rule().most(), burst.rule().most()), (600, 30));
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    name: Name,
    rule: Rule,
}

impl Limit {
    /// A rule under a name.
    ///
    /// # Errors
    /// [`PolicyError::Name`].
    pub fn new(name: &str, rule: Rule) -> Result<Self, PolicyError> {
        let name = Name::new(name)?;
        Ok(Self { name, rule })
    }

    /// At most `limit` in each window of `length`; see [`Window::new`].
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn window(name: &str, limit: u64, length: Duration) -> Result<Self, PolicyError> {
        Self::new(name, Rule::Window(Window::new(limit, length)?))
    }

    /// `count` per `period`, up to `burst` at once; see [`Gcra::rate`].
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn gcra(name: &str, count: u64, period: Duration, burst: u64) -> Result<Self, PolicyError> {
        Self::new(name, Rule::Gcra(Gcra::rate(count, period, burst)?))
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// How it counts.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let rule = match self.rule {
            Rule::Gcra(rule) => Rule::Gcra(rule.scaled(factor)?),
            Rule::Window(rule) => Rule::Window(rule.scaled(factor)?),
        };
        Ok(Self { rule, ..self })
    }
}
