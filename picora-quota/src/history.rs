//! How usage went: facts of each hour, rolled up into days and months.

use std::time::Duration;

use picora_core::{Amount, CalendarDay, CalendarMonth, Timestamp, Window};

use crate::Counter;

/// What of an account's past is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of which counters.
    pub counters: Vec<Counter>,
    /// From when, inclusive; earlier facts of the same stretch are not left out.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// In which steps.
    pub grain: Grain,
}

/// How long the stretches of a history are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A UTC day.
    Day,
    /// A UTC month.
    Month,
}

/// One stretch of a counter's past in which something moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPoint {
    /// Of what.
    pub counter: Counter,
    /// When the stretch began.
    pub start: Timestamp,
    /// By how much the number moved in it: for bandwidth what was served, for a level what was added less what was removed.
    pub moved: i64,
    /// What the number was after the last move in it: of a level its height, of a window the sum since the window began.
    pub level: Amount,
}

/// Why a history is not told. It is about the question alone: nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFault {
    /// It ends where it begins, or before.
    Backwards,
    /// It is longer than its grain is told of at once.
    TooLong {
        /// The longest span.
        longest: Duration,
    },
    /// It begins before its grain is kept; a coarser one is.
    TooOld {
        /// Since when.
        kept_since: Timestamp,
    },
}

impl HistoryQuery {
    /// Whether it can be answered at `now`.
    ///
    /// **Boundaries**: a span as long as [`Grain::longest`] may be asked for; it may begin as early as its grain is kept; it must end after
    /// it begins, and what of it is later than now does not count. **Source**: C15, and our numbers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use picora_core::{Dimension, Timestamp};
    /// use picora_quota::history::{Grain, HistoryFault, HistoryQuery};
    /// use picora_quota::Counter;
    /// let now = Timestamp::from_unix_seconds(1_777_000_000);
    /// let counters = vec![Counter::Dimension(Dimension::ImgStorage)];
    /// let a_year = Duration::from_secs(366 * 86_400);
    /// let query = HistoryQuery { counters, from: now.saturating_sub(a_year), until: now, grain: Grain::Day };
    /// assert_eq!(query.examine(now), Ok(()));
    /// let hours = HistoryQuery { grain: Grain::Hour, ..query };
    /// let longest = Grain::Hour.longest();
    /// assert_eq!(hours.examine(now), Err(HistoryFault::TooLong { longest }));
    /// ```
    pub fn examine(&self, now: Timestamp) -> Result<(), HistoryFault> {
        let longest = self.grain.longest();
        if self.until <= self.from {
            return Err(HistoryFault::Backwards);
        }
        if self.until.min(now).saturating_since(self.from) > longest {
            return Err(HistoryFault::TooLong { longest });
        }
        let kept_since = self.grain.kept().map(|kept| now.saturating_sub(kept));
        match kept_since.filter(|since| self.from < *since) {
            Some(kept_since) => Err(HistoryFault::TooOld { kept_since }),
            None => Ok(()),
        }
    }

    /// Whether facts that begin then are asked for: those of all stretches that the span touches.
    #[must_use]
    pub fn covers(&self, start: Timestamp) -> bool {
        self.grain.start(self.from) <= start && start < self.until
    }
}

impl Grain {
    /// The start of the stretch that an instant falls into.
    ///
    /// ```
    /// use picora_core::Timestamp;
    /// use picora_quota::Grain;
    /// let at = Timestamp::from_unix_seconds(1_777_000_000); // 2026-04-24T03:06:40Z
    /// assert_eq!(Grain::Hour.start(at).to_rfc3339(), "2026-04-24T03:00:00.000000Z");
    /// assert_eq!(Grain::Month.start(at).to_rfc3339(), "2026-04-01T00:00:00.000000Z");
    /// ```
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => Timestamp::from_unix_seconds(at.unix_seconds() / HOUR * HOUR),
            Self::Day => CalendarDay::of(at).start(),
            Self::Month => CalendarMonth::of(at).start(),
        }
    }

    /// The name that stores write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The grain of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hour, Self::Day, Self::Month]
            .into_iter()
            .find(|grain| grain.name() == name)
    }

    /// The longest span that is told of at once: what is kept of hours and days, and ten years of months.
    #[must_use]
    pub const fn longest(self) -> Duration {
        match self.kept() {
            Some(kept) => kept,
            None => Duration::from_secs(3_660 * 24 * 60 * 60),
        }
    }

    /// How long facts of this grain are kept before they are rolled up into the next; months are kept for good. **Source**: C15.
    #[must_use]
    pub const fn kept(self) -> Option<Duration> {
        match self {
            Self::Hour => Some(Duration::from_secs(35 * 24 * 60 * 60)),
            Self::Day => Some(Duration::from_secs(400 * 24 * 60 * 60)),
            Self::Month => None,
        }
    }

    /// Whether a fact of this grain that began then is to be rolled up.
    #[must_use]
    pub fn is_over(self, start: Timestamp, now: Timestamp) -> bool {
        self.kept()
            .is_some_and(|kept| start.saturating_add(kept) <= now)
    }

    /// The grain that facts of this one are rolled up into.
    #[must_use]
    pub const fn coarser(self) -> Option<Self> {
        match self {
            Self::Hour => Some(Self::Day),
            Self::Day => Some(Self::Month),
            Self::Month => None,
        }
    }
}

/// The hour that a move counts for: the one in which it happened, within the window of its cell. A reservation that is committed after
/// midnight counts for the last hour of the day in which it was made.
#[must_use]
pub fn fact_start(window: Window, happened_at: Timestamp) -> Timestamp {
    let last = |end: Timestamp| end.saturating_sub(Duration::from_micros(1));
    let first = window.start().unwrap_or(Timestamp::EPOCH);
    let last = window.end().map_or(Timestamp::MAX, last);
    Grain::Hour.start(happened_at.max(first).min(last))
}

/// Adds up facts into the stretches of a coarser grain; of each stretch the level of its last fact. Facts come by counter and
/// time, of one start the coarser first: what is rolled up already is older than what came late.
#[must_use]
pub fn rolled_up(facts: impl IntoIterator<Item = HistoryPoint>, grain: Grain) -> Vec<HistoryPoint> {
    let mut points: Vec<HistoryPoint> = Vec::new();
    for fact in facts {
        let start = grain.start(fact.start);
        match points.last_mut() {
            Some(last) if last.counter == fact.counter && last.start == start => {
                last.moved = last.moved.saturating_add(fact.moved); // cells are at most 2^62, and so are their differences
                last.level = fact.level;
            }
            _ => points.push(HistoryPoint { start, ..fact }),
        }
    }
    points
}

/// When a limit will be reached if a window goes on as it began; `None` when it will not be before the window ends.
///
/// **Units**: `used` since `from`. **Boundaries**: reached already answers `now`; nothing used, or no time passed, predicts nothing.
/// **Source**: #172.
///
/// ```
/// use picora_core::{Amount, CalendarMonth, Limit, Timestamp};
/// use picora_quota::history::forecast;
/// let month = CalendarMonth::parse("2026-04").unwrap();
/// let middle = Timestamp::from_unix_seconds(month.start().unix_seconds() + 14 * 86_400 + 43_200); // the 15th, noon
/// let reached = forecast(Amount::from(95), Limit::Max(Amount::from(100)), month.start(), month.end(), middle).unwrap();
/// assert!(["2026-04-15", "2026-04-16"].contains(&&reached.to_rfc3339()[..10]));
/// ```
#[must_use]
pub fn forecast(
    used: Amount,
    limit: picora_core::Limit,
    from: Timestamp,
    end: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let limit = limit.max()?;
    if used >= limit {
        return Some(now);
    }
    let elapsed = now.saturating_since(from).as_micros();
    let needed = (elapsed * u128::from(limit.get())).checked_div(u128::from(used.get()))?;
    let reached = from.saturating_add(Duration::from_micros(u64::try_from(needed).ok()?));
    (elapsed > 0 && reached < end).then_some(reached)
}

const HOUR: i64 = 3_600;
