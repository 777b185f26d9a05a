//! Where a record lives.

use crate::{Check, SubjectKey};

/// A home and a subject as one number that is spread evenly, whatever keys a caller makes.
///
/// Keys are fingerprints already; the factors only see to it that plain numbers, as tests and embedders use them, do not crowd. Two pairs
/// meet with the probability of two fingerprints. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(u128);

impl Place {
    pub(super) const fn of(home: SubjectKey, subject: SubjectKey) -> Self {
        let mixed = home
            .0
            .wrapping_mul(HOME)
            .wrapping_add(subject.0.wrapping_mul(SUBJECT));
        Self(if mixed == 0 { 1 } else { mixed })
    }

    /// The places of a check's subjects, in order.
    pub(super) fn all(check: &Check<'_>) -> impl Iterator<Item = Self> {
        let home = check.home();
        let subjects = check.subjects();
        subjects.map(move |subject| Self::of(home, subject.key))
    }

    pub(super) const fn from_number(number: u128) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u128 {
        self.0
    }

    /// The position among so many, evenly.
    pub(super) const fn among(self, count: usize) -> usize {
        spread(high(self.0), count)
    }
}

/// The shard of a home, alone: all its subjects live under one lock.
pub(super) const fn home_of_shard(home: SubjectKey, shards: usize) -> usize {
    spread(high(home.0.wrapping_mul(SHARD)), shards)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "below 2^64, and then below the count"
)]
const fn high(number: u128) -> u64 {
    (number >> 64) as u64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "below 2^64, and then below the count"
)]
const fn spread(number: u64, count: usize) -> usize {
    ((number as u128 * count as u128) >> 64) as usize
}

// Odd, and otherwise arbitrary: the first digits of pi, e and the golden ratio in hexadecimal.
const HOME: u128 = 0x243F_6A88_85A3_08D3_1319_8A2E_0370_7345;
const SUBJECT: u128 = 0xB7E1_5162_8AED_2A6A_BF71_5880_9CF4_F3C7;
const SHARD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
