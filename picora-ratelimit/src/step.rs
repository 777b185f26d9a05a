//! The rule itself: one pure function decides a check, another takes a charge back.

use std::time::Duration;

use picora_core::Timestamp;

use crate::settled::Settled;
use crate::{Check, Decision, Limit, Record, Report, Subject, Verdict, shown};

/// What came of a step: the answer, and what a store has to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The answer.
    pub decision: Decision,
    /// The new records, in the order of [`Check::subjects`]; `None` when nothing has changed, which is the rule on a denial.
    pub write: Option<Vec<Record>>,
}

/// Decides a check from what is stored of its subjects.
///
/// All limits of all subjects are evaluated; then all are charged, or none.
///
/// **Units**: `records` in the order of [`Check::subjects`]; a missing one is a subject never seen. **Boundaries**: see
/// [`Window`](crate::Window) and [`Gcra`](crate::Gcra). **Errors**: none, on any content of the records. **State**: a denial writes
/// only when a stored instant lies further ahead than its rule can lead: then a clock has gone back, and the record is healed so that
/// the subject is not locked out for the size of the step. **Source**: design decision 3; facts on rate limits §4.
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
pub fn step(check: &Check<'_>, records: &[Record], now: Timestamp) -> Step {
    let mut lines = lines(check, records, now);
    let allowed = lines.iter().all(|line| line.wait.is_zero());
    if allowed {
        for line in &mut lines {
            line.settled = line.settled.charged(check.cost());
        }
    }
    let reports: Vec<Report> = lines.iter().map(|line| line.report(now)).collect();
    let decision = Decision {
        verdict: if allowed {
            Verdict::Allow
        } else {
            Verdict::Deny
        },
        decided_at: now,
        shown: shown::choose(&reports),
        reports,
    };
    let changed = allowed || lines.iter().any(|line| line.heals);
    Step {
        decision,
        write: changed.then(|| collect(check, &lines)),
    }
}

/// Takes back what a check was charged at `charged_at`, and answers the new records.
///
/// For work that did not happen after all, and for a set of subjects that live at different homes, of which a later one denied.
///
/// **Boundaries**: a window gives back only while the window of `charged_at` lasts; a burst gives back what has not drained by itself.
/// Both never give back more than the charge still weighs, so that a refund never lets more through than the rule allows.
/// **Errors**: none. The caller asks once for each charge.
#[must_use]
pub fn refund(
    check: &Check<'_>,
    records: &[Record],
    charged_at: Timestamp,
    now: Timestamp,
) -> Vec<Record> {
    let mut lines = lines(check, records, now);
    for line in &mut lines {
        line.settled = line.settled.refunded(check.cost(), charged_at, now);
    }
    collect(check, &lines)
}

/// One limit of one subject, at this instant.
struct Line<'a> {
    at: usize,
    subject: &'a Subject<'a>,
    limit: &'a Limit,
    settled: Settled,
    heals: bool,
    wait: Duration,
}

impl Line<'_> {
    fn report(&self, now: Timestamp) -> Report {
        Report {
            policy: self.subject.policy.name(),
            limit: self.limit.name(),
            rule: self.limit.rule(),
            remaining: self.settled.remaining(now),
            reset: self.settled.reset(),
            wait: self.wait,
            subject: self.at,
        }
    }
}

fn lines<'a>(check: &Check<'a>, records: &[Record], now: Timestamp) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (at, subject) in check.subjects().enumerate() {
        let cells = records.get(at).map_or(&[][..], Record::cells);
        for (limit, cell) in subject.policy.limits().iter().zip(padded(cells)) {
            let settled = Settled::new(limit.rule(), cell, now);
            lines.push(Line {
                at,
                subject,
                limit,
                settled,
                heals: settled.heals(cell),
                wait: settled.wait(check.cost(), now),
            });
        }
    }
    lines
}

/// The cells, and then none for ever.
fn padded<T>(cells: &[T]) -> impl Iterator<Item = Option<&T>> {
    cells.iter().map(Some).chain(std::iter::repeat(None))
}

fn collect(check: &Check<'_>, lines: &[Line<'_>]) -> Vec<Record> {
    let of = |at: usize| lines.iter().filter(move |line| line.at == at);
    let subjects = 0..check.subjects().count();
    subjects
        .map(|at| Record::new(of(at).map(|line| line.settled.cell()).collect()))
        .collect()
}
