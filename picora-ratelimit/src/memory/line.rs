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
    place: u128,
    cells: [Cell; CELLS],
}

impl Line {
    /// A free line.
    pub(super) const FREE: Self = Self {
        place: 0,
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
            place: place.number(),
            ..Self::FREE
        }
    }

    pub(super) const fn is_free(&self) -> bool {
        self.place == 0
    }

    pub(super) const fn is_at(&self, place: Place) -> bool {
        self.place == place.number()
    }

    /// Its position among so many lines, were there no others.
    pub(super) const fn ideal(&self, count: usize) -> usize {
        Place::from_number(self.place).among(count)
    }

    /// The first instant at which forgetting it changes no decision.
    pub(super) fn fresh_from(&self) -> Timestamp {
        let instants = self.cells.iter().map(|cell| cell.instant());
        Timestamp::from_unix_micros(instants.max().unwrap_or(0))
    }

    /// As plain words, and back; for those who read without a lock.
    pub(super) fn to_words(self) -> [u64; WORDS] {
        let [low, high] = halves(self.place);
        let [[a, b], [c, d], [e, f]] = self.cells.map(Cell::to_words);
        [low, high, a, b, c, d, e, f]
    }

    pub(super) fn from_words(words: [u64; WORDS]) -> Self {
        let [low, high, a, b, c, d, e, f] = words;
        Self {
            place: u128::from(low) | u128::from(high) << 64,
            cells: [[a, b], [c, d], [e, f]].map(Cell::from_words),
        }
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

#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is what is meant"
)]
const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

/// Words of a line.
pub(super) const WORDS: usize = 8;
/// Cells of a line: the product's window, burst and ceiling.
const CELLS: usize = 3;
