use std::time::Duration;

use http::HeaderMap;
use picora_core::Timestamp;
use picora_ratelimit::{
    Check, Decision, Limit, Limiter, MemoryLimiter, Policy, Subject, SubjectKey, Tier, Tiers,
};

use super::{DRAFT_HEADERS, Draft, DraftHeaders, violated};

/// 2026-04-24T03:00:17.5Z.
const NOW: Timestamp = Timestamp::from_unix_micros(1_776_999_617_500_000);

/// The decision on the last of so many requests, each for these policies' subjects.
fn decision(policies: Vec<Policy>, requests: usize, cost: u64) -> Decision<'static> {
    // What a decision borrows lives as long as the test process.
    let policies: &'static [Policy] = Box::leak(policies.into());
    let keys = (1..).map(SubjectKey);
    let subjects = policies.iter().zip(keys);
    let subjects: Vec<_> = subjects
        .map(|(policy, key)| Subject { key, policy })
        .collect();
    let check = Check::new(SubjectKey(1), Box::leak(subjects.into()), cost).unwrap();
    let limiter = MemoryLimiter::new();
    for _ in 1..requests {
        limiter.try_decide(&check, NOW);
    }
    limiter.try_decide(&check, NOW).unwrap()
}

fn fields(decision: &Decision<'_>, draft: Draft) -> Option<[String; 2]> {
    let mut headers = HeaderMap::new();
    DraftHeaders::of(decision, draft)?.write(&mut headers);
    assert!(headers.keys().all(|name| DRAFT_HEADERS.contains(name)));
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    Some([text("RateLimit-Policy"), text("RateLimit")])
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn policy(name: &str, limits: impl IntoIterator<Item = Limit>) -> Policy {
    Policy::new(name, limits).unwrap()
}

#[test]
fn every_window_is_listed_under_its_policy_and_no_burst() {
    let tiers = Tiers::standard();
    let both = vec![tiers.of(Tier::Read).clone(), tiers.ceiling().clone()];
    let told = fields(&decision(both, 2, 1), Draft::V11).unwrap();
    assert_eq!(told[0], r#""read";q=600;w=60, "ceiling";q=5000;w=3600"#);
    assert_eq!(told[1], r#""read";r=598;t=43, "ceiling";r=4998;t=3583"#);
}

#[test]
fn several_limits_of_a_policy_are_told_apart() {
    let limits = [
        Limit::daily("day", 10).unwrap(),
        Limit::monthly("month", 100).unwrap(),
        Limit::window("half", 9, Duration::from_millis(1_500)).unwrap(),
        Limit::window("tried", 9, seconds(1)).unwrap().shadowed(),
    ];
    let told = fields(&decision(vec![policy("mail", limits)], 1, 1), Draft::V10).unwrap();
    assert_eq!(
        told[0],
        r#""mail:day";q=10;w=86400, "mail:month";q=100, "mail:half";q=9;w=2"#
    );
    // The day has 20:59:42.5 left, the month six days more; the window of 1.5 s began at 16.5 s.
    assert_eq!(
        told[1],
        r#""mail:day";r=9;t=75583, "mail:month";r=99;t=593983, "mail:half";r=8;t=1"#
    );
}

#[test]
fn policies_of_one_name_are_told_apart() {
    let each = || policy("ip", [Limit::window("m", 5, seconds(60)).unwrap()]);
    let told = fields(&decision(vec![each(), each()], 1, 1), Draft::V11).unwrap();
    assert_eq!(told[0], r#""ip:m";q=5;w=60, "ip:m#2";q=5;w=60"#);
}

#[test]
fn the_versions_differ_in_what_a_rolling_limit_can_say() {
    let rolling = || {
        vec![policy(
            "code",
            [Limit::rolling("hour", 2, seconds(3_600)).unwrap()],
        )]
    };
    let told =
        |requests, draft| fields(&decision(rolling(), requests, 1), draft).unwrap()[1].clone();
    assert_eq!(told(1, Draft::V10), r#""code";r=1"#);
    assert_eq!(told(1, Draft::V11), r#""code";r=1;t=3600"#);
    assert_eq!(told(3, Draft::V10), r#""code";r=0;t=3600"#);
    assert_eq!(told(3, Draft::V11), r#""code";r=0;t=3600"#);
}

/// §6: `Retry-After` is not earlier than any `t`. The window has 42.5 s left, but it is the burst that denies, for 100 ms.
#[test]
fn a_denial_tells_no_t_later_than_retry_after() {
    let tiers = Tiers::standard();
    let both = || vec![tiers.of(Tier::Read).clone(), tiers.ceiling().clone()];
    let denied = decision(both(), 31, 1);
    assert_eq!(denied.retry_after_seconds(), 1);
    assert_eq!(
        fields(&denied, Draft::V11).unwrap()[1],
        r#""read";r=570, "ceiling";r=4970"#
    );
    assert_eq!(violated(&denied), ["read:burst"]);

    let small = policy("small", [Limit::window("m", 2, seconds(60)).unwrap()]);
    let mut three = both();
    three.push(small);
    let denied = decision(three, 3, 1);
    assert_eq!(denied.retry_after_seconds(), 43);
    assert_eq!(
        fields(&denied, Draft::V10).unwrap()[1],
        r#""read";r=598, "ceiling";r=4998, "small";r=0;t=43"#
    );
    assert_eq!(violated(&denied), ["small"]);
}

#[test]
fn integers_have_at_most_15_digits() {
    let most = (1 << 52) - 1;
    let limit = Limit::window("w", most, Duration::from_micros(most)).unwrap();
    let told = fields(&decision(vec![policy("p", [limit])], 1, 1), Draft::V11).unwrap();
    assert_eq!(told[0], r#""p";q=999999999999999;w=4503599628"#);
    assert!(told[1].starts_with(r#""p";r=999999999999999;t="#));
}

#[test]
fn a_burst_alone_lists_nothing() {
    let burst = Limit::gcra("b", 10, seconds(1), 3).unwrap();
    assert_eq!(
        fields(&decision(vec![policy("p", [burst])], 1, 1), Draft::V11),
        None
    );
    let tried = Limit::window("w", 10, seconds(1)).unwrap().shadowed();
    assert_eq!(
        fields(&decision(vec![policy("p", [tried])], 1, 1), Draft::V11),
        None
    );
}
