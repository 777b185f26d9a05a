//! Days and months of the UTC calendar.

use std::num::NonZeroU32;

use picora_core::{CalendarDay, CalendarMonth, Timestamp};

use crate::{Cell, CellKind, PolicyError, exact, window};

/// So many in each UTC day, or in each UTC month, whatever its length.
///
/// **Units**: the limit in cost units, below 2^52. **Boundaries**: a day holds its first microsecond and not the next day's; reaching the
/// limit is allowed, passing it is not. **Errors**: [`PolicyError`]. **Source**: requirement C59 (calendar limits), rows #208–#209; other
/// limiters take 30 days for a month.
///
/// ```
/// use picora_ratelimit::{Calendar, CalendarUnit};
/// let uploads = Calendar::month(10_000)?;
/// assert_eq!((uploads.limit(), uploads.unit()), (10_000, CalendarUnit::Month));
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Calendar {
    limit: u64,
    unit: CalendarUnit,
}

/// Which page of the calendar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarUnit {
    /// From midnight to midnight UTC.
    Day,
    /// From the first to the first, midnight UTC.
    Month,
}

impl Calendar {
    /// At most `limit` in each UTC day.
    ///
    /// # Errors
    /// [`PolicyError`] when the limit is zero or too large.
    pub fn day(limit: u64) -> Result<Self, PolicyError> {
        Self::new(limit, CalendarUnit::Day)
    }

    /// At most `limit` in each UTC month.
    ///
    /// # Errors
    /// As [`Calendar::day`].
    pub fn month(limit: u64) -> Result<Self, PolicyError> {
        Self::new(limit, CalendarUnit::Month)
    }

    fn new(limit: u64, unit: CalendarUnit) -> Result<Self, PolicyError> {
        let limit = exact::count("a calendar limit", limit)?;
        Ok(Self { limit, unit })
    }

    /// How much one day or month admits.
    #[must_use]
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// Whether it counts days or months.
    #[must_use]
    pub const fn unit(self) -> CalendarUnit {
        self.unit
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let limit = exact::product("a calendar limit", self.limit, u64::from(factor.get()))?;
        Ok(Self { limit, ..self })
    }

    pub(crate) const fn divided(self, shares: NonZeroU32) -> Self {
        let limit = exact::share(self.limit, shares);
        Self { limit, ..self }
    }

    /// The day or month that counts at `now`, from what is stored, by the rules of [`Window`](crate::Window): one that runs is kept to its
    /// end, and so is the next one; one further ahead moves its count to the present.
    pub(crate) fn settle(self, stored: Cell, now: Timestamp) -> Cell {
        let two = match self.unit {
            CalendarUnit::Day => 2 * DAY,
            CalendarUnit::Month => 62 * DAY, // July and August; December and January
        };
        if stored.is(CellKind::Calendar) && window::runs(stored, two, now) {
            return stored;
        }
        Cell::calendar(
            self.end(now),
            window::moved(stored, CellKind::Calendar, now),
        )
    }

    fn end(self, at: Timestamp) -> i64 {
        let end = match self.unit {
            CalendarUnit::Day => CalendarDay::of(at).end(),
            CalendarUnit::Month => CalendarMonth::of(at).end(),
        };
        end.unix_micros()
    }
}

/// Microseconds.
const DAY: i64 = 86_400 * 1_000_000;
