//! One limit at one instant: its rule and its cell, which agree in kind.

use std::time::Duration;

use picora_core::Timestamp;

use crate::{Cell, Gcra, GcraCell, Rule, Window, WindowCell};

/// A rule with the cell that counts at `now`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Settled {
    Gcra(Gcra, GcraCell),
    Window(Window, WindowCell),
}

impl Settled {
    pub(crate) fn new(rule: Rule, stored: Option<&Cell>, now: Timestamp) -> Self {
        match (rule, stored) {
            (Rule::Gcra(rule), Some(Cell::Gcra(cell))) => {
                Self::Gcra(rule, rule.settle(Some(*cell), now))
            }
            (Rule::Gcra(rule), _) => Self::Gcra(rule, rule.settle(None, now)),
            (Rule::Window(rule), Some(Cell::Window(cell))) => {
                Self::Window(rule, rule.settle(Some(*cell), now))
            }
            (Rule::Window(rule), _) => Self::Window(rule, rule.settle(None, now)),
        }
    }

    /// Whether the stored cell lay further ahead than its rule can lead, and was drawn back: this alone is worth a write on a denial.
    /// Without the write, a cell that is drawn back afresh at each reading would deny until the clock has caught up.
    pub(crate) fn heals(&self, stored: Option<&Cell>) -> bool {
        match (self, stored) {
            (Self::Gcra(_, cell), Some(Cell::Gcra(stored))) => cell.arrival < stored.arrival,
            (Self::Window(_, cell), Some(Cell::Window(stored))) => cell.end < stored.end,
            _ => false,
        }
    }

    pub(crate) fn wait(&self, cost: u64, now: Timestamp) -> Duration {
        match *self {
            Self::Gcra(rule, cell) => rule.wait(cell, cost, now),
            Self::Window(rule, cell) => rule.wait(cell, cost, now),
        }
    }

    pub(crate) fn charged(self, cost: u64) -> Self {
        match self {
            Self::Gcra(rule, cell) => Self::Gcra(rule, rule.charged(cell, cost)),
            Self::Window(rule, cell) => Self::Window(rule, cell.charged(cost)),
        }
    }

    pub(crate) fn refunded(self, cost: u64, charged_at: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Gcra(rule, cell) => Self::Gcra(rule, rule.refund(cell, cost, charged_at, now)),
            Self::Window(rule, cell) => Self::Window(rule, rule.refund(cell, cost, charged_at)),
        }
    }

    pub(crate) fn remaining(&self, now: Timestamp) -> u64 {
        match *self {
            Self::Gcra(rule, cell) => rule.remaining(cell, now),
            Self::Window(rule, cell) => rule.remaining(cell),
        }
    }

    /// When the whole limit is free again.
    pub(crate) const fn reset(&self) -> Timestamp {
        match self {
            Self::Gcra(_, cell) => Timestamp::from_unix_micros(cell.arrival),
            Self::Window(_, cell) => Timestamp::from_unix_micros(cell.end),
        }
    }

    pub(crate) const fn cell(&self) -> Cell {
        match self {
            Self::Gcra(_, cell) => Cell::Gcra(*cell),
            Self::Window(_, cell) => Cell::Window(*cell),
        }
    }
}
