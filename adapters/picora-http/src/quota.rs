//! The answer for a denial by quota: its numbers, and when to come back.

use picora_core::{Amount, Timestamp};
use picora_quota::{Counter, Denial, Shortfall};

use crate::{ApiError, ErrorCode};

/// The answer for a request that a limit does not let through, told by its strictest limit.
///
/// | limit | status and code | `meta` |
/// |---|---|---|
/// | a level or a single item | 403 `QUOTA_EXCEEDED` | `type`, `used`, `limit`, `upgradeUrl` |
/// | uploads of a day or a month | 429 `RATE_LIMIT` | the same, and `retryAfterSec` to the window's end (#207, #208) |
/// | uploads under way at once | 429 `RATE_LIMITED` | the same, and `retryAfterSec` 1 |
///
/// **Units**: bytes or counts, whole. **Boundaries**: `reserved` and `requested` are added when `used` alone does not show why (C75). A
/// client that waits `retryAfterSec` finds the new window open. **Source**: #197, #204, #207, #214, C2, C44, C74, C75.
///
/// ```
/// use picora_core::{Amount, Dimension, Timestamp};
/// use picora_http::quota::denied;
/// use picora_quota::{Counter, Denial, Shortfall};
/// let full = Shortfall {
///     counter: Counter::Dimension(Dimension::ImgStorage),
///     used: Amount::from(104_857_600),
///     reserved: Amount::ZERO,
///     limit: Amount::from(104_857_600),
///     requested: Amount::from(5),
///     resets_at: None,
/// };
/// let error = denied(&Denial { strictest: full, others: vec![] }, "https://picora.me/plans", Timestamp::EPOCH);
/// assert_eq!(error.to_string(), "QUOTA_EXCEEDED: Quota exceeded: img_storage");
/// assert_eq!(error.meta()["used"], error.meta()["limit"]);
/// ```
#[must_use]
pub fn denied(denial: &Denial, upgrade_url: &str, now: Timestamp) -> ApiError {
    let short = &denial.strictest;
    let error = match (short.counter, short.resets_at) {
        (Counter::OpenReservations, _) => {
            let error =
                ApiError::new(ErrorCode::RateLimited, "Rate limit exceeded").with_retry_after(1);
            numbers(error, short)
        }
        (Counter::Dimension(_) | Counter::Tally(_), Some(resets_at)) => {
            let seconds = (resets_at.unix_seconds_up() - now.unix_seconds()).max(1);
            let error = ApiError::new(ErrorCode::RateLimit, "Upload limit exceeded");
            numbers(error.with_retry_after(seconds.unsigned_abs()), short)
        }
        (counter @ (Counter::Dimension(_) | Counter::Tally(_)), None) => {
            let error = ApiError::new(
                ErrorCode::QuotaExceeded,
                format!("Quota exceeded: {}", counter.meta_type()),
            );
            numbers(error, short)
        }
    };
    error.with_meta("upgradeUrl", upgrade_url)
}

fn numbers(error: ApiError, short: &Shortfall) -> ApiError {
    let error = error
        .with_meta("type", short.counter.meta_type())
        .with_meta("used", short.used.get())
        .with_meta("limit", short.limit.get());
    let shown = short.used >= short.limit && short.reserved == Amount::ZERO;
    if shown {
        error
    } else {
        error
            .with_meta("reserved", short.reserved.get())
            .with_meta("requested", short.requested.get())
    }
}

#[cfg(test)]
mod tests {
    use picora_core::Dimension;
    use serde_json::json;

    use super::*;

    fn short(counter: Counter, used: u32, reserved: u32, resets_at: Option<i64>) -> Denial {
        let strictest = Shortfall {
            counter,
            used: Amount::from(used),
            reserved: Amount::from(reserved),
            limit: Amount::from(100),
            requested: Amount::from(7),
            resets_at: resets_at.map(Timestamp::from_unix_micros),
        };
        Denial {
            strictest,
            others: Vec::new(),
        }
    }

    fn body(denial: &Denial) -> serde_json::Value {
        let now = Timestamp::from_unix_micros(10_000_001);
        let body = denied(denial, "u", now).body(None);
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_full_level_says_only_what_is_used_and_allowed() {
        let full = short(Counter::Dimension(Dimension::DocCount), 100, 0, None);
        let expected = json!({"success": false, "error": "Quota exceeded: doc_count", "code": "QUOTA_EXCEEDED",
            "meta": {"type": "doc_count", "used": 100, "limit": 100, "upgradeUrl": "u"}});
        assert_eq!(body(&full), expected);
    }

    #[test]
    fn reservations_and_the_request_are_told_when_they_are_the_reason() {
        let tight = short(Counter::Dimension(Dimension::ImgStorage), 90, 5, None);
        assert_eq!(body(&tight)["meta"]["reserved"], 5);
        assert_eq!(body(&tight)["meta"]["requested"], 7);
    }

    #[test]
    fn a_window_says_when_it_ends_and_waiting_that_long_is_enough() {
        let spent = short(
            Counter::Dimension(Dimension::UploadsPerDay),
            100,
            0,
            Some(20_000_000),
        );
        let error = denied(&spent, "u", Timestamp::from_unix_micros(10_000_001));
        assert_eq!(
            (error.code(), error.retry_after()),
            (ErrorCode::RateLimit, Some(10))
        );
        assert_eq!(body(&spent)["meta"]["type"], "uploads_per_day");
        let open = short(Counter::OpenReservations, 0, 100, None);
        assert_eq!(body(&open)["code"], "RATE_LIMITED");
        assert_eq!(body(&open)["meta"]["retryAfterSec"], 1);
    }
}
