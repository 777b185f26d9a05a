//! Misuse, told when a policy or a check is built and never later.

use std::time::Duration;

use crate::Name;

/// Why a policy cannot be kept exactly as written. Nothing is rounded behind the embedder's back.
///
/// ```
/// use picora_ratelimit::{Gcra, PolicyError};
/// use std::time::Duration;
/// let error = Gcra::rate(7, Duration::from_secs(1), 1).unwrap_err();
/// let nearest = Duration::from_micros(142_857);
/// assert_eq!(error, PolicyError::InexactRate { count: 7, period: Duration::from_secs(1), nearest });
/// assert!(Gcra::every(nearest, 1).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A policy without limits would allow everything.
    #[error("the policy `{policy}` has no limits")]
    Empty {
        /// The policy.
        policy: Name,
    },
    /// More limits than a record has room for.
    #[error("the policy `{policy}` has {given} limits; at most 64 are decided as one")]
    TooManyLimits {
        /// The policy.
        policy: Name,
        /// How many it has.
        given: usize,
    },
    /// Two limits of a policy cannot be told apart.
    #[error("the policy `{policy}` has two limits named `{limit}`")]
    DuplicateLimit {
        /// The policy.
        policy: Name,
        /// The name that occurs twice.
        limit: Name,
    },
    /// A name is empty, too long or holds a character that is unsafe in headers and metrics.
    #[error("`{given}` is not a name: 1 to 23 of A-Z a-z 0-9 . _ -")]
    Name {
        /// The text.
        given: String,
    },
    /// Limits, bursts, lengths and intervals start at one.
    #[error("{what} must be at least 1")]
    Zero {
        /// What is zero.
        what: &'static str,
    },
    /// Counts, lengths and `burst × emission interval` stay below 2^52, so that every product fits and so that a script
    /// whose numbers are doubles computes the same.
    #[error("{what} must be below 2^52")]
    TooLarge {
        /// What is too large.
        what: &'static str,
    },
    /// A length of time has a fraction of a microsecond.
    #[error(
        "{given:?} is not a whole number of microseconds; the nearest exact length is {nearest:?}"
    )]
    InexactLength {
        /// The length.
        given: Duration,
        /// The nearest one that would be kept exactly.
        nearest: Duration,
    },
    /// A rolling limit is so large that its log would be: each unit is remembered.
    #[error(
        "a rolling limit of {limit} in {length:?} would remember more than 1024 units; the nearest exact policy is a window of \
         {limit} per {length:?} beside a burst"
    )]
    LongLog {
        /// How many.
        limit: u64,
        /// In which time.
        length: Duration,
    },
    /// A lease's life drains more than a burst holds.
    #[error(
        "nothing of the burst `{limit}` of `{policy}` is left when it is leased for {life:?}; lease it for less"
    )]
    LeaseTooLong {
        /// The policy.
        policy: Name,
        /// The limit.
        limit: Name,
        /// The lease's life.
        life: Duration,
    },
    /// A limit cannot be leased.
    #[error(
        "the limit `{limit}` of `{policy}` cannot be leased: a log must know when something passed, and a challenge counts every question"
    )]
    Unleasable {
        /// The policy.
        policy: Name,
        /// The limit.
        limit: Name,
    },
    /// Rolling limits of one policy read one log, so all of them count what passed, or all count what was asked.
    #[error(
        "the policy `{policy}` has rolling limits that challenge beside others that do not; put them into two policies"
    )]
    MixedLog {
        /// The policy.
        policy: Name,
    },
    /// A rate has no emission interval of whole microseconds.
    #[error(
        "{count} per {period:?} has no exact emission interval; the nearest exact policy is 1 per {nearest:?}"
    )]
    InexactRate {
        /// How many.
        count: u64,
        /// In which time.
        period: Duration,
        /// The nearest emission interval that would be kept exactly.
        nearest: Duration,
    },
}

/// Why a check makes no sense: a mistake of the server, never a denial.
///
/// **State**: nothing was looked up and nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Nobody is named, so nothing would be limited.
    #[error("the check names no subject")]
    NoSubject,
    /// More subjects than are decided as one.
    #[error("the check names {given} subjects; at most 64 are decided as one")]
    TooManySubjects {
        /// How many it names.
        given: usize,
    },
    /// A check that costs nothing would pass for ever.
    #[error("the check costs nothing")]
    ZeroCost,
    /// No wait would ever make it pass.
    #[error(
        "a cost of {cost} can never pass the limit `{limit}` of `{policy}`: at most {most} at once"
    )]
    CostAboveLimit {
        /// The policy.
        policy: Name,
        /// The limit.
        limit: Name,
        /// What was asked.
        cost: u64,
        /// The largest cost that the limit can let pass.
        most: u64,
    },
    /// One subject is named twice under policies that differ, so that there is no telling which one counts.
    #[error("one subject is named under two policies: `{first}` and `{second}`")]
    TwoPolicies {
        /// The policy of the first mention.
        first: Name,
        /// The policy of the second mention.
        second: Name,
    },
}
