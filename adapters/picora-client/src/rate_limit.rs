//! What an answer says of rate limits, in any of the spellings that are in use.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use picora_core::Timestamp;

mod structured;

pub use structured::{QuotaPolicy, ServiceLimit};

/// The rate-limit fields of an answer. What is not there or cannot be understood is left out; it is never guessed, and never zero.
///
/// **Source**: rows #232–#236, C8, C60; draft-ietf-httpapi-ratelimit-headers-10.
///
/// ```
/// use http::HeaderMap;
/// use picora_client::rate_limit::{RateLimits, Reset, ResetStyle};
/// let mut headers = HeaderMap::new();
/// headers.insert("ratelimit-limit", "60".parse()?);
/// headers.insert("ratelimit-remaining", "0".parse()?);
/// headers.insert("ratelimit-reset", "1795590060".parse()?);
/// headers.insert("ratelimit", r#""upload";r=0;t=42"#.parse()?);
///
/// let said = RateLimits::of(&headers, ResetStyle::Epoch);
/// assert_eq!(said.standard.unwrap().reset, Some(Reset::Epoch(1_795_590_060)));
/// assert_eq!((said.limits[0].name.as_str(), said.limits[0].reset_seconds), ("upload", Some(42)));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// `RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub standard: Option<Triplet>,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub legacy: Option<Triplet>,
    /// `RateLimit-Policy`: what is allowed.
    pub policies: Vec<QuotaPolicy>,
    /// `RateLimit`: what is left.
    pub limits: Vec<ServiceLimit>,
}

/// Three numbers, each of which may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triplet {
    /// The window's whole budget.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// When it is whole again.
    pub reset: Option<Reset>,
}

/// When a budget is whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Seconds since 1970.
    Epoch(u64),
    /// Seconds from the answer.
    Delta(u64),
}

/// How a server writes the field `…-Reset`, whose one name stands for two things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetStyle {
    /// Seconds since 1970, as GitHub and Picora have it (C8).
    #[default]
    Epoch,
    /// Seconds from the answer, as the drafts up to 06 had it.
    Delta,
    /// Not known: from 1,000,000,000 on (2001, or 31 years) a number is an epoch.
    ByMagnitude,
}

impl RateLimits {
    /// Reads the fields of an answer.
    ///
    /// **Boundaries**: a triplet's number is the digits at the front of its field, up to a space, `,` or `;` (older drafts added policies
    /// after it); what follows is not looked at. Of a field that stands several times the first readable one counts. A structured field
    /// that does not parse is ignored whole, as RFC 9651 §4.2 demands; a member without a string for its name is left out.
    /// **Errors**: none; no input panics.
    #[must_use]
    pub fn of(headers: &HeaderMap, style: ResetStyle) -> Self {
        let triplet = |names: &[HeaderName; 3]| Triplet::of(headers, names, style);
        Self {
            standard: triplet(&STANDARD),
            legacy: triplet(&LEGACY),
            policies: QuotaPolicy::all_of(headers),
            limits: ServiceLimit::all_of(headers),
        }
    }
}

impl Triplet {
    fn of(headers: &HeaderMap, names: &[HeaderName; 3], style: ResetStyle) -> Option<Self> {
        let [limit, remaining, reset] = names;
        let read = |name: &HeaderName| {
            let values = headers.get_all(name).into_iter();
            values.filter_map(|it| leading_number(it.as_bytes())).next()
        };
        let triplet = Self {
            limit: read(limit),
            remaining: read(remaining),
            reset: read(reset).map(|number| Reset::of(number, style)),
        };
        (triplet != Self::default()).then_some(triplet)
    }
}

impl Reset {
    /// What this number means in this style.
    #[must_use]
    pub const fn of(number: u64, style: ResetStyle) -> Self {
        match style {
            ResetStyle::Epoch => Self::Epoch(number),
            ResetStyle::Delta => Self::Delta(number),
            ResetStyle::ByMagnitude if number >= FIRST_EPOCH => Self::Epoch(number),
            ResetStyle::ByMagnitude => Self::Delta(number),
        }
    }

    /// How long it is until then; nothing when it is past.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Duration {
        match self {
            Self::Delta(seconds) => Duration::from_secs(seconds),
            Self::Epoch(seconds) => {
                Duration::from_secs(seconds).saturating_sub(now.saturating_since(Timestamp::EPOCH))
            }
        }
    }
}

fn leading_number(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = value.split_at(end.unwrap_or(value.len()));
    let ended = rest.first().is_none_or(|byte| b" \t,;".contains(byte));
    if !ended {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first second of the years whose numbers have ten digits.
const FIRST_EPOCH: u64 = 1_000_000_000;

const STANDARD: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

const LEGACY: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

#[cfg(test)]
mod tests;
