//! What becomes of a request for a code.

use std::time::Duration;

use picora_core::Timestamp;

use super::homes::Keys;
use crate::captcha::CaptchaLevel;
use crate::{Decision, Exceeded, Name, Rule};

/// What the caller does now. None of it depends on whether an account has the address: the service does not know.
#[derive(Debug, PartialEq, Eq)]
pub enum CodeMailAnswer {
    /// Send it. If that fails, give the receipt back.
    Send(CodeMailReceipt),
    /// Ask the client for a captcha; nothing has been charged but the count of requests.
    CaptchaRequired {
        /// How hard: the level of the next attempt.
        level: CaptchaLevel,
        /// How long the next attempt must wait; zero below level 3.
        retry_after: Duration,
    },
    /// Send nothing; no window has been charged.
    Refused(CodeMailRefusal),
}

/// Whose limit has no room, in the order in which they are charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeMailCause {
    /// The address got too many mails.
    Address,
    /// The client caused too many.
    Ip,
    /// Everybody together did: the circuit breaker is open.
    Breaker,
}

impl CodeMailCause {
    /// All causes, in the order in which their limits are charged.
    pub const ALL: [Self; 3] = [Self::Address, Self::Ip, Self::Breaker];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Ip => "ip",
            Self::Breaker => "breaker",
        }
    }
}

/// A refusal, told by the violated limit with the longest wait.
///
/// **Boundaries**: the same request passes after exactly `retry_after` if nobody else spends; one microsecond earlier it does not. Ties
/// go to the first cause. **Source**: C40, C75.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMailRefusal {
    /// Whose limit it is.
    pub cause: CodeMailCause,
    /// The longest wait of all violated limits of all three.
    pub retry_after: Duration,
    /// The limit's name, such as `hour`.
    pub limit: Name,
    /// How much it admits.
    pub most: u64,
    /// How much of it counts now.
    pub used: u64,
    /// The span in which it does; none for limits that have none.
    pub window: Option<Duration>,
}

impl CodeMailRefusal {
    /// The wait for a `Retry-After` header: rounded up to whole seconds, and at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        whole_seconds(self.retry_after).max(1)
    }

    /// The refusal that a decision tells; none when it has passed.
    pub(super) fn of(cause: CodeMailCause, decision: &Decision<'_>) -> Option<Self> {
        if decision.is_allowed() {
            return None;
        }
        let in_force = |report: &crate::Report| report.exceeded != Exceeded::Shadow;
        let reports = decision.reports().filter(in_force);
        let strictest = reports.reduce(|a, b| if b.wait > a.wait { b } else { a })?;
        let most = strictest.rule.most();
        Some(Self {
            cause,
            retry_after: strictest.wait,
            limit: strictest.limit,
            most,
            used: most.saturating_sub(strictest.remaining),
            window: window(strictest.rule),
        })
    }

    /// The stricter of two; ties go to `self`.
    pub(super) fn or_stricter(self, other: Self) -> Self {
        if other.retry_after > self.retry_after {
            other
        } else {
            self
        }
    }
}

fn window(rule: Rule) -> Option<Duration> {
    match rule {
        Rule::Rolling(rule) => Some(rule.length()),
        Rule::Window(rule) => Some(rule.length()),
        Rule::Calendar(_) | Rule::Gcra(_) => None,
    }
}

/// Whole seconds, rounded up.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// What one mail was charged to the address, to the client and to everybody.
///
/// It can be given back once, because it can be neither copied nor made by hand. Dropping it is right once the mail is on its way.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeMailReceipt {
    pub(super) keys: Keys,
    /// By cause, in order; none where nothing has been charged.
    pub(super) charged_at: [Option<Timestamp>; 3],
}

impl CodeMailReceipt {
    pub(super) const fn nothing(keys: Keys) -> Self {
        Self {
            keys,
            charged_at: [None; 3],
        }
    }
}
