//! The two rate-limit header families, from one triplet.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName};
use picora_core::Timestamp;
use picora_ratelimit::Decision;

use crate::request_id::X_REQUEST_ID;

/// What `RateLimit-*` and `X-RateLimit-*` say: the same numbers, always.
///
/// **Units**: cost units of the window that the decision [shows](Decision::shown); `reset` in seconds, by the style. **Boundaries**: a
/// reset is rounded up, so that who waits for it is never early. **Source**: rows #232–#236, C8, C60. (The documents' "RFC 9239" is
/// about something else; the current text is draft-ietf-httpapi-ratelimit-headers.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// The window's whole budget.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When it is whole again.
    pub reset: u64,
}

/// How `Reset` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetStyle {
    /// Seconds from the decision, as the IETF drafts had it.
    Delta,
    /// Seconds since 1970, as GitHub has it (C8).
    #[default]
    Epoch,
}

/// What a browser of another origin must be let read: `Access-Control-Expose-Headers` (row #237).
pub static EXPOSED_HEADERS: [HeaderName; 8] = [
    RATELIMIT_LIMIT,
    RATELIMIT_REMAINING,
    RATELIMIT_RESET,
    X_RATELIMIT_LIMIT,
    X_RATELIMIT_REMAINING,
    X_RATELIMIT_RESET,
    RETRY_AFTER,
    X_REQUEST_ID,
];

impl RateLimitHeaders {
    /// The triplet of a decision; none when no window is among its limits.
    #[must_use]
    pub fn of(decision: &Decision<'_>, style: ResetStyle) -> Option<Self> {
        let shown = decision.shown()?;
        Some(Self {
            limit: shown.rule.most(),
            remaining: shown.remaining,
            reset: match style {
                ResetStyle::Delta => seconds_up(shown.reset, decision.decided_at()),
                ResetStyle::Epoch => seconds_up(shown.reset, Timestamp::EPOCH),
            },
        })
    }

    /// Writes both families, in place of any that are there.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, number) in [
            (RATELIMIT_LIMIT, self.limit),
            (RATELIMIT_REMAINING, self.remaining),
            (RATELIMIT_RESET, self.reset),
            (X_RATELIMIT_LIMIT, self.limit),
            (X_RATELIMIT_REMAINING, self.remaining),
            (X_RATELIMIT_RESET, self.reset),
        ] {
            headers.insert(name, number.into());
        }
    }
}

/// Whole seconds between two instants, rounded up.
fn seconds_up(later: Timestamp, earlier: Timestamp) -> u64 {
    let span = later.saturating_since(earlier);
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

#[cfg(test)]
mod tests;
