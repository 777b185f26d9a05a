//! Why KV did not do it, folded into the one error of all echoes.

use std::time::Duration;

use picora_core::{CalendarDay, StoreError, StoreErrorKind, Timestamp};
use picora_https::Unanswered;
use picora_quota::echo::EchoError;

/// What went wrong with a call. Nothing in it quotes the request, whose header holds the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The budget of calls is spent, KV has asked for a pause, or a key was written a moment ago. Nothing was sent.
    #[error("nothing was sent: {0}")]
    NotYet(&'static str, Timestamp),
    /// There was no connection. Nothing was sent.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// It was sent, and the answer did not come, or not whole.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// Longer than any answer.
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
    /// It speaks, but not as documented: a page for people, or somebody between.
    #[error("the answer does not read as documented (status {0})")]
    Garbage(u16),
    /// Its own fault, and when it says to come back.
    #[error("it is in trouble (status {status})")]
    Trouble {
        status: u16,
        retry_after: Option<Wait>,
    },
    /// It limits our requests.
    #[error("it limits our requests{}", listed(.codes))]
    Limited {
        codes: Vec<u32>,
        retry_after: Option<Wait>,
    },
    /// It does not accept token, account or namespace.
    #[error("it does not accept our token, account or namespace (status {status}{})", listed(.codes))]
    Forbidden { status: u16, codes: Vec<u32> },
    /// It does not accept what was asked.
    #[error("it refuses the request (status {status}{})", listed(.codes))]
    Refused { status: u16, codes: Vec<u32> },
    /// Some keys were not written; it says that they should be tried again.
    #[error("{0} keys were not written")]
    Partly(usize),
    /// What stands under a key of the echo is not what an echo writes.
    #[error("a key holds what no echo writes; who else writes under `quota:`?")]
    Foreign,
}

/// What a `Retry-After` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    For(Duration),
    Until(Timestamp),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unreachable(why) => Self::NotSent(why),
            Unanswered::Lost(why) => Self::Lost(why),
            Unanswered::Long(longest) => Self::Long(longest),
        }
    }
}

impl Failure {
    /// As the port tells it.
    pub(crate) fn at(self, operation: &'static str, now: Timestamp) -> EchoError {
        let kind = match &self {
            Self::NotYet(..) | Self::NotSent(_) | Self::Limited { .. } | Self::Partly(_) => {
                StoreErrorKind::Unavailable
            }
            Self::Lost(_) | Self::Long(_) | Self::Garbage(_) | Self::Trouble { .. } => {
                StoreErrorKind::Unknown
            }
            // Inside a 2xx it is no fault of the request.
            Self::Refused { status, .. } if *status < 400 => StoreErrorKind::Unavailable,
            Self::Forbidden { .. } | Self::Refused { .. } => StoreErrorKind::Internal,
            Self::Foreign => StoreErrorKind::Corrupt,
        };
        let not_before = self.not_before(now);
        EchoError {
            error: StoreError::new(kind, "kv", operation).caused_by(self),
            not_before,
        }
    }

    /// From when on it makes sense to ask again; none when KV says nothing of it.
    pub(crate) fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::NotYet(_, until) => Some(*until),
            Self::Limited { codes, .. } if codes.contains(&DAYS_WRITES_SPENT) => {
                Some(CalendarDay::of(now).end())
            }
            Self::Limited { retry_after, .. } => {
                Some(waited(*retry_after, now).unwrap_or(now.saturating_add(BLOCKED)))
            }
            Self::Trouble { retry_after, .. } => waited(*retry_after, now),
            Self::Forbidden { .. } => Some(now.saturating_add(UNTIL_SOMEBODY_LOOKS)),
            _ => None,
        }
    }
}

/// A day at most, whatever the header says, and not the past.
fn waited(wait: Option<Wait>, now: Timestamp) -> Option<Timestamp> {
    let until = match wait? {
        Wait::For(span) => now.saturating_add(span.min(LONGEST)),
        Wait::Until(at) => at.min(now.saturating_add(LONGEST)),
    };
    Some(until.max(now))
}

fn listed(codes: &[u32]) -> String {
    let told = codes.iter().map(|it| format!(", code {it}"));
    told.collect()
}

/// The free plan's writes are spent until the next day in UTC. (Not documented; MisakaNet#1890 shows it.)
const DAYS_WRITES_SPENT: u32 = 10048;
/// So long the API blocks who has passed 1,200 calls in 5 minutes.
const BLOCKED: Duration = Duration::from_secs(300);
/// A token that is refused is refused again, until somebody changes it.
const UNTIL_SOMEBODY_LOOKS: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(86_400);
