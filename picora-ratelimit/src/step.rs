//! The rule itself: one pure function decides a check, others look, or take a charge back.

use picora_core::Timestamp;

use crate::frame::Frame;
use crate::{Check, Decision, Record};

/// What came of a step: the answer, and what a store has to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The answer.
    pub decision: Decision<'a>,
    /// The new records, in the order of [`Check::subjects`]; `None` when nothing has changed, which is the rule on a denial.
    pub write: Option<Vec<Record>>,
}

/// Decides a check from what is stored of its subjects.
///
/// All limits of all subjects are evaluated; then all are charged, or none.
///
/// **Units**: `records` in the order of [`Check::subjects`]; a missing one is a subject never seen. **Boundaries**: see
/// [`Window`](crate::Window), [`Gcra`](crate::Gcra), [`Rolling`](crate::Rolling) and [`Calendar`](crate::Calendar). **Errors**: none, on
/// any content of the records. **State**: a denial writes only when a stored instant lies further ahead than its rule can lead: then a
/// clock has gone back, and the record is healed so that the subject is not locked out for the size of the step. **Source**: design
/// decision 3; facts on rate limits §4.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::{Check, Limit, Policy, Subject, SubjectKey, step};
/// use std::time::Duration;
///
/// let policy = Policy::new("login", [Limit::window("minute", 1, Duration::from_secs(60))?])?;
/// let subjects = [Subject { key: SubjectKey(1), policy: &policy }];
/// let check = Check::new(SubjectKey(1), &subjects, 1)?;
///
/// let first = step(&check, &[], Timestamp::from_unix_seconds(59));
/// let records = first.write.unwrap();
/// let second = step(&check, &records, Timestamp::from_unix_seconds(59));
/// assert_eq!(second.decision.wait(), Duration::from_secs(1));
/// assert_eq!(second.write, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn step<'a>(check: &Check<'a>, records: &[Record], now: Timestamp) -> Step<'a> {
    let mut frame = Frame::settle(check, |at, _| records.get(at), now);
    frame.charge();
    let write = frame.writes().then(|| frame.records());
    let decision = frame.into_decision();
    Step { decision, write }
}

/// Decides as [`step`] would, and charges nothing: reports tell what is left before the request.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::{Check, Subject, SubjectKey, Tier, Tiers, peek};
/// let tiers = Tiers::standard();
/// let subjects = [Subject { key: SubjectKey(1), policy: tiers.of(Tier::Read) }];
/// let check = Check::new(SubjectKey(1), &subjects, 1)?;
/// let seen = peek(&check, &[], Timestamp::from_unix_seconds(59));
/// assert!(seen.is_allowed());
/// assert_eq!(seen.shown().map(|window| window.remaining), Some(600));
/// # Ok::<(), picora_ratelimit::CheckError>(())
/// ```
#[must_use]
pub fn peek<'a>(check: &Check<'a>, records: &[Record], now: Timestamp) -> Decision<'a> {
    Frame::settle(check, |at, _| records.get(at), now).into_decision()
}

/// Takes back what a check was charged at `charged_at`, and answers the new records.
///
/// For work that did not happen after all, and for a set of subjects that live at different homes, of which a later one denied.
///
/// **Boundaries**: a window gives back only while the window of `charged_at` lasts; a burst gives back what has not drained by itself; a
/// log what it still remembers of that instant. None gives back more than the charge still weighs, so that a refund never lets more
/// through than the rule allows. **Errors**: none. The caller asks once for each charge.
#[must_use]
pub fn refund(
    check: &Check<'_>,
    records: &[Record],
    charged_at: Timestamp,
    now: Timestamp,
) -> Vec<Record> {
    let mut frame = Frame::settle(check, |at, _| records.get(at), now);
    frame.take_back(charged_at);
    frame.records()
}
