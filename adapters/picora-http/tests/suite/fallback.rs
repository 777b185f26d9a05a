//! What a layer does while the shared store is gone.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use picora_http::{FailMode, Fallback, LimitOptions, Limited, Source};
use picora_ratelimit::{Gcra, Limit, Policy, Rule, Tier};

use crate::limiters::Unreachable;
use crate::world::{Fixed, World, passed, principal, request, send};

fn world(replicas: u32) -> World {
    let fallback = Fallback::in_memory(NonZeroU32::new(replicas).unwrap());
    World {
        limiter: Arc::new(Unreachable),
        options: LimitOptions {
            fail: FailMode::Local(fallback),
            ..LimitOptions::default()
        },
        ..World::new()
    }
}

/// Three processes: each lets a third pass, with headers and waits of its third.
#[tokio::test]
async fn each_process_lets_its_part_pass_and_tells_its_own_numbers() {
    let world = world(3);
    let read = world.route(Tier::Read);
    let first = send(&read, request(principal(1, 1))).await;
    assert_eq!(first.triplet().map(|it| [it[0], it[1]]), Some([200, 199]));
    assert_eq!(
        passed(&read, principal(1, 1), 40).await,
        9,
        "a burst of 30 / 3"
    );
    let denied = send(&read, request(principal(1, 1))).await;
    assert_eq!(
        (denied.status, denied.header("Retry-After")),
        (429, Some("1"))
    );
    world.clock.advance(Duration::from_millis(299));
    assert_eq!(passed(&read, principal(1, 1), 1).await, 0);
    world.clock.advance(Duration::from_millis(1)); // 3 × 100 ms
    assert_eq!(passed(&read, principal(1, 1), 5).await, 1);
}

/// The ceiling spans tiers, so all layers share one fallback; 5,000 / 5,000 is 1.
#[tokio::test]
async fn the_ceiling_spans_the_tiers_in_the_fallback_too() {
    let world = world(5_000);
    let (read, upload) = (world.route(Tier::Read), world.route(Tier::Upload));
    assert_eq!(passed(&read, principal(1, 1), 3).await, 1);
    assert_eq!(passed(&upload, principal(1, 1), 3).await, 0);
    assert_eq!(
        passed(&upload, principal(1, 2), 3).await,
        1,
        "another key's own"
    );
}

#[tokio::test]
async fn what_no_part_can_let_pass_is_refused_as_unavailable() {
    let window = |most| Limit::window("w", most, Duration::from_secs(60)).unwrap();
    let days = Gcra::every(Duration::from_secs(86_400 * 10_000), 1).unwrap();
    let slow = Limit::new("slow", Rule::Gcra(days)).unwrap();
    for (limit, cost) in [(window(10), 6), (slow, 1)] {
        let world = world(9);
        let policy = Policy::new("p", [limit]).unwrap();
        let answer = send(&world.charging(Fixed::of([policy], cost)), request(None)).await;
        assert_eq!((answer.status, world.served()), (503, 0), "{limit:?}");
        assert_eq!(answer.header("Retry-After"), Some("1"));
    }
}

/// A fallback that fails as well, and a refund of what the fallback has charged.
#[tokio::test]
async fn a_fallback_is_refunded_and_can_fail() {
    let refunding = world(3).handled(Fixed::of([third()], 1), |request| async move {
        let limited = Limited::of(request.extensions()).unwrap();
        assert_eq!(limited.source(), Source::Fallback);
        limited.refund().await.unwrap();
        http::Response::default()
    });
    for _ in 0..20 {
        assert_eq!(send(&refunding, request(None)).await.status, 200);
    }
    let gone = Fallback::new(Arc::new(Unreachable), NonZeroU32::MIN);
    let mut world = world(1);
    world.options.fail = FailMode::Local(gone);
    assert_eq!(
        send(&world.route(Tier::Read), request(principal(1, 1)))
            .await
            .status,
        503
    );
}

fn third() -> Policy {
    Policy::new(
        "p",
        [Limit::window("w", 9, Duration::from_secs(60)).unwrap()],
    )
    .unwrap()
}
