use http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// 2026-11-25T07:00:00Z, a Wednesday.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_590_000);

fn read(fields: &[(&'static str, &[u8])]) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    match RetryAfter::of(&headers, NOW) {
        RetryAfter::Absent => None,
        RetryAfter::Wait(wait) => Some(wait),
    }
}

#[test]
fn the_table_of_values() {
    for (value, expected) in [
        ("0", Some(0)),
        ("1", Some(1)),
        ("42", Some(42)),
        (" 42 ", Some(42)),
        ("0042", Some(42)),
        ("1.0", Some(1)),
        ("1.000", Some(1)),
        ("1.001", Some(2)),
        ("0.5", Some(1)),
        ("1795590042", Some(1_795_590_042)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("999999999999999999999999999999.9", Some(u64::MAX)),
        ("Wed, 25 Nov 2026 07:00:42 GMT", Some(42)),
        ("Wednesday, 25-Nov-26 07:00:42 GMT", Some(42)),
        ("Wed Nov 25 07:00:42 2026", Some(42)),
        ("Wed, 25 Nov 2026 06:59:59 GMT", Some(0)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Wed, 25 Nov 2026 07:00:42 CET", None),
        ("Wed, 32 Nov 2026 07:00:42 GMT", None),
        ("2026-11-25T07:00:42Z", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("0x10", None),
        ("1.", None),
        (".5", None),
        ("1.2.3", None),
        ("1,2", None),
        ("4 2", None),
        ("soon", None),
        ("", None),
        (" ", None),
    ] {
        let expected = expected.map(Duration::from_secs);
        assert_eq!(
            read(&[("retry-after", value.as_bytes())]),
            expected,
            "{value:?}"
        );
    }
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[("retry-after", b"\xff\xfe4")]), None);
}

#[test]
fn a_date_counts_from_the_servers_own_clock() {
    let later = ("retry-after", &b"Wed, 25 Nov 2026 09:00:42 GMT"[..]);
    let sent_at = ("date", &b"Wed, 25 Nov 2026 09:00:00 GMT"[..]);
    assert_eq!(read(&[later, sent_at]), Some(Duration::from_secs(42)));
    assert_eq!(
        read(&[later, ("date", b"now")]),
        Some(Duration::from_secs(7_242))
    );
}

#[test]
fn of_several_the_longest_counts() {
    let fields = [
        ("retry-after", &b"3"[..]),
        ("retry-after", b"soon"),
        ("retry-after", b"7"),
        ("retry-after", b"5"),
    ];
    assert_eq!(read(&fields), Some(Duration::from_secs(7)));
}

proptest! {
    #[test]
    fn no_bytes_panic(value: Vec<u8>, micros: i64) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let headers = [(RETRY_AFTER, value.clone()), (DATE, value)].into_iter().collect();
            let _ = RetryAfter::of(&headers, Timestamp::from_unix_micros(micros));
        }
    }

    #[test]
    fn whole_seconds_are_themselves(seconds: u64) {
        prop_assert_eq!(read(&[("retry-after", seconds.to_string().as_bytes())]), Some(Duration::from_secs(seconds)));
    }
}
