//! What an account must be told: levels that are armed until they are told of, and armed again when the number falls or the limit is raised.

use std::time::Duration;

use picora_core::{Dimension, Timestamp};

use super::account::Account;
use crate::Counter;
use crate::conformance::simulation::span::{Span, Spot};

/// An alert, without the number of its arming.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) spot: Spot,
    pub(super) permille: u16,
    pub(super) used: i128,
    pub(super) limit: i128,
    pub(super) at: Timestamp,
}

impl Account {
    /// A level of what has no windows is armed again five points below it.
    pub(super) fn ring_after_a_move(&mut self, spot: &Spot, now: Timestamp) {
        if spot.1.is_empty() {
            self.arm(spot, 50);
        }
        self.ring(spot, now);
    }

    /// Another limit arms what it does not reach any more. It says nothing of a window that has ended.
    pub(super) fn ring_after_a_limit(&mut self, spot: &Spot, now: Timestamp) {
        let end = Span::parse(&spot.1).and_then(Span::end);
        if end.is_some_and(|end| end <= now) {
            return;
        }
        self.arm(spot, 0);
        self.ring(spot, now);
    }

    fn arm(&mut self, spot: &Spot, slack: u16) {
        let Some(mut rung) = self.rung.remove(spot) else {
            return;
        };
        rung.retain(|level| self.reaches(spot, level - slack));
        self.rung.insert(spot.clone(), rung);
    }

    fn ring(&mut self, spot: &Spot, now: Timestamp) {
        let end = Span::parse(&spot.1).and_then(Span::end);
        if end.is_some_and(|end| end.saturating_add(TOLD_FOR) <= now) {
            return;
        }
        let reached = levels(spot.0).iter().copied();
        let reached: Vec<u16> = reached.filter(|level| self.reaches(spot, *level)).collect();
        let rung = self.rung.get(spot);
        let new = |level: &u16| rung.is_none_or(|rung| !rung.contains(level));
        if let Some(permille) = reached.iter().copied().filter(new).max() {
            self.told.push(Told {
                spot: spot.clone(),
                permille,
                used: self.used(spot),
                limit: self.limit(spot.0).unwrap_or(0),
                at: now,
            });
        }
        self.rung.entry(spot.clone()).or_default().extend(reached);
    }

    fn reaches(&self, spot: &Spot, permille: u16) -> bool {
        let used = self.used(spot);
        let limit = self.limit(spot.0);
        used > 0 && limit.is_some_and(|limit| used * 1_000 >= limit * i128::from(permille))
    }
}

/// The levels of the product (C3).
const fn levels(counter: Counter) -> &'static [u16] {
    match counter {
        Counter::Dimension(Dimension::MediaBandwidth) => &[800, 1_000, 1_100, 1_200],
        Counter::Dimension(
            Dimension::DocCount
            | Dimension::ImgBandwidth
            | Dimension::ImgStorage
            | Dimension::MediaStorage,
        ) => &[800, 1_000],
        _ => &[],
    }
}

/// What is posted later into a window corrects numbers, and tells nobody (C25).
const TOLD_FOR: Duration = Duration::from_secs(7_200);
