//! Records that are wider than a line.

use std::collections::{HashMap, VecDeque};

use picora_core::Timestamp;

use super::place::Place;
use crate::Record;

/// Records of more than three cells, or with a log; and the order in which the sweep visits them, each place once.
#[derive(Debug, Default)]
pub(super) struct Wide {
    records: HashMap<Place, Record>,
    round: VecDeque<Place>,
}

impl Wide {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Record> {
        if self.records.is_empty() {
            return None; // spares everybody else the hash
        }
        self.records.get(&place)
    }

    /// Puts a record at its place; true when the place was new.
    pub(super) fn put(&mut self, place: Place, record: Record) -> bool {
        let new = self.records.insert(place, record).is_none();
        if new {
            self.round.push_back(place);
        }
        new
    }

    pub(super) fn remove(&mut self, place: Place) -> bool {
        // Its place in the round is dropped when the sweep comes by.
        !self.records.is_empty() && self.records.remove(&place).is_some()
    }

    /// Visits the next few records and drops those that no longer count.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for _ in 0..VISITS {
            let Some(place) = self.round.pop_front() else {
                return;
            };
            match self.records.get(&place) {
                Some(record) if record.fresh_from() > now => self.round.push_back(place),
                Some(_) => drop(self.records.remove(&place)),
                None => {}
            }
        }
    }

    /// Drops the record that would be forgotten soonest of the next few; true when it still counted.
    pub(super) fn evict(&mut self, now: Timestamp) -> bool {
        let next: Vec<Place> = self
            .round
            .drain(..CANDIDATES.min(self.round.len()))
            .collect();
        let fresh_from = |place: &Place| self.records.get(place).map(Record::fresh_from);
        let soonest = next.iter().copied().min_by_key(fresh_from);
        let counted = soonest
            .and_then(|place| fresh_from(&place))
            .is_some_and(|at| at > now);
        for place in next {
            if Some(place) == soonest {
                self.records.remove(&place);
            } else {
                self.round.push_back(place);
            }
        }
        counted
    }
}

/// One visit would only keep pace; the second one shrinks what a flood has left.
const VISITS: usize = 2;
/// Records that a newcomer to a full shard is weighed against.
const CANDIDATES: usize = 8;
