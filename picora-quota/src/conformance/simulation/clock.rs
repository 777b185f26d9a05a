//! A clock that runs, jumps, meets every boundary, and steps back.

use std::time::Duration;

use picora_core::Timestamp;

use super::chance::Chance;
use super::span::{Span, day_of, month_of};
use crate::conformance::NOW;

#[derive(Debug)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    /// The latest that it has shown.
    pub(super) latest: Timestamp,
}

impl Clock {
    /// Histories begin shortly before the ends of days, months, years and leap days, or in the middle of a day.
    pub(super) fn start(chance: &Chance) -> Self {
        let ends = [
            NOW,
            Timestamp::from_unix_seconds(1_798_761_600), // 2027-01-01
            Timestamp::from_unix_seconds(1_803_859_200), // 2027-03-01
            Timestamp::from_unix_seconds(1_835_395_200), // 2028-02-29
            Timestamp::from_unix_seconds(1_835_481_600), // 2028-03-01
        ];
        let now = chance.pick(&ends).saturating_sub(chance.seconds(1_800));
        Self { now, latest: now }
    }

    /// Where it goes next. `end` is the next instant at which a reservation ends.
    pub(super) fn next(&self, chance: &Chance, end: Option<Timestamp>) -> Timestamp {
        let now = self.now;
        let near = |instant: Timestamp| match chance.below(3) {
            0 => instant.saturating_sub(MICRO),
            1 => instant,
            _ => instant.saturating_sub(chance.seconds(1_800)),
        };
        let next = match chance.below(24) {
            0..=2 => {
                let back = now.saturating_sub(chance.seconds(3_600));
                return back.max(self.latest.saturating_sub(HOUR));
            }
            3 => now.saturating_add(chance.seconds(86_400)),
            4 | 5 => end.map_or(now, near),
            6 => Span::Day(day_of(now)).end().map_or(now, near),
            7 => Span::Month(month_of(now)).end().map_or(now, near),
            8 if chance.one_in(12) => now.saturating_add(WEEKS),
            9..=11 => now.saturating_add(chance.seconds(1_000)),
            12..=15 => now,
            _ => now.saturating_add(chance.seconds(40)),
        };
        next.max(now)
    }

    pub(super) fn set(&mut self, now: Timestamp) {
        self.now = now;
        self.latest = self.latest.max(now);
    }
}

const MICRO: Duration = Duration::from_micros(1);
const HOUR: Duration = Duration::from_secs(3_600);
/// Facts of hours become days after five weeks.
const WEEKS: Duration = Duration::from_secs(36 * 86_400);
