//! Prices: whole minor units with their currency, never a fraction.

use std::fmt;

/// A currency that Picora sells in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Currency {
    /// Renminbi, in fen.
    Cny,
    /// United States dollar, in cents.
    Usd,
}

impl Currency {
    /// The ISO 4217 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
            Self::Usd => "USD",
        }
    }

    /// The currency of an ISO 4217 code in upper case, if Picora sells in it.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Cny, Self::Usd]
            .into_iter()
            .find(|currency| currency.code() == code)
    }
}

/// An amount of money in minor units (cents, fen) of one currency.
///
/// **Errors**: [`MoneyError`] when two currencies meet or a result does not fit; nothing is converted or rounded. **Source**: #20, design
/// decision 10.
///
/// ```
/// use picora_core::{Currency, Money};
/// let price = Money::new(499, Currency::Usd);
/// assert_eq!(price.to_string(), "4.99 USD");
/// assert_eq!(price.checked_add(price)?.minor(), 998);
/// assert!(price.checked_add(Money::new(900, Currency::Cny)).is_err());
/// # Ok::<(), picora_core::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units; a refund is negative.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum. **Errors**: [`MoneyError`] for two currencies or a sum outside 64 bits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::OutOfRange)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minor) = (
            if self.minor < 0 { "-" } else { "" },
            self.minor.unsigned_abs(),
        );
        write!(
            f,
            "{sign}{}.{:02} {}",
            minor / 100,
            minor % 100,
            self.currency.code()
        )
    }
}

/// Why two amounts of money have no sum. State is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// They are of two currencies.
    #[error("{} and {} do not add up", .0.code(), .1.code())]
    Currencies(Currency, Currency),
    /// The sum does not fit 64 bits.
    #[error("the sum of money does not fit 64 bits")]
    OutOfRange,
}
