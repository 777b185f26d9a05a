//! Counting the truth again, and posting what differs.

use picora_core::{AccountId, Amount, Measure, PostingKey, Window};

use crate::{Cell, CellKey, Counter};

/// What a gauge should hold, counted from the resources themselves, together with what it held at that moment.
///
/// Only gauges can be counted again: what was served is nowhere but in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recount {
    /// The name of the correction: a used one is a no-op.
    pub key: PostingKey,
    /// Whose.
    pub account: AccountId,
    /// Of what; a dimension or tally that is a level.
    pub counter: Counter,
    /// What the cell held, as of the moment of the count.
    pub seen: Seen,
    /// What was counted.
    pub truth: Amount,
    /// Also when it differs by more than is plausible.
    pub force: bool,
}

/// A cell as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was used.
    pub used: Amount,
    /// How often the cell had moved; another number later means that the count is stale.
    pub moves: u64,
}

/// What a recount says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recounted {
    /// Nothing differs.
    Even,
    /// It differs by more than a fifth, and is not forced: a partial read of the truth is likelier than such a drift. Nothing changed.
    Implausible,
    /// The cell moved since the count; count again. Nothing changed.
    Moved,
    /// The difference was posted, with the reason `reconcile`; before it, what had moved without a record, so that movements add up again.
    /// If nothing but the record was at fault, `after` is as `before`.
    Posted {
        /// Before.
        before: Cell,
        /// After.
        after: Cell,
    },
    /// Nothing is kept of this counter that could be counted again, or the key was used. Nothing changed.
    Refused,
}

impl Recount {
    /// The cell that is counted again; `None` for what has windows or is no amount of resources.
    #[must_use]
    pub fn cell(&self) -> Option<CellKey> {
        let level = match self.counter {
            Counter::Dimension(dimension) => dimension.measure() == Measure::Gauge,
            Counter::Tally(tally) => tally.dimension().measure() == Measure::Gauge,
            Counter::OpenReservations => false,
        };
        level.then_some(CellKey {
            counter: self.counter,
            window: Window::Always,
        })
    }

    /// The difference to post, or why there is none, for a cell that has moved so often.
    ///
    /// **Boundaries**: a fifth of the larger of both numbers is still plausible. **Source**: facts §6.6.
    ///
    /// ```
    /// use picora_core::{AccountId, Amount, Dimension, PostingKey};
    /// use picora_quota::{Counter, Recount, Recounted, Seen};
    /// let recount = |truth: u32| Recount {
    ///     key: PostingKey::new("reconcile", &"1"),
    ///     account: AccountId::from_bytes([1; 16]),
    ///     counter: Counter::Dimension(Dimension::ImgStorage),
    ///     seen: Seen { used: Amount::from(100), moves: 7 },
    ///     truth: Amount::from(truth),
    ///     force: false,
    /// };
    /// assert_eq!(recount(80).difference(7), Ok(-20));
    /// assert_eq!(recount(79).difference(7), Err(Recounted::Implausible));
    /// assert_eq!(recount(80).difference(8), Err(Recounted::Moved));
    /// ```
    pub fn difference(&self, moves: u64) -> Result<i64, Recounted> {
        let (used, truth) = (self.seen.used, self.truth);
        let delta = truth.to_i64() - used.to_i64(); // both are at most 2^62
        if moves != self.seen.moves {
            return Err(Recounted::Moved);
        }
        if delta == 0 {
            return Err(Recounted::Even);
        }
        let largest = u128::from(used.max(truth).get());
        if !self.force && u128::from(delta.unsigned_abs()) * 5 > largest {
            return Err(Recounted::Implausible);
        }
        Ok(delta)
    }
}
