use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn read(fields: &[(&'static str, &[u8])]) -> RateLimits {
    RateLimits::of(&headers(fields), ResetStyle::Epoch)
}

#[test]
fn the_table_of_numbers() {
    for (value, expected) in [
        ("60", Some(60)),
        (" 60 ", Some(60)),
        ("0", Some(0)),
        ("100, 100;w=60", Some(100)),
        ("100;w=60", Some(100)),
        ("100 per minute", Some(100)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("60x", None),
        ("many", None),
        ("", None),
        (",60", None),
    ] {
        let said = read(&[("ratelimit-limit", value.as_bytes())]);
        assert_eq!(said.standard.and_then(|it| it.limit), expected, "{value:?}");
        assert_eq!(said.legacy, None);
    }
}

#[test]
fn the_families_are_kept_apart_and_what_is_missing_is_missing() {
    let said = read(&[
        ("x-ratelimit-limit", b"600"),
        ("x-ratelimit-reset", b"1795590060"),
        ("ratelimit-remaining", b"7"),
    ]);
    let legacy = Triplet {
        limit: Some(600),
        remaining: None,
        reset: Some(Reset::Epoch(1_795_590_060)),
    };
    let standard = Triplet {
        remaining: Some(7),
        ..Triplet::default()
    };
    assert_eq!((said.legacy, said.standard), (Some(legacy), Some(standard)));
    assert_eq!(read(&[]), RateLimits::default());
}

#[test]
fn of_several_fields_the_first_readable_counts() {
    let said = read(&[
        ("ratelimit-limit", b"many"),
        ("ratelimit-limit", b"5"),
        ("ratelimit-limit", b"6"),
    ]);
    assert_eq!(said.standard.unwrap().limit, Some(5));
}

#[test]
fn a_reset_is_what_its_style_says() {
    use Reset::{Delta, Epoch};
    use ResetStyle::ByMagnitude;
    for (number, style, expected, after) in [
        (1_795_590_060, ResetStyle::Epoch, Epoch(1_795_590_060), 60),
        (60, ResetStyle::Epoch, Epoch(60), 0),
        (60, ResetStyle::Delta, Delta(60), 60),
        (
            1_795_590_060,
            ResetStyle::Delta,
            Delta(1_795_590_060),
            1_795_590_060,
        ),
        (999_999_999, ByMagnitude, Delta(999_999_999), 999_999_999),
        (1_000_000_000, ByMagnitude, Epoch(1_000_000_000), 0),
        (1_795_590_001, ByMagnitude, Epoch(1_795_590_001), 1),
        (
            u64::MAX,
            ByMagnitude,
            Epoch(u64::MAX),
            u64::MAX - 1_795_590_000,
        ),
    ] {
        let reset = Reset::of(number, style);
        assert_eq!(reset, expected);
        let now = Timestamp::from_unix_seconds(1_795_590_000);
        assert_eq!(reset.after(now), Duration::from_secs(after), "{reset:?}");
    }
}

fn policies(value: &str) -> Vec<QuotaPolicy> {
    read(&[("ratelimit-policy", value.as_bytes())]).policies
}

#[test]
fn policies_and_limits_of_the_draft() {
    let policy = |name: &str, quota, window_seconds| QuotaPolicy {
        name: name.to_owned(),
        quota,
        window_seconds,
        unit: None,
        partition: None,
    };
    assert_eq!(
        policies(r#""read";q=600;w=60"#),
        [policy("read", Some(600), Some(60))]
    );
    assert_eq!(
        policies(r#""burst";q=30, "day";q=1000;w=86400;x="?""#),
        [
            policy("burst", Some(30), None),
            policy("day", Some(1_000), Some(86_400))
        ]
    );
    assert_eq!(
        policies(r#""bytes";q=65535;qu="content-bytes";w=10;pk=:cHsdsRa894==:"#)[0]
            .unit
            .as_deref(),
        Some("content-bytes")
    );
    let said = read(&[
        ("ratelimit", br#""read";r=599;t=42;pk=:AQI=:"#),
        ("ratelimit", br#""day";r=3"#),
    ]);
    let day = ServiceLimit {
        name: "day".to_owned(),
        remaining: Some(3),
        reset_seconds: None,
        partition: None,
    };
    let read = ServiceLimit {
        name: "read".to_owned(),
        remaining: Some(599),
        reset_seconds: Some(42),
        partition: Some(vec![1, 2]),
    };
    assert_eq!(said.limits, [read, day]);
}

#[test]
fn a_structured_field_that_does_not_parse_is_ignored_whole() {
    for value in [
        r#""read";q=600;w=60, "#,
        r#""read";q=600;w"60"#,
        r#""read"#,
        "limit=100, remaining=50, reset=5",
        "100;w=60",
        r#"("read");q=1"#,
        "read;q=1",
        "\u{fc}",
    ] {
        assert_eq!(policies(value), [], "{value}");
    }
    // Members and parameters that are of another type are left out alone.
    assert_eq!(
        policies(r#"read;q=1, "day";q=-5;w="60";qu=7"#)[0].quota,
        None
    );
    assert_eq!(policies(&format!(r#""{}";q=1"#, "a".repeat(20_000))), []);
}

proptest! {
    #[test]
    fn no_bytes_panic(values: [Vec<u8>; 8], epoch: bool) {
        let names = ["ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset",
            "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).ok());
        let fields = names.into_iter().map(HeaderName::from_static).zip(values);
        let headers: HeaderMap = fields.filter_map(|(name, value)| Some((name, value?))).collect();
        let style = if epoch { ResetStyle::Epoch } else { ResetStyle::ByMagnitude };
        let said = RateLimits::of(&headers, style);
        for reset in [said.standard, said.legacy].into_iter().flatten().filter_map(|it| it.reset) {
            let _ = reset.after(Timestamp::EPOCH);
        }
    }

    #[test]
    fn what_is_written_is_read(names in proptest::collection::vec("[ -!#-\\[\\]-~]{0,20}", 1..5), quota in 0..=999_999_999_999_999_u64, window in 0..=999_999_999_999_999_u64) {
        let field = names.iter().map(|name| format!("\"{name}\";q={quota};w={window}"));
        let said = policies(&field.collect::<Vec<_>>().join(", "));
        prop_assert_eq!(said.len(), names.len());
        for (policy, name) in said.iter().zip(&names) {
            prop_assert_eq!(&policy.name, name);
            prop_assert_eq!((policy.quota, policy.window_seconds), (Some(quota), Some(window)));
        }
    }

    #[test]
    fn triplets_are_read_back(limit: u64, remaining: u64, reset: u64) {
        let texts = [limit, remaining, reset].map(|it| it.to_string());
        let said = read(&[("ratelimit-limit", texts[0].as_bytes()), ("ratelimit-remaining", texts[1].as_bytes()), ("ratelimit-reset", texts[2].as_bytes())]);
        let expected = Triplet { limit: Some(limit), remaining: Some(remaining), reset: Some(Reset::Epoch(reset)) };
        prop_assert_eq!(said.standard, Some(expected));
    }
}
