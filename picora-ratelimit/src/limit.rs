//! One limit: a name, a rule, and what happens when it has no room.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Calendar, Gcra, Name, PolicyError, Rolling, Rule, Window};

/// What a limit without room does to the check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exceeded {
    /// The check is denied, and nothing is charged to any limit.
    #[default]
    Deny,
    /// Who asks has to prove something first, such as a captcha. The limit counts *every* check that no other limit denies, the
    /// challenged ones too, so that asking again does not make it forget.
    Challenge,
    /// Nothing: the limit is tried out. It is charged when it has room, and [`Decision::shadow_denied`](crate::Decision::shadow_denied)
    /// tells what it would have done.
    Shadow,
}

/// One limit of a policy.
///
/// ```
/// use picora_ratelimit::{Exceeded, Limit};
/// use std::time::Duration;
/// let minute = Limit::window("minute", 600, Duration::from_secs(60))?;
/// let burst = Limit::gcra("burst", 10, Duration::from_secs(1), 30)?;
/// assert_eq!((minute.rule().most(), burst.rule().most()), (600, 30));
/// assert_eq!(burst.shadowed().exceeded(), Exceeded::Shadow);
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    name: Name,
    rule: Rule,
    exceeded: Exceeded,
}

impl Limit {
    /// A rule under a name, that denies when it has no room.
    ///
    /// # Errors
    /// [`PolicyError::Name`].
    pub fn new(name: &str, rule: Rule) -> Result<Self, PolicyError> {
        let name = Name::new(name)?;
        let exceeded = Exceeded::Deny;
        Ok(Self {
            name,
            rule,
            exceeded,
        })
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

    /// At most `limit` in any span of `length`; see [`Rolling::new`].
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn rolling(name: &str, limit: u64, length: Duration) -> Result<Self, PolicyError> {
        Self::new(name, Rule::Rolling(Rolling::new(limit, length)?))
    }

    /// At most `limit` in each UTC day; see [`Calendar::day`].
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn daily(name: &str, limit: u64) -> Result<Self, PolicyError> {
        Self::new(name, Rule::Calendar(Calendar::day(limit)?))
    }

    /// At most `limit` in each UTC month; see [`Calendar::month`].
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn monthly(name: &str, limit: u64) -> Result<Self, PolicyError> {
        Self::new(name, Rule::Calendar(Calendar::month(limit)?))
    }

    /// The same limit, that challenges instead of denying.
    #[must_use]
    pub const fn challenging(self) -> Self {
        Self {
            exceeded: Exceeded::Challenge,
            ..self
        }
    }

    /// The same limit, that only tells what it would have done.
    #[must_use]
    pub const fn shadowed(self) -> Self {
        Self {
            exceeded: Exceeded::Shadow,
            ..self
        }
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

    /// As [`rule`](Self::rule), in place.
    pub(crate) const fn rule_ref(&self) -> &Rule {
        &self.rule
    }

    /// What happens when it has no room.
    #[must_use]
    pub const fn exceeded(&self) -> Exceeded {
        self.exceeded
    }

    /// The same limit under another rule.
    pub(crate) const fn with_rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let rule = self.rule.scaled(factor)?;
        Ok(Self { rule, ..self })
    }

    pub(crate) fn divided(self, shares: NonZeroU32) -> Result<Self, PolicyError> {
        let rule = self.rule.divided(shares)?;
        Ok(Self { rule, ..self })
    }
}
