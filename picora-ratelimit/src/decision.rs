//! What a limiter answers.

use std::time::Duration;

use picora_core::Timestamp;

use crate::{Name, Rule};

/// Whether the request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, and every limit has been charged.
    Allow,
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
    /// What one could still spend at this instant, by this limit alone.
    pub remaining: u64,
    /// When the limit is whole again: the end of the window, or the instant at which the burst has drained.
    pub reset: Timestamp,
    /// How long until this limit alone has room for the request; zero when it has.
    pub wait: Duration,
    pub(crate) subject: usize,
}

/// The answer to a check, with the numbers that decided it.
///
/// **Boundaries**: on a denial, the same check passes after exactly [`wait`](Self::wait), if nobody else spends; one microsecond
/// earlier it does not. **Errors**: none; a denial is an answer. **Source**: requirements C59 and C60, row #242.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) decided_at: Timestamp,
    pub(crate) reports: Vec<Report>,
    pub(crate) shown: Option<usize>,
}

impl Decision {
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

    /// How long until the same check passes: the longest wait of all limits. Zero when it has passed.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let waits = self.reports.iter().map(|report| report.wait);
        waits.max().unwrap_or_default()
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
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The window that the header triplet describes; none when no subject has a window.
    ///
    /// On a denial it is the violated window with the longest wait. When a burst alone denied, it is the window of the burst's own
    /// policy, with its true remaining: a 429 with something remaining is correct. When all passed, it is the window with the smallest
    /// part left; ties go to the first.
    #[must_use]
    pub fn shown(&self) -> Option<&Report> {
        self.shown.and_then(|at| self.reports.get(at))
    }
}
