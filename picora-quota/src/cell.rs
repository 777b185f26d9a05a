//! One number of an account: how much is used, how much is reserved, and the limit of both together.

use picora_core::{Amount, AmountError, Dimension, Limit, Limits, Tally, Timestamp, Window};

/// What a cell counts.
///
/// The order is the order in which stores lock rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// A dimension of the plan.
    Dimension(Dimension),
    /// A part of a dimension that is kept by itself, without a limit of its own.
    Tally(Tally),
    /// Reservations that are neither settled nor expired. Every reservation takes one, in the same step as the rest, so that unfinished
    /// uploads stay bounded.
    OpenReservations,
}

impl Counter {
    /// The name that stores write: the plan's field, or `open_reservations`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dimension(dimension) => dimension.field(),
            Self::Tally(tally) => tally.name(),
            Self::OpenReservations => OPEN_RESERVATIONS,
        }
    }

    /// The counter of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == OPEN_RESERVATIONS {
            return Some(Self::OpenReservations);
        }
        let dimension = Dimension::from_field(name).map(Self::Dimension);
        dimension.or_else(|| Tally::from_name(name).map(Self::Tally))
    }

    /// The name in `meta.type` of a denial.
    #[must_use]
    pub const fn meta_type(self) -> &'static str {
        match self {
            Self::Dimension(dimension) => dimension.meta_type(),
            Self::Tally(tally) => tally.name(),
            Self::OpenReservations => OPEN_RESERVATIONS,
        }
    }

    /// Every counter of an account with its limit, in their order.
    pub fn limits(
        limits: &Limits,
        open_reservations: Limit,
    ) -> impl Iterator<Item = (Self, Limit)> + '_ {
        let dimensions = limits
            .iter()
            .map(|(dimension, limit)| (Self::Dimension(dimension), limit));
        let tallies = Tally::ALL.map(|tally| (Self::Tally(tally), Limit::Unlimited));
        dimensions
            .chain(tallies)
            .chain([(Self::OpenReservations, open_reservations)])
    }

    /// The limit of a counter of an account that nobody has given any.
    #[must_use]
    pub const fn without_limits(self) -> Limit {
        match self {
            Self::Tally(_) => Limit::Unlimited,
            Self::Dimension(_) | Self::OpenReservations => Limit::NOTHING,
        }
    }

    /// The key of its cell at `now`; `None` where nothing is kept because each item is checked by itself.
    #[must_use]
    pub fn key_at(self, now: Timestamp) -> Option<CellKey> {
        let window = match self {
            Self::Dimension(dimension) => dimension.window_at(now)?,
            Self::Tally(tally) => tally.dimension().window_at(now)?,
            Self::OpenReservations => Window::Always,
        };
        Some(CellKey {
            counter: self,
            window,
        })
    }
}

/// Which cell of an account: a counter and the window that it sums over. Ordered as stores lock rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// What it counts.
    pub counter: Counter,
    /// Over which time.
    pub window: Window,
}

/// The content of a cell.
///
/// **Boundaries**: `used + reserved <= limit` admits; a lowered limit or a posting may leave it above, and then nothing more is admitted
/// until it falls. **Errors**: [`AmountError`] when a number would be negative or above 2^62; the cell is unchanged.
///
/// ```
/// use picora_core::{Amount, Limit};
/// use picora_quota::Cell;
/// let cell = Cell { used: Amount::from(60), reserved: Amount::from(30), limit: Limit::Max(Amount::from(100)) };
/// assert_eq!(cell.room(), Some(Amount::from(10)));
/// assert_eq!(cell.moved(20, -30)?.used, Amount::from(80));
/// assert!(cell.moved(-61, 0).is_err());
/// # Ok::<(), picora_core::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Committed.
    pub used: Amount,
    /// Held by open reservations.
    pub reserved: Amount,
    /// The bound of both together.
    pub limit: Limit,
}

impl Cell {
    /// A cell in which nothing has happened yet.
    #[must_use]
    pub const fn empty(limit: Limit) -> Self {
        Self {
            used: Amount::ZERO,
            reserved: Amount::ZERO,
            limit,
        }
    }

    /// How much more fits; `None` without a limit.
    #[must_use]
    pub fn room(self) -> Option<Amount> {
        self.limit.room(self.taken())
    }

    /// Used and reserved together, at most 2^62.
    #[must_use]
    pub fn taken(self) -> Amount {
        self.used.checked_add(self.reserved).unwrap_or(Amount::MAX)
    }

    /// The cell after a change. It does not ask for room; [`decide`](crate::decide) has.
    pub const fn moved(self, used: i64, reserved: i64) -> Result<Self, AmountError> {
        let (used, reserved) = match (
            self.used.checked_change(used),
            self.reserved.checked_change(reserved),
        ) {
            (Ok(used), Ok(reserved)) => (used, reserved),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        match used.checked_add(reserved) {
            Ok(_) => Ok(Self {
                used,
                reserved,
                limit: self.limit,
            }),
            Err(error) => Err(error),
        }
    }
}

/// A movement of one cell, as a store applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which cell.
    pub key: CellKey,
    /// What is added to `used`.
    pub used: i64,
    /// What is added to `reserved`.
    pub reserved: i64,
}

const OPEN_RESERVATIONS: &str = "open_reservations";
