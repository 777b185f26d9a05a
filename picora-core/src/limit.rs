//! What bounds an amount.

use crate::{Amount, Dimension};

/// The bound of one dimension.
///
/// **Boundaries**: reaching a limit is allowed, passing it is not: `used + reserved + n <= max`. `Max(0)` allows nothing. There is
/// no number that means "unlimited"; [`Limit::Unlimited`] does. **Source**: requirement C4, facts "no sentinels".
///
/// ```
/// use picora_core::{Amount, Limit};
/// let limit = Limit::Max(Amount::from(100));
/// assert_eq!(limit.room(Amount::from(90)), Some(Amount::from(10)));
/// assert_eq!(limit.room(Amount::from(130)), Some(Amount::ZERO)); // lowered below what is used
/// assert_eq!(Limit::Unlimited.room(Amount::from(130)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// At most this much, inclusive.
    Max(Amount),
    /// No bound but [`Amount::MAX`].
    Unlimited,
}

impl Limit {
    /// Allows nothing.
    pub const NOTHING: Self = Self::Max(Amount::ZERO);

    /// What may still be added when `taken` is in use or reserved; `None` when there is no bound.
    #[must_use]
    pub fn room(self, taken: Amount) -> Option<Amount> {
        match self {
            Self::Max(max) => Some(max.saturating_sub(taken)),
            Self::Unlimited => None,
        }
    }

    /// The number that bounds, or `None`.
    #[must_use]
    pub const fn max(self) -> Option<Amount> {
        match self {
            Self::Max(max) => Some(max),
            Self::Unlimited => None,
        }
    }
}

/// One limit for every dimension: what an account may do.
///
/// ```
/// use picora_core::{Amount, Dimension, Limit, Limits};
/// let limits = Limits::NOTHING.with(Dimension::DocCount, Limit::Max(Amount::from(3)));
/// assert_eq!(limits.of(Dimension::DocCount), Limit::Max(Amount::from(3)));
/// assert_eq!(limits.of(Dimension::ImgStorage), Limit::NOTHING);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits([Limit; Dimension::ALL.len()]);

impl Limits {
    /// Nothing of anything.
    pub const NOTHING: Self = Self([Limit::NOTHING; Dimension::ALL.len()]);

    /// The limit of one dimension.
    #[must_use]
    pub const fn of(&self, dimension: Dimension) -> Limit {
        self.0[dimension as usize]
    }

    /// The same limits with one of them replaced.
    #[must_use]
    pub const fn with(mut self, dimension: Dimension, limit: Limit) -> Self {
        self.0[dimension as usize] = limit;
        self
    }

    /// Every dimension with its limit, in the order of [`Dimension::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, Limit)> + '_ {
        Dimension::ALL
            .into_iter()
            .map(|dimension| (dimension, self.of(dimension)))
    }
}
