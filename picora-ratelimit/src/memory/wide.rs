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
            // Places of records that were removed meanwhile, or that are there twice.
            if self.round.len() > 2 * self.records.len() + SPARE {
                self.round = self.records.keys().copied().collect();
            }
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

    /// Drops the record that would be forgotten soonest of the next few, but for the newcomer's; whether it still counted, and none when
    /// there is no other.
    pub(super) fn evict(&mut self, newcomer: Place, now: Timestamp) -> Option<bool> {
        let others = self.round.iter().filter(|place| **place != newcomer);
        let held = others.filter_map(|place| Some((self.records.get(place)?.fresh_from(), *place)));
        let (fresh_from, place) = held.take(CANDIDATES).min_by_key(|(at, _)| *at)?;
        self.records.remove(&place);
        self.round.rotate_left(CANDIDATES.min(self.round.len()));
        Some(fresh_from > now)
    }
}

/// One visit would only keep pace; the second one shrinks what a flood has left.
const VISITS: usize = 2;
/// How far the round may outgrow the records.
const SPARE: usize = 64;
/// Records that a newcomer to a full shard is weighed against.
const CANDIDATES: usize = 8;
