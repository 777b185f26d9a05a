//! Instants.

use std::time::Duration;

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

    /// The civil reading in UTC.
    pub(crate) fn to_civil(self) -> time::OffsetDateTime {
        time::OffsetDateTime::from_unix_timestamp(self.unix_seconds())
            .expect("1970..=9999 has a civil reading")
    }
}

const MICROS_PER_SECOND: i64 = 1_000_000;
