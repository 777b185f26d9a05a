//! The limit layer.

use std::sync::Arc;
use std::time::Duration;

use picora_core::Timestamp;
use picora_http::{FailMode, LimitOptions, ResetStyle, TierScope};
use picora_ratelimit::{Limiter, MemoryLimiter, Tier};

use crate::limiters::{Remote, Unreachable};
use crate::world::{START, World, passed, principal, request, send};

/// The end of the minute in which the tests start.
const MINUTE_END: u64 = 1_776_999_660;

#[tokio::test]
async fn of_31_at_one_instant_30_pass_and_the_31st_gets_the_exact_body() {
    let world = World::new();
    let read = world.route(Tier::Read);
    for turn in 1..=30 {
        let answer = send(&read, request(principal(1, 1))).await;
        assert_eq!(
            (answer.status, answer.triplet()),
            (200, Some([600, 600 - turn, MINUTE_END]))
        );
        assert_eq!(answer.header("Retry-After"), None);
    }
    let denied = send(&read, request(principal(1, 1))).await;
    assert_eq!(denied.status, 429);
    let id = denied.header("X-Request-Id").unwrap();
    let wanted = r#"{"success":false,"error":"Rate limit exceeded","code":"RATE_LIMITED","meta":{"retryAfterSec":1}}"#;
    assert_eq!(
        denied.body.replace(&format!(r#","requestId":"{id}""#), ""),
        wanted
    );
    assert_eq!(denied.header("Retry-After"), Some("1"));
    assert_eq!(denied.header("Content-Type"), Some("application/json"));
    assert_eq!(denied.header("Cache-Control"), Some("no-store"));
    assert_eq!(
        denied.triplet(),
        Some([600, 570, MINUTE_END]),
        "the burst denied, the window's numbers are true"
    );
    assert_eq!(world.served(), 30);
}

/// Row #242: whoever waits as long as told passes, and a second less is too early.
#[tokio::test]
async fn after_retry_after_the_next_passes() {
    let world = World::new();
    let upload = world.route(Tier::Upload);
    for _ in 0..4 {
        passed(&upload, principal(1, 1), 9).await;
        let denied = send(&upload, request(principal(1, 1))).await;
        let seconds: u64 = denied.header("Retry-After").unwrap().parse().unwrap();
        world.clock.advance(Duration::from_secs(seconds - 1));
        assert_eq!(send(&upload, request(principal(1, 1))).await.status, 429);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(send(&upload, request(principal(1, 1))).await.status, 200);
    }
}

#[tokio::test]
async fn a_full_minute_waits_for_its_end() {
    let world = World::new();
    let mutation = world.route(Tier::Mutation);
    world.clock.set(Timestamp::from_unix_seconds(1_776_999_600));
    for _ in 0..11 {
        passed(&mutation, principal(1, 1), 10).await;
        world.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(passed(&mutation, principal(1, 1), 99).await, 10);
    let denied = send(&mutation, request(principal(1, 1))).await;
    assert_eq!(
        (denied.header("Retry-After"), denied.triplet()),
        (Some("5"), Some([120, 0, MINUTE_END]))
    );
}

/// C9, row #223: the tier is the account's, whichever key it comes by; two accounts do not meet.
#[tokio::test]
async fn keys_of_one_account_share_its_tiers() {
    let world = World::new();
    let (read, upload) = (world.route(Tier::Read), world.route(Tier::Upload));
    assert_eq!(passed(&read, principal(1, 1), 20).await, 20);
    assert_eq!(passed(&read, principal(1, 2), 20).await, 10);
    assert_eq!(
        passed(&upload, principal(1, 2), 20).await,
        5,
        "tiers are apart"
    );
    assert_eq!(
        passed(&read, principal(2, 3), 40).await,
        30,
        "accounts are apart"
    );
}

#[tokio::test]
async fn keys_can_have_tiers_of_their_own() {
    let world = World {
        scope: TierScope::Credential,
        ..World::new()
    };
    let read = world.route(Tier::Read);
    assert_eq!(passed(&read, principal(1, 1), 40).await, 30);
    assert_eq!(passed(&read, principal(1, 2), 40).await, 30);
}

/// Row #230: the ceiling is the key's, over all tiers, and shows when it is the scarcer.
#[tokio::test]
async fn a_key_has_5000_an_hour() {
    let world = World::new();
    let read = world.route(Tier::Read);
    world.clock.set(Timestamp::from_unix_seconds(1_776_999_600));
    let mut total = 0;
    while total < 5_000 {
        total += passed(&read, principal(1, 1), 25).await;
        world.clock.advance(Duration::from_millis(2_500));
    }
    let denied = send(&read, request(principal(1, 1))).await;
    assert_eq!(denied.triplet(), Some([5_000, 0, 1_777_003_200]));
    assert_eq!(denied.header("Retry-After"), Some("3100")); // 5,000 at 10/s have taken 500 s
    assert_eq!(
        send(&read, request(principal(1, 2))).await.status,
        200,
        "another key of the account"
    );
}

/// Row #231.
#[tokio::test]
async fn an_admin_has_ten_times_as_much() {
    let world = World::new();
    let mut admin = principal(1, 1);
    admin.admin = true;
    let upload = world.route(Tier::Upload);
    assert_eq!(passed(&upload, admin, 99).await, 50);
    assert_eq!(
        send(&upload, request(admin)).await.triplet(),
        Some([600, 550, MINUTE_END])
    );
}

/// C10: headers on whatever a throttled route answers.
#[tokio::test]
async fn errors_of_the_service_carry_the_triplet_too() {
    for status in [http::StatusCode::NOT_FOUND, http::StatusCode::BAD_GATEWAY] {
        let world = World {
            status,
            ..World::new()
        };
        let answer = send(&world.route(Tier::Read), request(principal(1, 1))).await;
        assert_eq!(
            (answer.status, answer.triplet()),
            (status.as_u16(), Some([600, 599, MINUTE_END]))
        );
    }
}

/// C83.
#[tokio::test]
async fn nobody_pays_for_a_request_without_a_principal() {
    let world = World::new();
    let read = world.route(Tier::Read);
    for _ in 0..100 {
        let answer = send(&read, request(None)).await;
        assert_eq!((answer.status, answer.triplet()), (200, None));
    }
}

#[tokio::test]
async fn reset_can_be_a_delta() {
    let world = World {
        options: LimitOptions {
            reset: ResetStyle::Delta,
            ..LimitOptions::default()
        },
        ..World::new()
    };
    let answer = send(&world.route(Tier::Read), request(principal(1, 1))).await;
    assert_eq!(answer.triplet(), Some([600, 599, 43])); // 42.5 s
}

#[tokio::test]
async fn a_limiter_without_its_store_refuses_or_lets_pass_as_configured() {
    let limiter = || -> Arc<dyn Limiter> { Arc::new(Unreachable) };
    let closed = World {
        limiter: limiter(),
        ..World::new()
    };
    let answer = send(&closed.route(Tier::Read), request(principal(1, 1))).await;
    assert_eq!(
        (answer.status, answer.triplet(), closed.served()),
        (503, None, 0)
    );
    assert_eq!(answer.header("Retry-After"), Some("1"));
    assert!(
        answer
            .body
            .contains(r#""code":"UNAVAILABLE","meta":{"retryAfterSec":1},"requestId":"req_"#)
    );

    let open = World {
        limiter: limiter(),
        options: LimitOptions {
            fail: FailMode::Open,
            ..LimitOptions::default()
        },
        ..World::new()
    };
    let answer = send(&open.route(Tier::Read), request(principal(1, 1))).await;
    assert_eq!(
        (answer.status, answer.triplet(), open.served()),
        (200, None, 1)
    );
}

#[tokio::test]
async fn a_limiter_that_needs_io_is_asked_with_await() {
    let world = World {
        limiter: Arc::new(Remote(MemoryLimiter::new())),
        ..World::new()
    };
    let read = world.route(Tier::Read);
    assert_eq!(passed(&read, principal(1, 1), 31).await, 30);
    world.clock.set(START);
    assert_eq!(
        send(&read, request(principal(1, 1))).await.triplet(),
        Some([600, 570, MINUTE_END])
    );
}
