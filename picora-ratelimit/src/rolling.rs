//! Exact rolling limits, from one log of what passed.

use std::num::NonZeroU32;
use std::time::Duration;

use picora_core::Timestamp;

use crate::{PolicyError, exact};

/// At most so many in *any* span of a length: no boundary at which two windows touch, and no estimate.
///
/// All rolling limits of a policy read one log ([`Log`]): the last ten instants answer one a minute, five an hour and ten a day.
///
/// **Units**: the limit in cost units, at most [`Rolling::MOST`], because the log remembers each; the length in whole microseconds, below
/// 2^52. **Boundaries**: what passed at `t` counts up to, and not at, `t + length`: one a minute passes again after exactly 60 s.
/// **Errors**: [`PolicyError`]; [`PolicyError::LongLog`] names a window with a burst as the nearest that needs no log. **Source**:
/// requirements rows #10–#14, C59.
///
/// ```
/// use picora_ratelimit::{PolicyError, Rolling};
/// use std::time::Duration;
/// assert!(Rolling::new(5, Duration::from_secs(3_600)).is_ok());
/// assert!(matches!(Rolling::new(5_000, Duration::from_secs(3_600)), Err(PolicyError::LongLog { .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rolling {
    limit: u64,
    length: u64,
}

impl Rolling {
    /// The largest limit: its log takes 16 KiB.
    pub const MOST: u64 = 1_024;

    /// At most `limit` in any span of `length`.
    ///
    /// # Errors
    /// [`PolicyError`] when a number is zero or too large, or the length is no whole number of microseconds.
    pub fn new(limit: u64, length: Duration) -> Result<Self, PolicyError> {
        let rule = Self {
            limit: exact::count("a rolling limit", limit)?,
            length: exact::micros("a rolling limit's length", length)?,
        };
        rule.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        if self.limit > Self::MOST {
            return Err(PolicyError::LongLog {
                limit: self.limit,
                length: self.length(),
            });
        }
        Ok(self)
    }

    /// How much any span admits.
    #[must_use]
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// How long the span is.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_micros(self.length)
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        let limit = exact::product("a rolling limit", self.limit, u64::from(factor.get()))?;
        Self { limit, ..self }.checked()
    }

    /// What the log says of this limit at `now`, about a cost.
    pub(crate) fn view(self, log: &Log, cost: u64, now: Timestamp) -> View {
        let (now, length) = (now.unix_micros(), exact::signed(self.length));
        let counts = |stamp: &&Stamp| stamp.at.saturating_add(length) > now;
        let live = log.stamps.iter().filter(counts);
        let used: u64 = live.clone().map(|stamp| stamp.cost).sum();
        let newest = log.stamps.last().filter(counts);
        // More than the limit may count: another limit of the policy reads further, or this one was larger before.
        let excess = (used + cost).saturating_sub(self.limit);
        View {
            used,
            reset: newest.map_or(now, |stamp| stamp.at.saturating_add(length)),
            wait: freed_after(live, excess).map_or(0, |at| at.saturating_add(length) - now),
        }
    }
}

/// The instant of the stamp whose leaving makes `excess` units free; none when none need to leave.
fn freed_after<'a>(live: impl Iterator<Item = &'a Stamp>, excess: u64) -> Option<i64> {
    let mut freed = 0;
    let mut enough = None;
    for stamp in live {
        if freed >= excess {
            break;
        }
        freed += stamp.cost;
        enough = Some(stamp.at);
    }
    enough
}

/// One rolling limit at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// What counts in the span that ends now.
    pub(crate) used: u64,
    /// When nothing of it will count any more, in microseconds since 1970.
    pub(crate) reset: i64,
    /// Microseconds until the cost has room.
    pub(crate) wait: i64,
}

/// Something that passed.
///
/// **Units**: microseconds since 1970, and cost units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: i64,
    /// How much.
    pub cost: u64,
}

/// What passed lately, oldest first: the one log that all rolling limits of a policy read.
///
/// **Boundaries**: it remembers no more units than the largest rolling limit, and no longer than the longest; who stores it may drop it at
/// [`Record::fresh_from`](crate::Record::fresh_from).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    stamps: Vec<Stamp>,
    /// The longest length that reads it, in microseconds.
    horizon: u64,
}

impl Log {
    /// Takes what a store holds: stamps in any order, and the longest length in microseconds that reads them.
    #[must_use]
    pub fn new(mut stamps: Vec<Stamp>, horizon: u64) -> Self {
        stamps.sort_by_key(|stamp| stamp.at);
        Self { stamps, horizon }
    }

    /// What passed, oldest first.
    #[must_use]
    pub fn stamps(&self) -> &[Stamp] {
        &self.stamps
    }

    /// The longest length that reads it, in microseconds.
    #[must_use]
    pub const fn horizon(&self) -> u64 {
        self.horizon
    }

    /// The first instant at which it says no more than an empty one, in microseconds since 1970.
    pub(crate) fn fresh_from(&self) -> Option<i64> {
        let newest = self.stamps.last()?;
        Some(newest.at.saturating_add(exact::signed(self.horizon)))
    }

    /// The log that counts at `now` under a policy, from what is stored; and whether a clock that went back was healed.
    ///
    /// Callers whose clocks differ by a little are borne: a stamp up to [`SKEW`] ahead stays where it is. One further ahead means that a
    /// clock has gone back: it counts as of now, so that nobody waits longer than the length and that little.
    pub(crate) fn settle(stored: Option<&Self>, reach: Reach, now: Timestamp) -> (Self, bool) {
        let now = now.unix_micros();
        let horizon = exact::signed(reach.horizon);
        let ahead = |stamp: &Stamp| stamp.at > now.saturating_add(SKEW);
        let stored = stored.map_or(&[][..], |log| &log.stamps);
        let healed = stored.iter().any(ahead);
        let mut stamps: Vec<Stamp> = stored
            .iter()
            .filter(|stamp| stamp.at.saturating_add(horizon) > now)
            .map(|stamp| Stamp {
                at: if healed { stamp.at.min(now) } else { stamp.at },
                cost: stamp.cost.min(reach.most),
            })
            .collect();
        keep_newest(&mut stamps, reach.most);
        let log = Self {
            stamps,
            horizon: reach.horizon,
        };
        (log, healed)
    }

    /// Remembers a cost, and forgets the oldest beyond what any limit reads.
    pub(crate) fn push(&mut self, cost: u64, reach: Reach, now: Timestamp) {
        let newest = self.stamps.last().map_or(0, |stamp| stamp.at);
        let at = now.unix_micros().max(newest);
        match self.stamps.last_mut() {
            Some(last) if last.at == at => last.cost = last.cost.saturating_add(cost),
            Some(_) | None => self.stamps.push(Stamp { at, cost }),
        }
        keep_newest(&mut self.stamps, reach.most);
    }

    /// Forgets a cost that was remembered at `charged_at`, as far as it is still there.
    pub(crate) fn take_back(&mut self, cost: u64, charged_at: Timestamp) {
        let at = charged_at.unix_micros();
        if let Some(stamp) = self.stamps.iter_mut().find(|stamp| stamp.at == at) {
            stamp.cost = stamp.cost.saturating_sub(cost);
        }
        self.stamps.retain(|stamp| stamp.cost > 0);
    }
}

/// How far the rolling limits of a policy look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The largest limit.
    pub(crate) most: u64,
    /// The longest length in microseconds.
    pub(crate) horizon: u64,
}

impl Reach {
    /// The reach of two limits.
    pub(crate) fn and(self, rule: Rolling) -> Self {
        Self {
            most: self.most.max(rule.limit),
            horizon: self.horizon.max(rule.length),
        }
    }

    /// The reach of none.
    pub(crate) const NONE: Self = Self {
        most: 0,
        horizon: 0,
    };
}

/// Drops the oldest units beyond `most`.
fn keep_newest(stamps: &mut Vec<Stamp>, most: u64) {
    let mut surplus = stamps
        .iter()
        .fold(0_u64, |sum, stamp| sum.saturating_add(stamp.cost))
        .saturating_sub(most);
    stamps.retain_mut(|stamp| {
        let dropped = stamp.cost.min(surplus);
        stamp.cost -= dropped;
        surplus -= dropped;
        stamp.cost > 0
    });
}

/// How far ahead of a reading of the clock a stamp may lie without a step of the clock: threads and machines read theirs at slightly
/// different moments.
pub(crate) const SKEW: i64 = 1_000_000;
