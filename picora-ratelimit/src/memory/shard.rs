//! The records of some homes, under one lock.

use picora_core::Timestamp;

use super::denied::{Copy, Denied};
use super::line::Line;
use super::place::Place;
use super::sync::{Mutex, MutexGuard, PoisonError};
use super::table::Table;
use super::wide::Wide;
use crate::frame::{Frame, Stored};
use crate::{Cell, Check, Decision, Log, Record, Verdict};

/// Some homes: what was denied last, to be read without the lock, and the records behind it.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Shard {
    denied: Denied,
    records: Mutex<Records>,
}

impl Shard {
    /// An empty shard of at most so many records.
    pub(super) fn new(most: Option<usize>) -> Self {
        let records = Records {
            most: most.unwrap_or(usize::MAX),
            ..Records::default()
        };
        Self {
            denied: Denied::default(),
            records: Mutex::new(records),
        }
    }

    /// The records, alone. A panic elsewhere cannot have left half a step: they change only after the step has been decided.
    pub(super) fn hold(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without the lock: a denial of a moment ago that still stands.
    #[inline]
    pub(super) fn standing(&self, check: &Check<'_>, now: Timestamp) -> Option<Copy> {
        self.denied.standing(check, now)
    }

    #[inline(never)]
    pub(super) fn decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Decision<'a> {
        let mut records = self.hold();
        let mut frame = records.settle(check, now);
        frame.charge();
        if frame.writes() {
            self.write(&mut records, &frame, check, now);
        } else if frame.verdict() == Verdict::Deny {
            self.denied.publish(check, frame.decision());
        }
        frame.into_decision()
    }

    pub(super) fn refund(&self, check: &Check<'_>, charged_at: Timestamp, now: Timestamp) {
        let mut records = self.hold();
        let mut frame = records.settle(check, now);
        frame.take_back(charged_at);
        self.write(&mut records, &frame, check, now);
    }

    pub(super) fn forget(&self, place: Place) {
        let mut records = self.hold();
        self.denied.forget(place);
        records.lines.remove(place);
        records.wide.remove(place);
    }

    fn write(&self, records: &mut Records, frame: &Frame<'_>, check: &Check<'_>, now: Timestamp) {
        frame.for_each(|subject, cells, log| {
            let place = Place::of(check.home(), subject.key);
            self.denied.forget(place);
            if Line::fits(subject.policy) {
                records.put_line(place, Line::new(place, &cells), now);
            } else {
                let record = Record::new(cells.iter().collect());
                let record = record.with_log(log.cloned().unwrap_or_default());
                records.put_wide(place, record, now);
            }
        });
    }
}

/// The records of a shard.
#[derive(Debug, Default)]
pub(super) struct Records {
    lines: Table,
    wide: Wide,
    most: usize,
    evicted: u64,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.lines.len() + self.wide.len()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The check laid over its records.
    pub(super) fn settle<'a>(&self, check: &Check<'a>, now: Timestamp) -> Frame<'a> {
        let home = check.home();
        Frame::settle(
            check,
            |_, subject| self.get(Place::of(home, subject.key)),
            now,
        )
    }

    fn get(&self, place: Place) -> Option<Kept<'_>> {
        let line = self.lines.get(place).map(Kept::Line);
        line.or_else(|| self.wide.get(place).map(Kept::Wide))
    }

    fn put_line(&mut self, place: Place, line: Line, now: Timestamp) {
        self.wide.remove(place); // the policy had more limits before
        if self.lines.put(place, line) {
            self.lines.sweep(now);
            if self.len() > self.most {
                let line = self.lines.evict(place, now);
                let counted = line.or_else(|| self.wide.evict(place, now));
                self.evicted += u64::from(counted.unwrap_or(false));
            }
        }
    }

    fn put_wide(&mut self, place: Place, record: Record, now: Timestamp) {
        self.lines.remove(place); // the policy had fewer limits before
        if self.wide.put(place, record) {
            self.wide.sweep(now);
            if self.len() > self.most {
                let record = self.wide.evict(place, now);
                let counted = record.or_else(|| self.lines.evict(place, now));
                self.evicted += u64::from(counted.unwrap_or(false));
            }
        }
    }
}

/// A record in one of its two homes.
enum Kept<'r> {
    Line(&'r Line),
    Wide(&'r Record),
}

impl Stored for Kept<'_> {
    fn cell(&self, nth: usize) -> Cell {
        match self {
            Self::Line(line) => line.cell(nth),
            Self::Wide(record) => record.cell(nth),
        }
    }
    fn log(&self) -> Option<&Log> {
        match self {
            Self::Line(_) => None,
            Self::Wide(record) => record.log(),
        }
    }
}
