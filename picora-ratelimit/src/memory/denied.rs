//! What a shard denied last, for those who ask again without taking its lock.

use picora_core::Timestamp;

use super::place::Place;
use super::sync::{AtomicU64, Ordering, fence};
use crate::decision::Lines;
use crate::{Cell, CellKind, Check, Decision, Exceeded, Limit, Verdict};

/// A denial and until when it stands, under a version that is odd while it is written.
///
/// A key that is denied is asked for again and again, and nothing changes meanwhile: readers of the copy write nothing, not even a lock.
/// It is exact. Whoever charges, refunds or resets one of the records, under the shard's lock, drops the copy first; it serves the same subjects under the
/// same policies, at a cost that is no smaller; and it ends with the wait that it told, or with the first window that ends before.
#[derive(Debug, Default)]
pub(super) struct Denied {
    version: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// The copy, word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    places: [[u64; 2]; SUBJECTS],
    /// Of all policies together.
    tag: u64,
    cost: u64,
    since: u64,
    until: u64,
    cells: [Cell; LIMITS],
}

impl Denied {
    /// The denial that stands; none when the copy is of others, or has ended.
    #[inline]
    pub(super) fn standing(&self, check: &Check<'_>, now: Timestamp) -> Option<Copy> {
        let version = self.version.load(Ordering::Acquire);
        let mut places = Place::all(check);
        let first = places.next()?.to_words();
        if version % 2 == 1 || self.word(0) != first[0] || self.word(1) != first[1] {
            return None;
        }
        let copy = Copy::of_words(std::array::from_fn(|at| self.word(at)));
        fence(Ordering::Acquire);
        if self.version.load(Ordering::Relaxed) != version {
            return None; // written meanwhile
        }
        let second = places.next().map_or([0; 2], Place::to_words);
        let micros = now.unix_micros().cast_unsigned();
        let stands = copy.places[1] == second
            && places.next().is_none()
            && copy.tag == tag(check)
            && copy.cost <= check.cost()
            && (copy.since..copy.until).contains(&micros);
        stands.then_some(copy)
    }

    /// Takes a copy of a denial that has changed nothing, under the shard's lock; of one that is too wide, none.
    pub(super) fn publish(&self, check: &Check<'_>, denial: &Decision<'_>) {
        let cells = &denial.lines[..];
        let subjects = check.subjects().count();
        if subjects > SUBJECTS || cells.len() > LIMITS {
            return;
        }
        // A log moves on by itself; a limit that challenges or only watches may outlast the denial.
        let plain = |limit: &Limit| limit.exceeded() == Exceeded::Deny;
        let mut policies = check.subjects().map(|it| it.policy);
        if policies.any(|it| it.reach().is_some() || !it.limits().iter().all(plain)) {
            return;
        }
        let now = denial.decided_at();
        let windows = cells.iter().filter(|cell| !cell.is(CellKind::Gcra));
        let until = now.saturating_add(denial.wait()).unix_micros();
        let until = windows.map(|cell| cell.instant()).fold(until, i64::min);
        let mut copy = Copy {
            places: [[0; 2]; SUBJECTS],
            tag: tag(check),
            cost: check.cost(),
            since: now.unix_micros().cast_unsigned(),
            until: until.cast_unsigned(),
            cells: [Cell::NONE; LIMITS],
        };
        for (held, place) in copy.places.iter_mut().zip(Place::all(check)) {
            *held = place.to_words();
        }
        copy.cells[..cells.len()].copy_from_slice(cells);
        self.write(copy.to_words());
    }

    /// Drops the copy when it holds this place, under the shard's lock and before the record changes.
    #[inline]
    pub(super) fn forget(&self, place: Place) {
        let place = place.to_words();
        let holds = |first: usize| self.word(first) == place[0] && self.word(first + 1) == place[1];
        if holds(0) || holds(2) {
            self.write([0; WORDS]);
        }
    }

    fn word(&self, at: usize) -> u64 {
        self.words[at].load(Ordering::Relaxed)
    }

    fn write(&self, words: [u64; WORDS]) {
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (held, word) in self.words.iter().zip(words) {
            held.store(word, Ordering::Relaxed);
        }
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }
}

impl Copy {
    const fn to_words(self) -> [u64; WORDS] {
        let [[a, b], [c, d]] = self.places;
        let [e, f, g, h] = self.cells;
        let ([e, i], [f, j]) = (e.to_words(), f.to_words());
        let ([g, k], [h, l]) = (g.to_words(), h.to_words());
        [
            a, b, c, d, self.tag, self.cost, self.since, self.until, e, i, f, j, g, k, h, l,
        ]
    }

    const fn of_words(words: [u64; WORDS]) -> Self {
        let [a, b, c, d, tag, cost, since, until, e, i, f, j, g, k, h, l] = words;
        let cells = [
            Cell::from_words([e, i]),
            Cell::from_words([f, j]),
            Cell::from_words([g, k]),
            Cell::from_words([h, l]),
        ];
        Self {
            places: [[a, b], [c, d]],
            tag,
            cost,
            since,
            until,
            cells,
        }
    }

    /// The denial as of now: of all numbers only a burst's has moved on.
    #[inline]
    pub(super) fn decision<'a>(&self, check: &Check<'a>, now: Timestamp) -> Decision<'a> {
        let count: usize = check.subjects().map(|it| it.policy.cells()).sum();
        let mut cells = self.cells;
        for cell in &mut cells {
            if cell.is(CellKind::Gcra) {
                *cell = Cell::gcra(cell.instant().max(now.unix_micros()));
            }
        }
        Decision {
            subjects: check.all(),
            cost: check.cost(),
            decided_at: now,
            lines: lines(cells, count),
            rolling_waits: None,
            verdict: Verdict::Deny,
            shadow_denied: false,
            held: 0,
        }
    }
}

/// In place for the three that nearly all have: no call to copy them.
#[inline]
fn lines(cells: [Cell; LIMITS], count: usize) -> Lines {
    let [a, b, c, _] = cells;
    if count <= 3 {
        Lines::from_buf_and_len([a, b, c], count)
    } else {
        Lines::from_slice(&cells)
    }
}

/// All policies of a check as one number.
#[inline]
fn tag(check: &Check<'_>) -> u64 {
    let tags = check.subjects().map(|it| it.policy.tag());
    tags.fold(0, |all, tag| all.rotate_left(1) ^ tag)
}

/// The account's tier and its credential's ceiling.
const SUBJECTS: usize = 2;
/// All their limits.
const LIMITS: usize = 4;
const WORDS: usize = 16;
