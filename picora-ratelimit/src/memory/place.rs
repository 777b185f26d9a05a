//! Where a record lives.

use crate::{Check, SubjectKey};

/// A home and a subject as one number of 128 bits, whatever keys a caller makes.
///
/// Keys are fingerprints already, and two pairs meet with the probability of two fingerprints; the factors only see to it that plain
/// numbers, as tests and embedders use them, neither meet nor crowd. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place([u64; 2]);

impl Place {
    #[inline]
    pub(super) const fn of(home: SubjectKey, subject: SubjectKey) -> Self {
        let ([a, b], [c, d]) = (halves(home.0), halves(subject.0));
        let place = [
            c.wrapping_add(a.wrapping_mul(LOW)).wrapping_add(SHARD),
            d.wrapping_add(b.wrapping_mul(HIGH)),
        ];
        Self(if place[0] | place[1] == 0 {
            [1, 0]
        } else {
            place
        })
    }

    /// The places of a check's subjects, in order.
    #[inline]
    pub(super) fn all(check: &Check<'_>) -> impl Iterator<Item = Self> {
        let home = check.home();
        let subjects = check.subjects();
        subjects.map(move |subject| Self::of(home, subject.key))
    }

    /// As plain words, and back, for lines and for who reads without a lock.
    pub(super) const fn to_words(self) -> [u64; 2] {
        self.0
    }

    pub(super) const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// The position among so many, evenly.
    #[inline]
    pub(super) const fn among(self, count: usize) -> usize {
        let [low, high] = self.0;
        spread((low ^ high.rotate_left(32)).wrapping_mul(POSITION), count)
    }
}

/// The shard of a home, alone: all its subjects live under one lock.
#[inline]
pub(super) const fn home_of_shard(home: SubjectKey, shards: usize) -> usize {
    let [low, high] = halves(home.0);
    spread((low ^ high).wrapping_mul(SHARD), shards)
}

/// A number below the count, by the number's highest bits.
#[expect(clippy::cast_possible_truncation, reason = "below the count")]
const fn spread(number: u64, count: usize) -> usize {
    ((number as u128 * count as u128) >> 64) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is what is meant"
)]
const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

// Odd, and otherwise arbitrary: the first digits of pi, e, the golden ratio and the root of two in hexadecimal.
const LOW: u64 = 0x243F_6A88_85A3_08D3;
const HIGH: u64 = 0xB7E1_5162_8AED_2A6B;
const SHARD: u64 = 0x9E37_79B9_7F4A_7C15;
const POSITION: u64 = 0x6A09_E667_F3BC_C909;
