//! What a shard denied last, for those who ask again without taking its lock.

use picora_core::Timestamp;

use super::line::{Line, WORDS};
use super::place::Place;
use super::sync::{AtomicU64, Ordering, fence};
use crate::frame::Frame;
use crate::{Check, Decision, Verdict};

/// A copy of the records that a denial read, under a version that is odd while the copy is written.
///
/// A key that is denied is asked for again and again, and nothing changes meanwhile: readers of the copy write nothing, not even a lock.
/// It is exact: whoever changes one of the records, under the shard's lock, drops the copy first.
#[derive(Debug, Default)]
pub(super) struct Denied {
    version: AtomicU64,
    words: [AtomicU64; WORDS * SUBJECTS],
}

impl Denied {
    /// The denial that the copy leads to; none when it is of other subjects, or when it is no denial any more.
    pub(super) fn decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Option<Decision<'a>> {
        let lines = self.read(check)?;
        let frame = Frame::settle(check, |at, _| lines.get(at), now);
        let denies = frame.verdict() == Verdict::Deny && !frame.writes();
        denies.then(|| frame.into_decision())
    }

    fn read(&self, check: &Check<'_>) -> Option<[Line; SUBJECTS]> {
        let version = self.version.load(Ordering::Acquire);
        let mut places = Place::all(check);
        if version % 2 == 1 || !self.starts_with(places.next()?) {
            return None;
        }
        let words: [u64; WORDS * SUBJECTS] =
            std::array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        if self.version.load(Ordering::Relaxed) != version {
            return None; // written meanwhile
        }
        let lines = split(&words);
        let mut rest = lines[1..].iter();
        let same = places.all(|place| rest.next().is_some_and(|line| line.is_at(place)));
        same.then_some(lines)
    }

    fn starts_with(&self, place: Place) -> bool {
        let [low, high, ..] = Line::empty(place).to_words();
        self.words[0].load(Ordering::Relaxed) == low
            && self.words[1].load(Ordering::Relaxed) == high
    }

    /// Takes a copy, under the shard's lock. More subjects than it has room for are not copied.
    pub(super) fn publish<'l>(
        &self,
        lines: impl Iterator<Item = Option<&'l Line>>,
        check: &Check<'_>,
    ) {
        if check.subjects().count() > SUBJECTS
            || !check.subjects().all(|subject| Line::fits(subject.policy))
        {
            return;
        }
        let places = Place::all(check);
        let copies = places
            .zip(lines)
            .map(|(place, line)| line.map_or(Line::empty(place), |line| *line));
        let mut words = [0; WORDS * SUBJECTS];
        for (copy, line) in words.chunks_exact_mut(WORDS).zip(copies) {
            copy.copy_from_slice(&line.to_words());
        }
        self.write(&words);
    }

    /// Drops the copy when it holds this place, under the shard's lock and before the record changes.
    pub(super) fn forget(&self, place: Place) {
        let [low, high, ..] = Line::empty(place).to_words();
        let holds = |first: usize| {
            self.words[first].load(Ordering::Relaxed) == low
                && self.words[first + 1].load(Ordering::Relaxed) == high
        };
        if (0..SUBJECTS).any(|nth| holds(nth * WORDS)) {
            self.write(&[0; WORDS * SUBJECTS]);
        }
    }

    fn write(&self, words: &[u64; WORDS * SUBJECTS]) {
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (held, word) in self.words.iter().zip(words) {
            held.store(*word, Ordering::Relaxed);
        }
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }
}

fn split(words: &[u64; WORDS * SUBJECTS]) -> [Line; SUBJECTS] {
    std::array::from_fn(|nth| {
        let first = nth * WORDS;
        Line::from_words(std::array::from_fn(|at| words[first + at]))
    })
}

/// The account's tier and its credential's ceiling.
const SUBJECTS: usize = 2;
