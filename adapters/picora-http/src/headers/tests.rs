use std::time::Duration;

use http::HeaderMap;
use picora_core::Timestamp;
use picora_ratelimit::{
    Check, Decision, Limit, Limiter, MemoryLimiter, Policy, Subject, SubjectKey,
};

use super::{EXPOSED_HEADERS, RateLimitHeaders, ResetStyle};

/// A decision half a second into a window of 90.25 s.
fn decision(limits: impl IntoIterator<Item = Limit>) -> Decision<'static> {
    // What a decision borrows lives as long as the test process.
    let policy = Box::leak(Box::new(Policy::new("p", limits).unwrap()));
    let subject = Subject {
        key: SubjectKey(1),
        policy,
    };
    let check = Check::new(SubjectKey(1), Box::leak(Box::new([subject])), 1).unwrap();
    MemoryLimiter::new()
        .try_decide(&check, Timestamp::from_unix_micros(500_000))
        .unwrap()
}

fn window() -> Limit {
    Limit::window("w", 7, Duration::from_millis(90_250)).unwrap()
}

#[test]
fn a_reset_is_rounded_up_in_either_style() {
    let of = |style| RateLimitHeaders::of(&decision([window()]), style).unwrap();
    assert_eq!(
        of(ResetStyle::Epoch),
        RateLimitHeaders {
            limit: 7,
            remaining: 6,
            reset: 91
        }
    );
    assert_eq!(of(ResetStyle::Delta).reset, 90); // 89.75
}

#[test]
fn both_families_say_the_same_and_replace_what_was_there() {
    let mut headers = HeaderMap::new();
    headers.append("RateLimit-Limit", 1.into());
    headers.append("RateLimit-Limit", 2.into());
    RateLimitHeaders {
        limit: 600,
        remaining: 599,
        reset: 1_777_000_020,
    }
    .write(&mut headers);
    for (name, number) in [
        ("Limit", "600"),
        ("Remaining", "599"),
        ("Reset", "1777000020"),
    ] {
        for family in ["RateLimit", "X-RateLimit"] {
            let values: Vec<_> = headers.get_all(format!("{family}-{name}")).iter().collect();
            assert_eq!(values, [number], "{family}-{name}");
        }
    }
}

#[test]
fn a_burst_alone_has_no_triplet() {
    let burst = Limit::gcra("b", 10, Duration::from_secs(1), 30).unwrap();
    assert_eq!(
        RateLimitHeaders::of(&decision([burst]), ResetStyle::Epoch),
        None
    );
    let beside = RateLimitHeaders::of(&decision([burst, window()]), ResetStyle::Epoch);
    assert_eq!(beside.map(|headers| headers.limit), Some(7));
}

#[test]
fn browsers_may_read_all_that_is_sent() {
    let mut sent = HeaderMap::new();
    RateLimitHeaders {
        limit: 1,
        remaining: 1,
        reset: 1,
    }
    .write(&mut sent);
    assert_eq!(sent.len(), 6);
    assert!(sent.keys().all(|name| EXPOSED_HEADERS.contains(name)));
    assert!(
        ["retry-after", "x-request-id"]
            .iter()
            .all(|name| EXPOSED_HEADERS.iter().any(|exposed| exposed == name))
    );
}
