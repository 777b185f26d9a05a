//! What a store keeps of one subject.

use picora_core::Timestamp;

use crate::{GcraCell, WindowCell};

/// The state of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Of a [`Gcra`](crate::Gcra).
    Gcra(GcraCell),
    /// Of a [`Window`](crate::Window).
    Window(WindowCell),
}

impl Cell {
    /// The first instant at which it says no more than an absent one, in microseconds since 1970.
    const fn fresh_from(&self) -> i64 {
        match self {
            Self::Gcra(cell) => cell.arrival,
            Self::Window(cell) => cell.end,
        }
    }
}

/// The state of one subject: a cell for each limit of its policy, in the policy's order. The default is a subject never seen.
///
/// **Boundaries**: a cell that is missing, or of another kind than its limit (the policy was changed), counts as never used. Cells of
/// any content are borne: nothing that a store answers makes a rule panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(Vec<Cell>);

impl Record {
    /// Takes the cells that a store holds.
    #[must_use]
    pub const fn new(cells: Vec<Cell>) -> Self {
        Self(cells)
    }

    /// The cells that a store holds.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.0
    }

    /// The first instant at which forgetting the record changes no decision. A store may drop it then and no earlier: this, and no
    /// guess of an adapter, is the record's time to live.
    ///
    /// ```
    /// use picora_core::Timestamp;
    /// use picora_ratelimit::{Cell, GcraCell, Record, WindowCell};
    /// let window = Cell::Window(WindowCell { end: 60_000_000, used: 1 });
    /// let burst = Cell::Gcra(GcraCell { arrival: 100_000 });
    /// assert_eq!(Record::new(vec![window, burst]).fresh_from(), Timestamp::from_unix_seconds(60));
    /// ```
    #[must_use]
    pub fn fresh_from(&self) -> Timestamp {
        let latest = self.0.iter().map(Cell::fresh_from).max();
        latest.map_or(Timestamp::EPOCH, Timestamp::from_unix_micros)
    }
}
