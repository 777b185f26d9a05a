//! Days, months and windows, always in UTC.
//!
//! These are the clock of usage: bandwidth and upload counts start again on the first of a month for everybody (#48). The clock of
//! billing runs from each subscriber's own anchor and is another type, in picora-billing (design decision 9).

use std::fmt;

use ::time::{Date, Month};

use crate::Timestamp;

/// A UTC day.
///
/// **Boundaries**: from 00:00:00Z, inclusive, to the next day's 00:00:00Z, exclusive.
///
/// ```
/// use picora_core::{CalendarDay, Timestamp};
/// let leap = CalendarDay::of(Timestamp::from_unix_seconds(1_709_164_800)); // 2024-02-29
/// assert_eq!(leap.to_string(), "2024-02-29");
/// assert_eq!(CalendarDay::of(leap.end()).to_string(), "2024-03-01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDay {
    days_since_epoch: i64,
}

impl CalendarDay {
    /// The day that an instant falls into.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self {
            days_since_epoch: at.unix_seconds() / SECONDS_PER_DAY,
        }
    }

    /// Its first microsecond.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_unix_seconds(self.days_since_epoch * SECONDS_PER_DAY)
    }

    /// The first microsecond after it, which is the start of the next day.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        Timestamp::from_unix_seconds((self.days_since_epoch + 1) * SECONDS_PER_DAY)
    }

    /// Reads `YYYY-MM-DD`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (month, day) = text.rsplit_once('-')?;
        let (year, month) = parse_month(month)?;
        let date = Date::from_calendar_date(year, month, parse_digits(day, 2)?).ok()?;
        Some(Self::of(start_of(date)))
    }
}

impl fmt::Display for CalendarDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.start().to_civil().date();
        write!(
            f,
            "{:04}-{:02}-{:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        )
    }
}

/// A UTC month, written `2026-04` in keys and answers (#168).
///
/// **Boundaries**: from 00:00:00Z on the 1st, inclusive, to that of the next month, exclusive.
///
/// ```
/// use picora_core::{CalendarMonth, Timestamp};
/// let april = CalendarMonth::parse("2026-04").unwrap();
/// assert_eq!(CalendarMonth::of(april.start()), april);
/// assert_eq!(CalendarMonth::of(april.end()).to_string(), "2026-05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarMonth {
    year: i32,
    month: Month0,
}

/// A month counted from zero, so that the order of [`CalendarMonth`] is the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Month0(u8);

impl CalendarMonth {
    /// The month that an instant falls into.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let date = at.to_civil().date();
        Self {
            year: date.year(),
            month: Month0(u8::from(date.month()) - 1),
        }
    }

    /// Its first microsecond.
    #[must_use]
    pub fn start(self) -> Timestamp {
        start_of(self.first_day())
    }

    /// The first microsecond after it, which is the start of the next month; after December 9999, the last instant there is.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let length = self.first_day().month().length(self.year);
        Timestamp::from_unix_seconds(
            self.start().unix_seconds() + i64::from(length) * SECONDS_PER_DAY,
        )
    }

    /// Reads `YYYY-MM`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = parse_month(text)?;
        Some(Self {
            year,
            month: Month0(u8::from(month) - 1),
        })
    }

    fn first_day(self) -> Date {
        let month =
            Month::try_from(self.month.0 + 1).expect("a month counted from zero is below 12");
        Date::from_calendar_date(self.year, month, 1)
            .expect("every month of 1970..=9999 has a first day")
    }
}

impl fmt::Display for CalendarMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month.0 + 1)
    }
}

/// The stretch of time over which a usage number is summed.
///
/// **Boundaries**: windows of one kind partition time: each instant is in exactly one, and `end` of one is the start of the next.
///
/// ```
/// use picora_core::{CalendarMonth, Window};
/// let window = Window::Month(CalendarMonth::parse("2026-12").unwrap());
/// assert_eq!(window.to_string(), "2026-12");
/// assert_eq!(Window::parse("2026-12"), Some(window));
/// assert_eq!(Window::parse(""), Some(Window::Always));
/// assert_eq!(Window::Always.end(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// A level has no window; written as the empty text.
    Always,
    /// A UTC day.
    Day(CalendarDay),
    /// A UTC month.
    Month(CalendarMonth),
}

impl Window {
    /// Its first microsecond; `None` for a level.
    #[must_use]
    pub fn start(self) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::Day(day) => Some(day.start()),
            Self::Month(month) => Some(month.start()),
        }
    }

    /// When the number starts again at zero; `None` for a level.
    #[must_use]
    pub fn end(self) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::Day(day) => Some(day.end()),
            Self::Month(month) => Some(month.end()),
        }
    }

    /// Reads what `Display` writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            0 => Some(Self::Always),
            7 => CalendarMonth::parse(text).map(Self::Month),
            _ => CalendarDay::parse(text).map(Self::Day),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => Ok(()),
            Self::Day(day) => day.fmt(f),
            Self::Month(month) => month.fmt(f),
        }
    }
}

fn start_of(date: Date) -> Timestamp {
    Timestamp::from_unix_seconds(date.midnight().assume_utc().unix_timestamp())
}

fn parse_month(text: &str) -> Option<(i32, Month)> {
    let (year, month) = text.split_once('-')?;
    let year: u16 = parse_digits(year, 4)?;
    let month: u8 = parse_digits(month, 2)?;
    (year >= 1970).then_some(())?;
    Some((i32::from(year), Month::try_from(month).ok()?))
}

/// Exactly `width` ASCII digits: `str::parse` alone would take `+4` and `004`.
pub(crate) fn parse_digits<N: std::str::FromStr>(text: &str, width: usize) -> Option<N> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

const SECONDS_PER_DAY: i64 = 86_400;

#[cfg(test)]
mod tests;
