//! Instants.

use std::time::Duration;

use crate::CalendarDay;
use crate::calendar::parse_digits;

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// **Boundaries**: 1970 up to and including 9999-12-31T23:59:59.999999Z. A value outside is taken as the nearest end: no clock of a
/// running service shows one, and a calendar has no name for it. **Source**: design decision 16 and 17.
///
/// ```
/// use picora_core::Timestamp;
/// use std::time::Duration;
/// let start = Timestamp::from_unix_seconds(60);
/// let later = start.saturating_add(Duration::from_millis(1_500));
/// assert_eq!(later.unix_micros(), 61_500_000);
/// assert_eq!(later.saturating_since(start), Duration::from_millis(1_500));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// Takes microseconds since the epoch; outside the range, the nearest end.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        if micros < 0 {
            Self::EPOCH
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Takes whole seconds since the epoch; outside the range, the nearest end.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_unix_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        (self.0 / 1_000).cast_unsigned() // never negative
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0 / MICROS_PER_SECOND
    }

    /// Whole seconds since the epoch, rounded up: the first full second at which `self` has come.
    ///
    /// ```
    /// # use picora_core::Timestamp;
    /// assert_eq!(Timestamp::from_unix_micros(1_000_001).unix_seconds_up(), 2);
    /// assert_eq!(Timestamp::from_unix_micros(1_000_000).unix_seconds_up(), 1);
    /// ```
    #[must_use]
    pub const fn unix_seconds_up(self) -> i64 {
        (self.0 + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND
    }

    /// The instant `span` later, or the last one that there is. Spans count in whole microseconds, rounded down.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_unix_micros(self.0.saturating_add(micros))
    }

    /// The instant `span` earlier, or the epoch. Spans count in whole microseconds, rounded down.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_unix_micros(self.0.saturating_sub(micros))
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0)) // both within 0..=MAX
    }

    /// The instant as RFC 3339 text in UTC with microseconds, for answers and logs.
    ///
    /// ```
    /// # use picora_core::Timestamp;
    /// assert_eq!(Timestamp::from_unix_micros(1).to_rfc3339(), "1970-01-01T00:00:00.000001Z");
    /// ```
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let at = self.to_civil();
        let (date, micros) = (at.date(), self.0 % MICROS_PER_SECOND);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{micros:06}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }

    /// Reads RFC 3339: a date, a time and the distance to UTC, such as `2026-04-24T05:06:40.5+02:00`.
    ///
    /// **Boundaries**: from 1970 to 9999; what is finer than a microsecond is cut off; a leap second is refused. **Errors**: `None` for
    /// anything else. **Source**: RFC 3339 §5.6.
    ///
    /// ```
    /// # use picora_core::Timestamp;
    /// let noon = Timestamp::parse_rfc3339("2026-04-24T12:00:00.000001Z").unwrap();
    /// assert_eq!(noon.to_rfc3339(), "2026-04-24T12:00:00.000001Z");
    /// assert_eq!(Timestamp::parse_rfc3339("2026-04-24t14:00:00.0000019+02:00"), Some(noon));
    /// assert_eq!(Timestamp::parse_rfc3339("2026-04-24 12:00:00Z"), None);
    /// assert_eq!(Timestamp::parse_rfc3339("1970-01-01T00:00:00+00:01"), None);
    /// ```
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't'])?;
        let (time, offset_seconds) = match rest.strip_suffix(['Z', 'z']) {
            Some(time) => (time, 0),
            None => {
                let (time, offset) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
                let (sign, offset) = offset.split_at_checked(1)?;
                let seconds = clock_seconds(&format!("{offset}:00"))?;
                match sign {
                    "+" => (time, seconds),
                    "-" => (time, -seconds),
                    _ => return None,
                }
            }
        };
        let (clock, fraction) = match time.split_once('.') {
            Some((clock, fraction)) => (clock, micros(fraction)?),
            None => (time, 0),
        };
        let day = CalendarDay::parse(date)?.start().unix_seconds();
        let seconds = day + clock_seconds(clock)? - offset_seconds;
        let micros = seconds.checked_mul(MICROS_PER_SECOND)? + fraction;
        let read = Self::from_unix_micros(micros);
        (read.0 == micros).then_some(read)
    }

    /// The civil reading in UTC.
    pub(crate) fn to_civil(self) -> time::OffsetDateTime {
        time::OffsetDateTime::from_unix_timestamp(self.unix_seconds())
            .expect("1970..=9999 has a civil reading")
    }
}

/// The seconds of `HH:MM:SS` since midnight.
fn clock_seconds(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut below = |most: i64| {
        let part: i64 = parse_digits(parts.next()?, 2)?;
        (part < most).then_some(part)
    };
    let (hours, minutes, seconds) = (below(24)?, below(60)?, below(60)?);
    let over = parts.next().is_none();
    over.then_some(hours * 3_600 + minutes * 60 + seconds)
}

/// The microseconds of the digits after a point.
fn micros(digits: &str) -> Option<i64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let six: String = digits.chars().chain("000000".chars()).take(6).collect();
    all.then(|| six.parse().ok()).flatten()
}

const MICROS_PER_SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_writes_it_reads() {
        for micros in [0, 1, 999_999, 1_777_000_000_123_456, Timestamp::MAX.0] {
            let at = Timestamp::from_unix_micros(micros);
            assert_eq!(Timestamp::parse_rfc3339(&at.to_rfc3339()), Some(at));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "T",
            "Z",
            "2026-04-24",
            "2026-04-24T12:00Z",
            "2026-04-24T12:00:00",
            "2026-04-24T12:00:60Z",
            "2026-04-24T24:00:00Z",
            "2026-04-24T12:00:00.Z",
            "2026-04-24T12:00:00.5.5Z",
            "2026-04-24T12:00:00:00Z",
            "2026-04-24T12:00:00ZZ",
            "2026-04-24T12:00:00+2:00",
            "2026-04-24T12:00:00+24:00",
            "2026-04-24T12:00:00 02:00",
            "2026-02-30T12:00:00Z",
            "+026-04-24T12:00:00Z",
            "2026-04-24T1é:00:00Z",
            "2026-04-24T12:00:0é+0é:0é",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }
}
