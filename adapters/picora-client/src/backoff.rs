//! When to ask again: the one rule of every retry, without a clock and without I/O.

use std::time::Duration;

use crate::retry_after::RetryAfter;

/// How a client takes being turned away.
///
/// **Units**: waits are durations; `jitter_percent` is of the wait. **Boundaries**: `longest_wait` is inclusive. **Source**: C11, rows
/// #243–#247.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether a 429 is waited for and repeated; the documents' `retryOnRateLimit`.
    pub retry_on_rate_limit: bool,
    /// How often a request is repeated at most, for whatever reason: 3 repetitions are 4 attempts. 0 repeats nothing.
    pub most_retries: u32,
    /// The wait before the first repetition when the server names none; it doubles.
    pub first_wait: Duration,
    /// Where doubling ends. It does not shorten what the server names.
    pub doubling_cap: Duration,
    /// The longest wait that the server may name; when it names a longer one, its refusal is handed on at once. An hour's or a day's limit
    /// is the caller's business, and so is a number that was meant as a date.
    pub longest_wait: Duration,
    /// By how much a wait may be longer by chance, so that clients that were turned away together do not come back together.
    pub jitter_percent: u32,
    /// The most that chance may add.
    pub longest_jitter: Duration,
}

/// Why there is no answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setback {
    /// 429. The request was refused before anything was done, so that any request may be repeated.
    RateLimited,
    /// 503, or the connection ended before the answer had come. What was done is not known.
    Unknown,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait so long, then repeat.
    Wait(Duration),
    /// Hand the refusal to the caller.
    GiveUp,
}

/// Decides after a setback: wait, or give up.
///
/// The wait is max(`retry_after`, min(cap, first · 2^n)) for the n-th repetition, counted from 0; then chance adds to it. It is never
/// shorter than what the server names. (The documents' sample `withBackoff` makes two repetitions, not three, and takes `Retry-After`
/// *instead* of doubling; C11 settles what their text means.)
///
/// **Units**: `retries` is how often the request was repeated already; `chance` is any number, all of it alike. **Boundaries**: the
/// `most_retries`-th repetition is still made; a named wait equal to `longest_wait` is still waited. A setback with
/// [unknown](Setback::Unknown) effect is repeated only when `repeatable`: its method or its idempotency key makes doing it twice the same
/// as once. **Errors**: none; giving up is an answer. **Source**: C11; RFC 9110 §9.2.2 and §10.2.3.
///
/// ```
/// use picora_client::backoff::{Rule, Setback, Step, decide};
/// use picora_client::retry_after::RetryAfter;
/// use std::time::Duration;
///
/// let rule = Rule { jitter_percent: 0, ..Rule::default() };
/// let named = RetryAfter::Wait(Duration::from_secs(12)); // longer than any doubling, so it counts
/// let step = |retries, named| decide(&rule, Setback::RateLimited, true, retries, named, 0);
/// assert_eq!(step(0, RetryAfter::Absent), Step::Wait(Duration::from_secs(1)));
/// assert_eq!(step(1, RetryAfter::Absent), Step::Wait(Duration::from_secs(2)));
/// assert_eq!(step(2, named), Step::Wait(Duration::from_secs(12)));
/// assert_eq!(step(3, named), Step::GiveUp);
/// ```
#[must_use]
pub fn decide(
    rule: &Rule,
    setback: Setback,
    repeatable: bool,
    retries: u32,
    retry_after: RetryAfter,
    chance: u64,
) -> Step {
    let wanted = match setback {
        Setback::RateLimited => rule.retry_on_rate_limit,
        Setback::Unknown => repeatable,
    };
    if !wanted || retries >= rule.most_retries {
        return Step::GiveUp;
    }
    let named = match retry_after {
        RetryAfter::Absent => Duration::ZERO,
        RetryAfter::Wait(named) if named <= rule.longest_wait => named,
        RetryAfter::Wait(_) => return Step::GiveUp,
    };
    let doubled = rule
        .first_wait
        .saturating_mul(1_u32.checked_shl(retries).unwrap_or(u32::MAX));
    let wait = named.max(doubled.min(rule.doubling_cap));
    Step::Wait(wait.saturating_add(jitter(rule, wait, chance)))
}

/// What chance adds: from nothing to `jitter_percent` of the wait, at most `longest_jitter`.
fn jitter(rule: &Rule, wait: Duration, chance: u64) -> Duration {
    let most = wait.saturating_mul(rule.jitter_percent) / 100;
    let most_nanos = most.min(rule.longest_jitter).as_nanos();
    let nanos = most_nanos.saturating_mul(u128::from(chance)) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Rule {
    /// Repeats nothing.
    #[must_use]
    pub fn never() -> Self {
        Self {
            most_retries: 0,
            ..Self::default()
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            retry_on_rate_limit: true,
            most_retries: 3,
            first_wait: Duration::from_secs(1),
            doubling_cap: Duration::from_secs(4),
            longest_wait: Duration::from_secs(120),
            jitter_percent: 10,
            longest_jitter: Duration::from_millis(500),
        }
    }
}

#[cfg(test)]
mod tests;
