//! One record in one cache line.

use picora_core::Timestamp;

use super::place::Place;
use crate::frame::{Cells, Stored};
use crate::{Cell, Log, Policy};

/// A record of up to three cells and no log, with its place: 64 bytes, so that reading it costs one line of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Line {
    /// Zero when the line is free.
    place: [u64; 2],
    cells: [Cell; CELLS],
}

impl Line {
    /// A free line.
    pub(super) const FREE: Self = Self {
        place: [0; 2],
        cells: [Cell::NONE; CELLS],
    };

    /// Whether records under this policy fit into lines.
    pub(super) const fn fits(policy: &Policy) -> bool {
        policy.cells() <= CELLS && policy.reach().is_none()
    }

    /// The line of these cells, which [fit](Self::fits).
    pub(super) fn new(place: Place, cells: &Cells<'_>) -> Self {
        let mut line = Self::empty(place);
        for (held, cell) in line.cells.iter_mut().zip(cells.iter()) {
            *held = cell;
        }
        line
    }

    /// A subject never seen, at its place.
    pub(super) const fn empty(place: Place) -> Self {
        Self {
            place: place.to_words(),
            ..Self::FREE
        }
    }

    pub(super) const fn is_free(&self) -> bool {
        self.place[0] | self.place[1] == 0
    }

    pub(super) const fn is_at(&self, place: Place) -> bool {
        let [low, high] = place.to_words();
        self.place[0] == low && self.place[1] == high
    }

    /// Its position among so many lines, were there no others.
    pub(super) const fn ideal(&self, count: usize) -> usize {
        Place::from_words(self.place).among(count)
    }

    /// The first instant at which forgetting it changes no decision.
    pub(super) fn fresh_from(&self) -> Timestamp {
        let instants = self.cells.iter().map(|cell| cell.instant());
        Timestamp::from_unix_micros(instants.max().unwrap_or(0))
    }
}

impl Stored for &Line {
    fn cell(&self, nth: usize) -> Cell {
        self.cells.get(nth).copied().unwrap_or_default()
    }
    fn log(&self) -> Option<&Log> {
        None
    }
}

/// Cells of a line: the product's window, burst and ceiling.
const CELLS: usize = 3;
