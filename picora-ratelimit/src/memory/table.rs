//! An open table of lines.

use picora_core::Timestamp;

use super::line::Line;
use super::place::Place;

/// Lines, each at its ideal position or at one of the next that were taken; the positions follow the order of places, so that any number
/// of lines will do, and the table grows by a quarter and not by the double.
#[derive(Debug, Default)]
pub(super) struct Table {
    lines: Vec<Line>,
    used: usize,
    /// Where the sweep goes on.
    hand: usize,
}

impl Table {
    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn get(&self, place: Place) -> Option<&Line> {
        self.find(place).ok().map(|at| &self.lines[at])
    }

    /// Puts a line at its place; true when the place was new.
    pub(super) fn put(&mut self, place: Place, line: Line) -> bool {
        if let Ok(at) = self.find(place) {
            self.lines[at] = line;
            return false;
        }
        if (self.used + 1) * FULL_OF > self.lines.len() * FULL {
            self.resize(self.used + self.used / GROWTH + LEAST);
        }
        if let Err(Some(free)) = self.find(place) {
            self.lines[free] = line;
            self.used += 1;
        }
        true
    }

    pub(super) fn remove(&mut self, place: Place) -> bool {
        let found = self.find(place);
        if let Ok(at) = found {
            self.vacate(at);
        }
        found.is_ok()
    }

    /// Visits the next few positions and frees those whose lines no longer count. An empty table gives its memory back in time.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for _ in 0..VISITS.min(self.lines.len()) {
            let line = &self.lines[self.hand];
            if !line.is_free() && line.fresh_from() <= now {
                self.vacate(self.hand); // another line may have moved here: look again
            } else {
                self.step();
            }
        }
    }

    /// Frees the line that would be forgotten soonest of the next few, but for the newcomer's; whether it still counted, and none when
    /// there is no other.
    pub(super) fn evict(&mut self, newcomer: Place, now: Timestamp) -> Option<bool> {
        let count = self.lines.len();
        let others = (0..count)
            .map(|ahead| (self.hand + ahead) % count)
            .filter(|at| !self.lines[*at].is_free() && !self.lines[*at].is_at(newcomer));
        let candidates = others.take(CANDIDATES);
        let (fresh_from, at) = candidates
            .map(|at| (self.lines[at].fresh_from(), at))
            .min()?;
        self.vacate(at);
        self.hand = next(at.min(count - 1), count);
        Some(fresh_from > now)
    }

    fn step(&mut self) {
        self.hand += 1;
        if self.hand >= self.lines.len() {
            self.hand = 0;
            if self.used * SPARSE + LEAST < self.lines.len() {
                self.resize(self.used + self.used / GROWTH + LEAST);
            }
        }
    }

    /// The position of a place, or else the first free one where it would go; none in a table without lines.
    fn find(&self, place: Place) -> Result<usize, Option<usize>> {
        let count = self.lines.len();
        if count == 0 {
            return Err(None);
        }
        let mut at = place.among(count);
        loop {
            let line = &self.lines[at];
            if line.is_at(place) {
                return Ok(at);
            }
            if line.is_free() {
                return Err(Some(at)); // a table is never full
            }
            at = next(at, count);
        }
    }

    /// Frees a position, and moves lines that were pushed past it back, so that none is cut off from its ideal position.
    fn vacate(&mut self, mut hole: usize) {
        let count = self.lines.len();
        let mut at = hole;
        loop {
            at = next(at, count);
            let line = self.lines[at];
            if line.is_free() {
                break;
            }
            let pushed = (at + count - line.ideal(count)) % count;
            let gap = (at + count - hole) % count;
            if pushed >= gap {
                self.lines[hole] = line;
                hole = at;
            }
        }
        self.lines[hole] = Line::FREE;
        self.used -= 1;
    }

    fn resize(&mut self, records: usize) {
        let count = records * FULL_OF / FULL + 1;
        let old = std::mem::replace(&mut self.lines, vec![Line::FREE; count]);
        self.hand = 0;
        for line in old.into_iter().filter(|line| !line.is_free()) {
            let mut at = line.ideal(count);
            while !self.lines[at].is_free() {
                at = next(at, count);
            }
            self.lines[at] = line;
        }
    }
}

const fn next(at: usize, count: usize) -> usize {
    if at + 1 == count { 0 } else { at + 1 }
}

/// At most three quarters are taken: more would save little and make searches long.
const FULL: usize = 3;
const FULL_OF: usize = 4;
/// A growth by a quarter: between 60 and 75 % are taken while records come.
const GROWTH: usize = 4;
/// Lines beyond which it is worth the trouble to shrink, and the smallest step of growth.
const LEAST: usize = 4;
/// Shrinks when fewer than one in so many is taken.
const SPARSE: usize = 4;
/// Looks for each newcomer: five would free one line and pass the free ones beside it; this sheds what a flood has left twice as fast as
/// others arrive.
const VISITS: usize = 6;
/// Records that a newcomer to a full shard is weighed against.
const CANDIDATES: usize = 8;
