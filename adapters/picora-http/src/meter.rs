//! What a limiter does, as metrics of the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`).
//!
//! | name | kind | labels | counts |
//! |---|---|---|---|
//! | `picora_ratelimit_decisions_total` | counter | `tier`, `verdict`: allow, challenge, deny; `source`: local, redis, lease, fallback | decisions |
//! | `picora_ratelimit_shadow_denied_total` | counter | `tier` | decisions in which a limit that is tried out had no room |
//! | `picora_ratelimit_failures_total` | counter | `tier`, `mode`: closed, open, local | requests for which the store did not answer |
//! | `picora_ratelimit_backend_seconds` | histogram | `tier`, `outcome`: answered, failed | how long an answer was awaited; at once is not measured |
//! | `picora_ratelimit_records` | gauge | none | records in memory, by `record` |
//! | `picora_ratelimit_evicted_total` | counter | none | records that gave way while they still counted, by `record` |
//!
//! Every label has a few values that stand in the code: no account, key or address becomes one. Without the feature nothing is counted.

use picora_core::Timestamp;
use picora_ratelimit::{MemoryLimiter, Verdict};

use crate::{FailMode, Source};

/// Counts a decision.
#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "nobody counts")
)]
pub(crate) fn decided(tier: &'static str, verdict: Verdict, source: Source, shadow_denied: bool) {
    #[cfg(feature = "metrics")]
    {
        let verdict = match verdict {
            Verdict::Allow => "allow",
            Verdict::Challenge => "challenge",
            Verdict::Deny => "deny",
        };
        metrics::counter!(DECISIONS, "tier" => tier, "verdict" => verdict, "source" => source.name())
            .increment(1);
        if shadow_denied {
            metrics::counter!(SHADOW_DENIED, "tier" => tier).increment(1);
        }
    }
}

/// Counts a request for which the store did not answer.
#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "nobody counts")
)]
pub(crate) fn failed(tier: &'static str, mode: &FailMode) {
    #[cfg(feature = "metrics")]
    {
        let mode = match mode {
            FailMode::Closed => "closed",
            FailMode::Open => "open",
            FailMode::Local(_) => "local",
        };
        metrics::counter!(FAILURES, "tier" => tier, "mode" => mode).increment(1);
    }
}

/// Notes how long the store took.
#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "nobody measures")
)]
pub(crate) fn awaited(
    tier: &'static str,
    answered: bool,
    from: Timestamp,
    to: impl FnOnce() -> Timestamp,
) {
    #[cfg(feature = "metrics")]
    {
        let outcome = if answered { "answered" } else { "failed" };
        let seconds = to().saturating_since(from).as_secs_f64();
        metrics::histogram!(BACKEND, "tier" => tier, "outcome" => outcome).record(seconds);
    }
}

/// Publishes how many records a limiter in memory holds, and how many have given way; a server calls it every few seconds.
#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "nobody counts")
)]
pub fn record(limiter: &MemoryLimiter) {
    #[cfg(feature = "metrics")]
    {
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^53 records do not fit in memory"
        )]
        metrics::gauge!(RECORDS).set(limiter.len() as f64);
        metrics::counter!(EVICTED).absolute(limiter.evicted());
    }
}

#[cfg(feature = "metrics")]
mod names {
    pub(super) const DECISIONS: &str = "picora_ratelimit_decisions_total";
    pub(super) const SHADOW_DENIED: &str = "picora_ratelimit_shadow_denied_total";
    pub(super) const FAILURES: &str = "picora_ratelimit_failures_total";
    pub(super) const BACKEND: &str = "picora_ratelimit_backend_seconds";
    pub(super) const RECORDS: &str = "picora_ratelimit_records";
    pub(super) const EVICTED: &str = "picora_ratelimit_evicted_total";
}
#[cfg(feature = "metrics")]
use names::{BACKEND, DECISIONS, EVICTED, FAILURES, RECORDS, SHADOW_DENIED};
