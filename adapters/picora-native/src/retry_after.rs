//! When a store wants to be asked again.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use picora_core::Timestamp;

use crate::attributes::text;

/// The wait that the answer names, in seconds or as the date when it ends; `now` is the store's time. What is neither says nothing.
///
/// **Source**: RFC 9110 §10.2.3.
pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let named = text(headers, "retry-after")?.trim();
    if let Ok(seconds) = named.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(named).ok()?;
    let until = until.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::EPOCH.saturating_add(until).saturating_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_waits_and_nothing_else_is() {
        let now = Timestamp::from_unix_seconds(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (named, wait) in [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", named.parse().unwrap());
            assert_eq!(
                read(&headers, now),
                wait.map(Duration::from_secs),
                "{named}"
            );
        }
        assert_eq!(read(&HeaderMap::new(), now), None);
    }
}
