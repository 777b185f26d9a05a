//! The two rate-limit header families, from one triplet.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};
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
        let [limit, remaining, reset] = digits([self.limit, self.remaining, self.reset]);
        headers.reserve(6); // one growth of the map, not two
        headers.insert(RATELIMIT_LIMIT, limit.clone());
        headers.insert(RATELIMIT_REMAINING, remaining.clone());
        headers.insert(RATELIMIT_RESET, reset.clone());
        headers.insert(X_RATELIMIT_LIMIT, limit);
        headers.insert(X_RATELIMIT_REMAINING, remaining);
        headers.insert(X_RATELIMIT_RESET, reset);
    }
}

/// Three numbers as header values that share one buffer: both families clone them, and six values would be six allocations.
fn digits(numbers: [u64; 3]) -> [HeaderValue; 3] {
    let mut buffer = Vec::with_capacity(3 * MOST_DIGITS);
    let ends = numbers.map(|number| {
        let mut text = itoa::Buffer::new();
        buffer.extend_from_slice(text.format(number).as_bytes());
        buffer.len()
    });
    let buffer = Bytes::from(buffer);
    let value = |from: usize, to: usize| {
        HeaderValue::from_maybe_shared(buffer.slice(from..to)).expect("digits are visible ASCII")
    };
    [
        value(0, ends[0]),
        value(ends[0], ends[1]),
        value(ends[1], ends[2]),
    ]
}

/// Whole seconds between two instants, rounded up.
pub(crate) fn seconds_up(later: Timestamp, earlier: Timestamp) -> u64 {
    seconds_of(later.saturating_since(earlier))
}

/// Whole seconds, rounded up.
pub(crate) fn seconds_of(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// Of 2^64 - 1.
const MOST_DIGITS: usize = 20;

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

#[cfg(test)]
mod tests;
