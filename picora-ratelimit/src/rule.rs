//! How one limit counts: what every kind of rule answers.

use std::num::NonZeroU32;

use picora_core::Timestamp;

use crate::{Calendar, Cell, Gcra, PolicyError, Rolling, Window, exact, window};

/// How one limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// So many in each UTC day or month.
    Calendar(Calendar),
    /// A steady rate with a burst.
    Gcra(Gcra),
    /// So many in any span of a length.
    Rolling(Rolling),
    /// So many in each fixed window.
    Window(Window),
}

impl Rule {
    /// The largest cost that can ever pass.
    #[must_use]
    pub const fn most(self) -> u64 {
        match self {
            Self::Calendar(rule) => rule.limit(),
            Self::Gcra(rule) => rule.burst(),
            Self::Rolling(rule) => rule.limit(),
            Self::Window(rule) => rule.limit(),
        }
    }

    /// Whether it is a window or a calendar limit, which is what the header triplet describes (C60).
    #[must_use]
    pub const fn is_window(self) -> bool {
        matches!(self, Self::Window(_) | Self::Calendar(_))
    }

    pub(crate) fn scaled(self, factor: NonZeroU32) -> Result<Self, PolicyError> {
        Ok(match self {
            Self::Calendar(rule) => Self::Calendar(rule.scaled(factor)?),
            Self::Gcra(rule) => Self::Gcra(rule.scaled(factor)?),
            Self::Rolling(rule) => Self::Rolling(rule.scaled(factor)?),
            Self::Window(rule) => Self::Window(rule.scaled(factor)?),
        })
    }

    pub(crate) fn divided(self, shares: NonZeroU32) -> Result<Self, PolicyError> {
        Ok(match self {
            Self::Calendar(rule) => Self::Calendar(rule.divided(shares)),
            Self::Gcra(rule) => Self::Gcra(rule.divided(shares)?),
            Self::Rolling(rule) => {
                let limit = exact::share(rule.limit(), shares);
                Self::Rolling(Rolling::new(limit, rule.length())?)
            }
            Self::Window(rule) => Self::Window(rule.divided(shares)),
        })
    }

    /// The cell that counts at `now`, from what is stored. A rolling rule has none: its log is settled for all of its policy.
    pub(crate) fn settle(&self, stored: Cell, now: Timestamp) -> Cell {
        match self {
            Self::Gcra(rule) => rule.settle(stored, now),
            Self::Window(rule) => rule.settle(stored, now),
            Self::Calendar(rule) => rule.settle(stored, now),
            Self::Rolling(_) => Cell::NONE,
        }
    }

    /// Microseconds until this limit alone has room for the cost; none or fewer when it has.
    pub(crate) fn wait(&self, cell: Cell, cost: u64, now: Timestamp) -> i64 {
        match self {
            Self::Gcra(rule) => rule.wait(cell, cost, now),
            Self::Window(rule) => window::wait(cell, rule.limit(), cost, now),
            Self::Calendar(rule) => window::wait(cell, rule.limit(), cost, now),
            Self::Rolling(_) => 0,
        }
    }

    /// The cell after a charge.
    pub(crate) fn charged(&self, cell: Cell, cost: u64, now: Timestamp) -> Cell {
        match self {
            Self::Gcra(rule) => rule.charged(cell, cost, now),
            Self::Window(_) | Self::Calendar(_) => window::charged(cell, cost),
            Self::Rolling(_) => cell,
        }
    }

    /// The cell after a refund.
    pub(crate) fn refunded(
        &self,
        cell: Cell,
        cost: u64,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Cell {
        let charged_in = |rule: &Self| rule.settle(Cell::NONE, charged_at);
        match self {
            Self::Gcra(rule) => rule.refund(cell, cost, charged_at, now),
            Self::Window(_) | Self::Calendar(_) => window::refunded(cell, cost, charged_in(self)),
            Self::Rolling(_) => cell,
        }
    }

    /// What one could still spend, by the cell at `now`; of a rolling rule the number is what counts in its span.
    pub(crate) fn remaining(&self, cell: Cell, now: Timestamp) -> u64 {
        match self {
            Self::Gcra(rule) => rule.remaining(cell, now),
            Self::Window(_) | Self::Calendar(_) | Self::Rolling(_) => {
                self.most().saturating_sub(cell.number())
            }
        }
    }
}
