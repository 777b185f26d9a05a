//! Numbers that are exact or refused.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::PolicyError;

/// A count from 1 to 2^52 - 1.
pub(crate) fn count(what: &'static str, given: u64) -> Result<u64, PolicyError> {
    match given {
        0 => Err(PolicyError::Zero { what }),
        BOUND.. => Err(PolicyError::TooLarge { what }),
        count => Ok(count),
    }
}

/// A length of 1 to 2^52 - 1 whole microseconds.
pub(crate) fn micros(what: &'static str, given: Duration) -> Result<u64, PolicyError> {
    if !given.subsec_nanos().is_multiple_of(NANOS_PER_MICRO) {
        let nearest =
            (given.as_nanos() + u128::from(NANOS_PER_MICRO) / 2) / u128::from(NANOS_PER_MICRO);
        return Err(PolicyError::InexactLength {
            given,
            nearest: from_micros(u64::try_from(nearest).unwrap_or(u64::MAX).max(1)),
        });
    }
    count(what, u64::try_from(given.as_micros()).unwrap_or(u64::MAX))
}

/// The emission interval of `count` per `period` microseconds, both at least 1.
pub(crate) fn interval(count: u64, period: u64) -> Result<u64, PolicyError> {
    if period.is_multiple_of(count) {
        return Ok(period / count);
    }
    let nearest = (period + count / 2) / count; // both below 2^52
    Err(PolicyError::InexactRate {
        count,
        period: from_micros(period),
        nearest: from_micros(nearest.max(1)),
    })
}

/// A product that is at least 1 and stays below 2^52.
pub(crate) fn product(what: &'static str, left: u64, right: u64) -> Result<u64, PolicyError> {
    count(what, left.saturating_mul(right))
}

/// One of `shares` equal parts of a count, rounded down and at least 1.
pub(crate) const fn share(count: u64, shares: NonZeroU32) -> u64 {
    let part = count / shares.get() as u64;
    if part == 0 { 1 } else { part }
}

/// Microseconds below 2^52 as the signed number that instants are made of.
pub(crate) fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

const fn from_micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Products of two such numbers with an instant stay below 2^53 in a script that counts from an epoch of its own.
const BOUND: u64 = 1 << 52;

const NANOS_PER_MICRO: u32 = 1_000;
