//! An answer that outlives its check.

use std::time::Duration;

use picora_ratelimit::{Decision, Report};

/// What a test looks at.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    allowed: bool,
    wait: Duration,
    seconds: u64,
    reports: Vec<Report>,
    shown: Option<Report>,
}

impl Seen {
    pub(crate) fn of(decision: &Decision<'_>) -> Self {
        Self {
            allowed: decision.is_allowed(),
            wait: decision.wait(),
            seconds: decision.retry_after_seconds(),
            reports: decision.reports().collect(),
            shown: decision.shown(),
        }
    }

    pub(crate) fn is_allowed(&self) -> bool {
        self.allowed
    }

    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    pub(crate) fn retry_after_seconds(&self) -> u64 {
        self.seconds
    }

    pub(crate) fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        self.reports.iter().copied()
    }

    pub(crate) fn shown(&self) -> Option<Report> {
        self.shown
    }
}
