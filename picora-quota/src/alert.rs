//! Alerts: what an account is told when it comes near a limit, once.
//!
//! Crossings are worked out at commits, postings and changes of limits, from the numbers that the same step wrote. Reserving never
//! alerts: what is only held may yet be given back.

use std::time::Duration;

use picora_core::{AccountId, Amount, Dimension, Message, MessageKey, Timestamp, Topic, Window};

use crate::{Cell, CellKey, Counter};

mod delivery;
mod wire;

pub use delivery::{Attempted, Dropped, Next, Reader, Telling, Verdict};

/// The levels at which an account is told, in permille of the limit, for each dimension.
///
/// **Boundaries**: a level is reached at `used * 1000 >= limit * level` with `used > 0` (C4); what is unlimited never alerts.
/// **Source**: C3.
///
/// ```
/// use picora_core::Dimension;
/// use picora_quota::Thresholds;
/// let standard = Thresholds::standard();
/// assert_eq!(standard.of(Dimension::ImgStorage), [800, 1_000]);
/// assert_eq!(standard.of(Dimension::MediaBandwidth), [800, 1_000, 1_100, 1_200]);
/// assert!(standard.with(Dimension::DocCount, &[900, 900]).is_none()); // they rise
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds([Vec<u16>; Dimension::ALL.len()]);

impl Thresholds {
    /// Those of the product: 80 and 100 % of storage, documents and bandwidth; 110 and 120 % of video bandwidth too.
    #[must_use]
    pub fn standard() -> Self {
        let usual = [
            Dimension::ImgStorage,
            Dimension::ImgBandwidth,
            Dimension::MediaStorage,
            Dimension::DocCount,
        ];
        let mut standard = Self::default();
        for dimension in usual {
            standard.0[dimension as usize] = vec![800, 1_000];
        }
        standard.0[Dimension::MediaBandwidth as usize] = vec![800, 1_000, 1_100, 1_200];
        standard
    }

    /// The same with other levels for one dimension; `None` unless they rise from above zero.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, levels: &[u16]) -> Option<Self> {
        let rising = levels.windows(2).all(|pair| pair[0] < pair[1]);
        (rising && levels.first() != Some(&0)).then(|| {
            self.0[dimension as usize] = levels.to_vec();
            self
        })
    }

    /// The levels of a dimension, rising; none when it never alerts.
    #[must_use]
    pub fn of(&self, dimension: Dimension) -> &[u16] {
        &self.0[dimension as usize]
    }

    /// What a change of what is used does to a cell's alarm, and the level to tell of, the highest when several are crossed at once.
    ///
    /// **Boundaries**: a level of a gauge is armed again when it falls below that level less [`HYSTERESIS`]; a window is never armed
    /// again, and tells nothing more when it ended [`CLOSES_AFTER`] ago (C25).
    #[must_use]
    pub fn after_move(
        &self,
        key: CellKey,
        cell: Cell,
        alarm: Alarm,
        now: Timestamp,
    ) -> (Alarm, Option<u16>) {
        let kept = match key.window {
            Window::Always => self.highest(key, cell, HYSTERESIS),
            Window::Day(_) | Window::Month(_) => u16::MAX,
        };
        self.settle(key, cell, alarm.lowered_to(kept), now)
    }

    /// What a change of the limit does: a raised one arms again what is no longer reached (C56), a lowered one may tell at once.
    ///
    /// **Boundaries**: nothing in a window that has ended, not even in its last hours of grace: what somebody may do now says nothing of
    /// what he did last month.
    #[must_use]
    pub fn after_limit(
        &self,
        key: CellKey,
        cell: Cell,
        alarm: Alarm,
        now: Timestamp,
    ) -> (Alarm, Option<u16>) {
        if key.window.end().is_some_and(|end| end <= now) {
            return (alarm, None);
        }
        let kept = self.highest(key, cell, 0);
        self.settle(key, cell, alarm.lowered_to(kept), now)
    }

    fn settle(
        &self,
        key: CellKey,
        cell: Cell,
        alarm: Alarm,
        now: Timestamp,
    ) -> (Alarm, Option<u16>) {
        let closed = |end: Timestamp| end.saturating_add(CLOSES_AFTER) <= now;
        let reached = self.highest(key, cell, 0);
        if reached <= alarm.fired || key.window.end().is_some_and(closed) {
            return (alarm, None);
        }
        let fired = Alarm {
            fired: reached,
            ..alarm
        };
        (fired, Some(reached))
    }

    /// The highest level that is reached when each is lowered by `slack`; zero for none.
    fn highest(&self, key: CellKey, cell: Cell, slack: u16) -> u16 {
        let (Counter::Dimension(dimension), Some(limit)) = (key.counter, cell.limit.max()) else {
            return 0;
        };
        let used = u128::from(cell.used.get()) * 1_000;
        let reached = |level: &&u16| {
            let level = u128::from(level.saturating_sub(slack));
            used > 0 && used >= u128::from(limit.get()) * level
        };
        let mut levels = self.of(dimension).iter().rev();
        levels.find(reached).copied().unwrap_or(0)
    }
}

/// What a cell's account has been told, kept beside the cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// The highest level that was told of and is not armed again, in permille; zero for none. All below it count as told.
    pub fired: u16,
    /// How often levels were armed again.
    pub arming: u32,
}

impl Alarm {
    fn lowered_to(self, level: u16) -> Self {
        if level >= self.fired {
            return self;
        }
        Self {
            fired: level,
            arming: self.arming.saturating_add(1),
        }
    }
}

/// An account has reached a level of one of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who is to be told.
    pub account: AccountId,
    /// Of what.
    pub dimension: Dimension,
    /// Which level, in permille of the limit.
    pub permille: u16,
    /// In which window.
    pub window: Window,
    /// Which arming of the level: together with the fields above it names the alert, which exists once.
    pub arming: u32,
    /// What was used then.
    pub used: Amount,
    /// The limit then.
    pub limit: Amount,
    /// When the step was taken that crossed the level.
    pub raised_at: Timestamp,
}

impl Alert {
    /// The alert that a cell gives when it tells of a level.
    #[must_use]
    pub fn of(
        account: AccountId,
        key: CellKey,
        cell: Cell,
        alarm: Alarm,
        permille: u16,
        now: Timestamp,
    ) -> Option<Self> {
        let Counter::Dimension(dimension) = key.counter else {
            return None;
        };
        Some(Self {
            account,
            dimension,
            permille,
            window: key.window,
            arming: alarm.arming,
            used: cell.used,
            limit: cell.limit.max()?,
            raised_at: now,
        })
    }

    /// Its name, under which it is sent once: `account:dimension:permille:window:arming`.
    #[must_use]
    pub fn key(&self) -> String {
        let Self {
            account,
            permille,
            window,
            arming,
            ..
        } = self;
        format!(
            "{account}:{}:{permille}:{window}:{arming}",
            self.dimension.field()
        )
    }

    /// The message that tells it, for the outbox: it is put in the step that raises the alert.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        Some(Message {
            key: MessageKey::new(self.key()).ok()?, // well below its longest
            topic: TOPIC,
            account: Some(self.account),
            body: wire::text(self),
            due_at: self.raised_at,
        })
    }

    /// Reads the body of such a message; `None` for anything else.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        wire::read(body)
    }

    /// Whether its reader may have opted out (#220): below the limit it is advice, at and above it a matter of the service.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        self.permille < 1_000
    }
}

/// The topic of the outbox under which alerts are put.
pub const TOPIC: Topic = Topic::new("quota.alert");

/// A level of a gauge is armed again five points below it (C55).
pub const HYSTERESIS: u16 = 50;

/// The last traffic of a window is told in logs that come an hour later; what comes after this corrects numbers, not mails (C25).
pub const CLOSES_AFTER: Duration = Duration::from_secs(2 * 60 * 60);

#[cfg(test)]
mod tests {
    use picora_core::{CalendarMonth, Limit};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);

    fn cell(used: u32, limit: Limit) -> Cell {
        Cell {
            used: Amount::from(used),
            reserved: Amount::ZERO,
            limit,
        }
    }

    fn of(dimension: Dimension) -> CellKey {
        Counter::Dimension(dimension).key_at(NOW).unwrap()
    }

    /// The levels told of as a gauge with this limit goes through these numbers.
    fn told(dimension: Dimension, numbers: &[u32]) -> Vec<Option<u16>> {
        let standard = Thresholds::standard();
        let mut alarm = Alarm::default();
        let step = |used: &u32| {
            let cell = cell(*used, Limit::Max(Amount::from(100)));
            let (after, level) = standard.after_move(of(dimension), cell, alarm, NOW);
            alarm = after;
            level
        };
        numbers.iter().map(step).collect()
    }

    #[test]
    fn a_level_tells_once_until_it_has_fallen_five_points() {
        let images = |numbers: &[u32]| told(Dimension::ImgStorage, numbers);
        assert_eq!(images(&[79, 80, 81]), [None, Some(800), None]);
        assert_eq!(images(&[100, 95, 100]), [Some(1_000), None, None]);
        assert_eq!(images(&[100, 94, 100]), [Some(1_000), None, Some(1_000)]);
        assert_eq!(images(&[100, 74, 80]), [Some(1_000), None, Some(800)]);
    }

    #[test]
    fn a_window_tells_each_level_once() {
        let video = |numbers: &[u32]| told(Dimension::MediaBandwidth, numbers);
        assert_eq!(video(&[85, 10, 85]), [Some(800), None, None]);
        assert_eq!(
            video(&[100, 110, 119, 120, 200]),
            [Some(1_000), Some(1_100), None, Some(1_200), None]
        );
    }

    #[test]
    fn another_limit_arms_or_tells() {
        let (standard, key) = (Thresholds::standard(), of(Dimension::ImgBandwidth));
        let full = Alarm {
            fired: 1_000,
            arming: 0,
        };
        let at = |limit| standard.after_limit(key, cell(100, limit), full, NOW);
        let (raised, told) = at(Limit::Max(Amount::from(101)));
        assert_eq!((raised.fired, raised.arming, told), (800, 1, None));
        assert_eq!(at(Limit::Unlimited).0.fired, 0);
        let fresh = Alarm::default();
        let lowered = standard.after_limit(key, cell(100, Limit::NOTHING), fresh, NOW);
        assert_eq!(lowered.1, Some(1_000));
        let unused = standard.after_limit(key, cell(0, Limit::NOTHING), fresh, NOW);
        assert_eq!(unused.1, None, "nobody is told of a thing never used");
    }

    #[test]
    fn a_lowered_limit_tells_nothing_of_a_window_that_has_ended() {
        let (standard, key) = (Thresholds::standard(), of(Dimension::ImgBandwidth));
        let end = CalendarMonth::of(NOW).end();
        let lowered = |now| {
            let full = cell(100, Limit::Max(Amount::from(100)));
            standard.after_limit(key, full, Alarm::default(), now).1
        };
        let just_before = end.saturating_sub(Duration::from_micros(1));
        assert_eq!(lowered(just_before), Some(1_000));
        assert_eq!(lowered(end), None);
    }

    #[test]
    fn a_window_tells_for_two_hours_after_its_end() {
        let (standard, key) = (Thresholds::standard(), of(Dimension::ImgBandwidth));
        let end = CalendarMonth::of(NOW).end();
        let at = |now| {
            let full = cell(100, Limit::Max(Amount::from(100)));
            standard.after_move(key, full, Alarm::default(), now).1
        };
        let last = end.saturating_add(CLOSES_AFTER);
        assert_eq!(
            at(last.saturating_sub(Duration::from_micros(1))),
            Some(1_000)
        );
        assert_eq!(at(last), None);
    }
}
