//! The field `Retry-After`.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use picora_core::Timestamp;

/// What a server says of when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing, or nothing that can be understood. The client's own waits count then.
    Absent,
    /// After this long. It may be absurdly long; [`decide`](crate::backoff::decide) hands such a refusal on instead of sleeping.
    Wait(Duration),
}

impl RetryAfter {
    /// Reads the field of an answer that came at `now`.
    ///
    /// | the field | is |
    /// |---|---|
    /// | digits | so many seconds; what no 64 bits hold is the largest number |
    /// | digits, a point, digits | rounded up to a second: the RFC has no fractions, but shorter than meant would be early |
    /// | an HTTP-date in any of the three forms | the time from the answer's own `Date` to it, or from `now` when there is none; what is past is no wait |
    /// | a number that looks like a Unix time | so many *seconds*, as the RFC says: decades, which no rule waits for. It is never guessed to be a date |
    /// | negative numbers, words, nothing | absent |
    /// | several | the longest |
    ///
    /// **Errors**: none; no input panics. **Source**: RFC 9110 §10.2.3, §5.6.7.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use picora_client::retry_after::RetryAfter;
    /// use picora_core::Timestamp;
    /// use std::time::Duration;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("retry-after", "42".parse()?);
    /// assert_eq!(RetryAfter::of(&headers, Timestamp::EPOCH), RetryAfter::Wait(Duration::from_secs(42)));
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub fn of(headers: &HeaderMap, now: Timestamp) -> Self {
        let sent_at = headers.get(DATE).and_then(|it| date(it.as_bytes()));
        let now = sent_at.unwrap_or_else(|| {
            let since_epoch = now.saturating_since(Timestamp::EPOCH);
            SystemTime::UNIX_EPOCH + since_epoch
        });
        let waits = headers.get_all(RETRY_AFTER).into_iter();
        let longest = waits.filter_map(|it| wait(it.as_bytes(), now)).max();
        longest.map_or(Self::Absent, Self::Wait)
    }
}

fn wait(value: &[u8], now: SystemTime) -> Option<Duration> {
    let value = value.trim_ascii();
    seconds(value)
        .map(Duration::from_secs)
        .or_else(|| Some(date(value)?.duration_since(now).unwrap_or_default()))
}

/// Seconds, rounded up.
fn seconds(value: &[u8]) -> Option<u64> {
    let (whole, fraction) = match value.iter().position(|byte| *byte == b'.') {
        Some(point) => (&value[..point], &value[point + 1..]),
        None => (value, &b"0"[..]),
    };
    let numeric = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let whole = whole.iter().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    let more = fraction.iter().any(|digit| *digit != b'0');
    Some(whole.saturating_add(u64::from(more)))
}

fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests;
