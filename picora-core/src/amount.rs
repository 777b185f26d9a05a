//! Quantities: bytes or a count, in the unit of the dimension that they belong to.

use std::fmt;

/// A quantity of bytes or of things, never negative.
///
/// **Units**: those of its [`Dimension`](crate::Dimension): bytes, or a count. **Boundaries**: `0..=2^62`, both inclusive, so that the
/// sum of any two fits a signed 64-bit column. **Errors**: [`AmountError`] when a value or a result leaves the range; nothing
/// wraps and nothing is clamped. **Source**: design decision 10.
///
/// ```
/// use picora_core::Amount;
/// let photo = Amount::new(3_000_000)?;
/// assert_eq!(photo.checked_add(photo)?.get(), 6_000_000);
/// assert!(Amount::new(u64::MAX).is_err());
/// # Ok::<(), picora_core::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One thing.
    pub const ONE: Self = Self(1);
    /// The largest amount, 2^62.
    pub const MAX: Self = Self(1 << 62);

    /// Takes a number of bytes or of things.
    ///
    /// **Errors**: [`AmountError`] above 2^62.
    pub const fn new(value: u64) -> Result<Self, AmountError> {
        if value <= Self::MAX.0 {
            Ok(Self(value))
        } else {
            Err(AmountError::TooLarge)
        }
    }

    /// Takes a number of bytes or of things, and 2^62 for anything above it.
    ///
    /// For measured sizes that cannot be near the bound; a limit or a sum goes through [`Amount::new`].
    ///
    /// ```
    /// # use picora_core::Amount;
    /// assert_eq!(Amount::saturating(7).get(), 7);
    /// assert_eq!(Amount::saturating(u64::MAX), Amount::MAX);
    /// ```
    #[must_use]
    pub const fn saturating(value: u64) -> Self {
        if value <= Self::MAX.0 {
            Self(value)
        } else {
            Self::MAX
        }
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a signed 64-bit column holds it.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        self.0.cast_signed() // exact: at most 2^62
    }

    /// Reads a signed 64-bit column back.
    ///
    /// **Errors**: [`AmountError`] when it is negative or above 2^62.
    pub const fn from_i64(value: i64) -> Result<Self, AmountError> {
        if value < 0 {
            Err(AmountError::Negative)
        } else {
            Self::new(value.cast_unsigned())
        }
    }

    /// The sum. **Errors**: [`AmountError::TooLarge`] above 2^62.
    pub const fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        Self::new(self.0 + other.0) // both at most 2^62, so the sum fits u64
    }

    /// The difference. **Errors**: [`AmountError::Negative`] when `other` is larger.
    pub const fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Ok(Self(rest)),
            None => Err(AmountError::Negative),
        }
    }

    /// What is left of `self` after `other`, and zero when nothing is.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Adds a signed change. **Errors**: [`AmountError`] when the result leaves `0..=2^62`.
    ///
    /// ```
    /// # use picora_core::{Amount, AmountError};
    /// let ten = Amount::new(10)?;
    /// assert_eq!(ten.checked_change(-10)?, Amount::ZERO);
    /// assert_eq!(ten.checked_change(-11), Err(AmountError::Negative));
    /// # Ok::<(), AmountError>(())
    /// ```
    pub const fn checked_change(self, delta: i64) -> Result<Self, AmountError> {
        match self.to_i64().checked_add(delta) {
            Some(sum) => Self::from_i64(sum),
            None => Err(AmountError::TooLarge),
        }
    }
}

impl From<u32> for Amount {
    fn from(value: u32) -> Self {
        Self(u64::from(value))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a number is not an [`Amount`]. State is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The value or the result is below zero.
    #[error("the amount would be negative")]
    Negative,
    /// The value or the result is above 2^62.
    #[error("the amount would exceed 2^62")]
    TooLarge,
}
