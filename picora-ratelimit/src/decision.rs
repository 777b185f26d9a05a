//! What a limiter answers.

use std::time::Duration;

use picora_core::Timestamp;
use smallvec::SmallVec;

use crate::{Cell, Exceeded, Name, Rule, Subject, frame, shown};

/// Whether the request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, and every limit has been charged (but for a shadow limit without room).
    Allow,
    /// Who asks has to prove something first; limits that challenge have counted the question, and no other limit has been charged.
    Challenge,
    /// It may not, and no limit has been charged.
    Deny,
}

/// One limit at the instant of the decision, after the charge if there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The policy that it belongs to.
    pub policy: Name,
    /// The limit.
    pub limit: Name,
    /// How it counts; [`Rule::most`] is its limit or its burst.
    pub rule: Rule,
    /// What it does without room.
    pub exceeded: Exceeded,
    /// What one could still spend at this instant, by this limit alone.
    pub remaining: u64,
    /// When the limit is whole again: the end of the window, or the instant at which the burst has drained or the log has run out.
    pub reset: Timestamp,
    /// How long until this limit alone has room for the request; zero when it has, or when the request has passed.
    pub wait: Duration,
    pub(crate) subject: usize,
}

/// The answer to a check, with the numbers that decided it.
///
/// It borrows the check's policies, and works out a report only when asked for one: who needs the verdict alone pays for no more. It fills
/// no more than two lines of the cache.
///
/// **Boundaries**: on a denial, the same check passes after exactly [`wait`](Self::wait), if nobody else spends; one microsecond
/// earlier it does not. **Errors**: none; a denial is an answer. **Source**: requirements C59 and C60, row #242.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    pub(crate) subjects: &'a [Subject<'a>],
    pub(crate) cost: u64,
    pub(crate) decided_at: Timestamp,
    /// The state of each limit of each subject, in order.
    pub(crate) lines: Lines,
    /// The waits of the rolling limits among them, in microseconds: their state alone does not tell. They come from before the charge.
    pub(crate) rolling_waits: Option<Box<[i64]>>,
    pub(crate) verdict: Verdict,
    pub(crate) shadow_denied: bool,
    /// How long it is denied for another reason than its limits, in microseconds.
    pub(crate) held: u64,
}

/// Three are enough for the product's tiers with their ceiling, without an allocation.
pub(crate) type Lines = SmallVec<[Cell; 3]>;

impl<'a> Decision<'a> {
    /// Whether the request may pass.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the request may pass.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow)
    }

    /// Whether a shadow limit had no room: it would have denied, had it been in force.
    #[must_use]
    pub const fn shadow_denied(&self) -> bool {
        self.shadow_denied
    }

    /// How long until the same check passes: the longest wait of all limits that are in force. Zero when it has passed.
    #[must_use]
    pub fn wait(&self) -> Duration {
        if self.is_allowed() {
            return Duration::ZERO;
        }
        let reports = self.reports();
        let in_force = reports.filter(|report| report.exceeded != Exceeded::Shadow);
        let waits = in_force.map(|report| report.wait);
        waits.fold(Duration::from_micros(self.held), Duration::max)
    }

    /// The same numbers at a later instant.
    pub(crate) fn at(self, decided_at: Timestamp) -> Self {
        Self { decided_at, ..self }
    }

    /// The same numbers as a denial for at least so long, by one who does not ask the store before.
    pub(crate) fn held(self, held: Duration) -> Self {
        Self {
            verdict: Verdict::Deny,
            held: u64::try_from(held.as_micros()).unwrap_or(u64::MAX),
            ..self
        }
    }

    /// The wait for a `Retry-After` header: rounded up to whole seconds, and at least 1.
    ///
    /// **Source**: rows #239 and #242; RFC 9110 §10.2.3 allows whole seconds only, and a client that waits 0 would spin.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        let wait = self.wait();
        let up = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        up.max(1)
    }

    /// The instant by which it was decided: the caller's `now`, or that of a shared store. A refund names it.
    #[must_use]
    pub const fn decided_at(&self) -> Timestamp {
        self.decided_at
    }

    /// Every limit, in the order of the check's subjects and their policies.
    pub fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        let mut rolling_waits = self.rolling_waits.iter().flatten();
        let subjects = frame::subjects(self.subjects).enumerate();
        let limits = subjects.flat_map(|(at, subject)| {
            let limits = subject.policy.limits().iter();
            limits.map(move |limit| (at, subject.policy.name(), limit))
        });
        limits
            .zip(&self.lines)
            .map(move |((subject, policy, limit), cell)| {
                let rolling = matches!(limit.rule(), Rule::Rolling(_));
                let wait = if rolling {
                    rolling_waits.next().copied().unwrap_or_default()
                } else {
                    limit.rule().wait(*cell, self.cost, self.decided_at)
                };
                Report {
                    policy,
                    limit: limit.name(),
                    rule: limit.rule(),
                    exceeded: limit.exceeded(),
                    remaining: limit.rule().remaining(*cell, self.decided_at),
                    reset: Timestamp::from_unix_micros(cell.instant()).max(self.decided_at),
                    wait: self.told(wait),
                    subject,
                }
            })
    }

    /// A request that has passed waits for nothing.
    fn told(&self, wait: i64) -> Duration {
        let wait = if self.is_allowed() { 0 } else { wait };
        Duration::from_micros(u64::try_from(wait).unwrap_or(0))
    }

    /// The window that the header triplet describes; none when no subject has a window.
    ///
    /// On a denial it is the violated window with the longest wait. When a burst alone denied, it is the window of the burst's own
    /// policy, with its true remaining: a 429 with something remaining is correct. When all passed, it is the window with the smallest
    /// part left; ties go to the first. Limits that are not in force are never shown.
    #[must_use]
    pub fn shown(&self) -> Option<Report> {
        let reports: SmallVec<[Report; 4]> = self.reports().collect();
        shown::choose(&reports).map(|at| reports[at])
    }
}

impl PartialEq for Decision<'_> {
    /// Equal when every number is, whoever was asked about.
    fn eq(&self, other: &Self) -> bool {
        self.verdict == other.verdict
            && self.shadow_denied == other.shadow_denied
            && self.decided_at == other.decided_at
            && self.lines == other.lines
            && self.rolling_waits == other.rolling_waits
            && self.held == other.held
    }
}

impl Eq for Decision<'_> {}

// More would be copied by a call at each hand-over.
const _: () = assert!(size_of::<Option<Decision<'_>>>() <= 128);
