//! An account, as the auditor keeps it: a plan, adjustments, and every move there was.

use std::collections::{BTreeMap, BTreeSet};

use picora_core::{AdjustmentId, Dimension, Limit, Limits, Timestamp};

use super::MOST;
use super::bells::Told;
use crate::conformance::simulation::span::Span;
use crate::conformance::simulation::span::{Spot, hour_in, spot};
use crate::{Adjustment, Counter, LimitChange};

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) plan: Limits,
    pub(super) open: Limit,
    pub(super) adjustments: BTreeMap<AdjustmentId, Adjustment>,
    /// Of which instant the limits are that it is decided by.
    pub(super) as_of: Timestamp,
    pub(super) moves: Vec<Move>,
    /// How often each number was moved or given another limit, also where it came to nothing.
    pub(super) touched: u64,
    /// Levels that were told of and are not armed again.
    pub(super) rung: BTreeMap<Spot, BTreeSet<u16>>,
    pub(super) told: Vec<Told>,
}

/// Something was used, or is not any more.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) spot: Spot,
    pub(super) by: i128,
    /// The start of the hour that it counts for.
    pub(super) hour: Timestamp,
    /// What was used after it.
    pub(super) after: i128,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            plan: Limits::NOTHING,
            open: Limit::NOTHING,
            adjustments: BTreeMap::new(),
            as_of: Timestamp::EPOCH,
            moves: Vec::new(),
            touched: 0,
            rung: BTreeMap::new(),
            told: Vec::new(),
        }
    }
}

impl Account {
    pub(super) fn used(&self, spot: &Spot) -> i128 {
        let of_it = self.moves.iter().filter(|it| it.spot == *spot);
        of_it.map(|it| it.by).sum()
    }

    /// How often it was moved.
    pub(super) fn moves_of(&self, spot: &Spot) -> usize {
        self.moves.iter().filter(|it| it.spot == *spot).count()
    }

    /// Everything that was ever used.
    pub(super) fn spots(&self) -> BTreeSet<Spot> {
        self.moves.iter().map(|it| it.spot.clone()).collect()
    }

    /// Uses so much more, and tells of what that crosses.
    pub(super) fn use_more(&mut self, spot: &Spot, by: i128, at: Timestamp, now: Timestamp) {
        if by == 0 {
            return;
        }
        let span = Span::parse(&spot.1).unwrap_or(Span::Always);
        self.moves.push(Move {
            spot: spot.clone(),
            by,
            hour: hour_in(span, at),
            after: self.used(spot) + by,
        });
        self.ring_after_a_move(spot, now);
    }

    /// The limit that it is decided by; `None` for none.
    pub(super) fn limit(&self, counter: Counter) -> Option<i128> {
        self.limit_at(counter, self.as_of)
    }

    /// The limit of an instant.
    pub(super) fn limit_at(&self, counter: Counter, at: Timestamp) -> Option<i128> {
        let number = |limit: Limit| limit.max().map(|max| i128::from(max.get()));
        let dimension = match counter {
            Counter::Dimension(dimension) => dimension,
            Counter::Tally(_) => return None,
            Counter::OpenReservations => return number(self.open),
        };
        let mut limit = number(self.plan.of(dimension));
        let mut latest = None;
        let mut granted = 0;
        for one in self.adjustments.values() {
            let over = one.until.is_some_and(|until| until <= at);
            if one.dimension != dimension || at < one.from || over {
                continue;
            }
            match one.change {
                LimitChange::Grant(more) => granted += i128::from(more.get()),
                LimitChange::Override(to) => {
                    if latest < Some((one.from, one.id)) {
                        latest = Some((one.from, one.id));
                        limit = number(to);
                    }
                }
            }
        }
        limit.map(|limit| limit + granted)
    }

    /// The first instant after this one at which an adjustment begins or ends.
    pub(super) fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let edges = self.adjustments.values();
        let edges = edges.flat_map(|one| [Some(one.from), one.until]).flatten();
        edges.filter(|edge| after < *edge).min()
    }

    /// Whether an adjustment has begun or ended since its limits were worked out.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.next_change(self.as_of)
            .is_some_and(|change| change <= now)
    }

    /// Whether all limits from this instant on are numbers that can be kept.
    pub(super) fn is_in_range(&self, from: Timestamp) -> bool {
        let mut at = Some(from);
        while let Some(instant) = at {
            let limits = Dimension::ALL.map(|it| self.limit_at(Counter::Dimension(it), instant));
            if limits.into_iter().flatten().any(|limit| MOST < limit) {
                return false;
            }
            at = self.next_change(instant);
        }
        true
    }
}

/// The numbers that requests of these counters are decided on.
pub(super) fn spot_or_always(counter: Counter, at: Timestamp) -> Spot {
    spot(counter, at).unwrap_or((counter, String::new()))
}
