//! Any bytes as the fields of an answer: the parsers must not panic, and what they say must keep its promises.

#![no_main]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use picora_client::backoff::{Rule, Setback, Step, decide};
use picora_client::rate_limit::{RateLimits, Reset, ResetStyle};
use picora_client::retry_after::RetryAfter;
use picora_core::Timestamp;

const NAMES: [&str; 10] = [
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
    "date",
];

// Lines of bytes; the first byte of each says which field it is, and so one field may stand several times.
fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_first() else {
            continue;
        };
        let name = HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let now = Timestamp::from_unix_seconds(1_795_590_000);
    for style in [
        ResetStyle::Epoch,
        ResetStyle::Delta,
        ResetStyle::ByMagnitude,
    ] {
        let said = RateLimits::of(&headers, style);
        for reset in [said.standard, said.legacy]
            .into_iter()
            .flatten()
            .filter_map(|it| it.reset)
        {
            let after = reset.after(now);
            match (reset, style) {
                (Reset::Delta(seconds), ResetStyle::Delta | ResetStyle::ByMagnitude) => {
                    assert_eq!(after, Duration::from_secs(seconds));
                }
                (Reset::Epoch(seconds), ResetStyle::Epoch | ResetStyle::ByMagnitude) => {
                    assert!(after.as_secs() <= seconds);
                }
                _ => panic!("{reset:?} in the style {style:?}"),
            }
        }
    }
    let named = RetryAfter::of(&headers, now);
    let rule = Rule::default();
    if let Step::Wait(wait) = decide(&rule, Setback::RateLimited, true, 0, named, u64::MAX) {
        assert!(wait <= rule.longest_wait + rule.longest_jitter);
        if let RetryAfter::Wait(named) = named {
            assert!(wait >= named);
        }
    }
});
