//! Windows, worked out by hand: the auditor trusts no calendar of the code under test.

use std::fmt;
use std::time::Duration;

use picora_core::{Dimension, Tally, Timestamp};

use crate::{CellKey, Counter};

/// The stretch of time over which a number is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Always,
    /// Days since 1970-01-01.
    Day(i64),
    /// Months since January 1970.
    Month(i64),
}

/// A number of an account: what is counted, and over which stretch, as it is written (`2026-11-21`, `2026-11`, or nothing).
pub(super) type Spot = (Counter, String);

/// The number that counts at an instant; `None` for single items, of which nothing is kept.
pub(super) fn spot(counter: Counter, at: Timestamp) -> Option<Spot> {
    Some((counter, Span::of(counter, at)?.to_string()))
}

/// The number that the ledger's key names.
pub(super) fn named(key: CellKey) -> Spot {
    (key.counter, key.window.to_string())
}

impl Span {
    pub(super) fn of(counter: Counter, at: Timestamp) -> Option<Self> {
        use Dimension::{
            DocCount, DocMaxFile, DocMaxImagesPerDoc, ImgBandwidth, ImgStorage, MediaBandwidth,
            MediaStorage, UploadsPerDay, UploadsPerMonth,
        };
        let dimension = match counter {
            Counter::Dimension(dimension) => dimension,
            Counter::Tally(Tally::AudioStorage) => MediaStorage,
            Counter::Tally(Tally::AudioBandwidth) => MediaBandwidth,
            Counter::OpenReservations => return Some(Self::Always),
        };
        match dimension {
            ImgStorage | MediaStorage | DocCount => Some(Self::Always),
            UploadsPerDay => Some(Self::Day(day_of(at))),
            ImgBandwidth | MediaBandwidth | UploadsPerMonth => Some(Self::Month(month_of(at))),
            DocMaxFile | DocMaxImagesPerDoc => None,
        }
    }

    /// Its first instant.
    pub(super) fn start(self) -> Option<Timestamp> {
        let day = match self {
            Self::Always => return None,
            Self::Day(day) => day,
            Self::Month(month) => first_day(month),
        };
        Some(Timestamp::from_unix_seconds(day * DAY))
    }

    /// The first instant after it.
    pub(super) fn end(self) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::Day(day) => Self::Day(day + 1).start(),
            Self::Month(month) => Self::Month(month + 1).start(),
        }
    }

    /// Reads it back from what is written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').map(str::parse::<i64>);
        let (Some(Ok(year)), Some(Ok(month))) = (parts.next(), parts.next()) else {
            return text.is_empty().then_some(Self::Always);
        };
        let month = (year - 1970) * 12 + month - 1;
        match parts.next() {
            Some(day) => Some(Self::Day(first_day(month) + day.ok()? - 1)),
            None => Some(Self::Month(month)),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = match self {
            Self::Always => return Ok(()),
            Self::Day(day) => month_of_day(*day),
            Self::Month(month) => *month,
        };
        write!(f, "{:04}-{:02}", 1970 + month / 12, month % 12 + 1)?;
        if let Self::Day(day) = self {
            write!(f, "-{:02}", day - first_day(month) + 1)?;
        }
        Ok(())
    }
}

/// The hour that something in a stretch counts for.
pub(super) fn hour_in(span: Span, at: Timestamp) -> Timestamp {
    let micro = Duration::from_micros(1);
    let last = span
        .end()
        .map_or(Timestamp::MAX, |end| end.saturating_sub(micro));
    let first = span.start().unwrap_or(Timestamp::EPOCH);
    let seconds = at.max(first).min(last).unix_seconds();
    Timestamp::from_unix_seconds(seconds - seconds % 3_600)
}

pub(super) fn day_of(at: Timestamp) -> i64 {
    at.unix_seconds().div_euclid(DAY)
}

pub(super) fn month_of(at: Timestamp) -> i64 {
    month_of_day(day_of(at))
}

fn month_of_day(day: i64) -> i64 {
    let mut month = day * 12 / 366; // so many have passed at least
    while first_day(month + 1) <= day {
        month += 1;
    }
    month
}

fn first_day(month: i64) -> i64 {
    let (year, of_year) = (1970 + month.div_euclid(12), month.rem_euclid(12));
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before: i64 = (0..of_year).zip(lengths).map(|(_, length)| length).sum();
    let past = year - 1;
    let leaps = past / 4 - past / 100 + past / 400 - 477; // 477 leap years before 1970
    (year - 1970) * 365 + leaps + before
}

fn leap(year: i64) -> i64 {
    i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
}

const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    /// Both calendars were written by different people in different ways.
    #[test]
    fn agrees_with_the_calendar_of_the_ledger() {
        for day in 0..80_000 {
            for second in [0, 86_399] {
                let at = Timestamp::from_unix_seconds(day * DAY + second);
                let days = picora_core::CalendarDay::of(at);
                let months = picora_core::CalendarMonth::of(at);
                let (day, month) = (Span::Day(day_of(at)), Span::Month(month_of(at)));
                assert_eq!(day.to_string(), days.to_string());
                assert_eq!(month.to_string(), months.to_string());
                assert_eq!(Span::parse(&day.to_string()), Some(day));
                assert_eq!(Span::parse(&month.to_string()), Some(month));
                assert_eq!(month.end(), Some(months.end()));
            }
        }
    }
}
