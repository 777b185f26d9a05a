//! What a handler learns of the decision, and gives back.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use http::{Request, Response};
use picora_http::{LimitLayer, Limited, RateLimitHeaders, Source, TierBudgets};
use picora_ratelimit::{Limit, MemoryLimiter, Policy, SubjectHasher, Tier, Tiers, Verdict};
use tower::ServiceExt;

use crate::limiters::Remote;
use crate::world::{Fixed, START, World, passed, principal, request, send};

fn budgets() -> Arc<TierBudgets> {
    Arc::new(TierBudgets::new(Tiers::standard(), SubjectHasher::new([7; 16])).unwrap())
}

#[tokio::test]
async fn a_handler_reads_what_was_decided() {
    for at_once in [true, false] {
        let mut world = World::new();
        if !at_once {
            world.limiter = Arc::new(Remote(MemoryLimiter::new()));
        }
        let service = world.handled(budgets().for_tier(Tier::Read), move |request| async move {
            let limited = Limited::of(request.extensions()).unwrap();
            let triplet = RateLimitHeaders {
                limit: 600,
                remaining: 599,
                reset: 1_776_999_660,
            };
            assert_eq!(limited.triplet(), Some(triplet));
            assert_eq!((limited.verdict(), limited.cost()), (Verdict::Allow, 1));
            assert_eq!(
                (limited.decided_at(), limited.shadow_denied()),
                (START, false)
            );
            let source = if at_once {
                Source::Local
            } else {
                Source::Redis
            };
            assert_eq!(limited.source(), source);
            Response::default()
        });
        assert_eq!(send(&service, request(principal(1, 1))).await.status, 200);
    }
}

/// With axum, by its own extractor.
#[tokio::test]
async fn axum_hands_it_over() {
    let world = World::new();
    let (limiter, clock) = (world.limiter.clone(), world.clock.clone());
    let told = |Extension(limited): Extension<Limited>| async move {
        limited.refund().await.unwrap();
        limited.triplet().unwrap().remaining.to_string()
    };
    let layer = LimitLayer::new(limiter, clock, budgets().for_tier(Tier::Upload));
    let router = Router::new().route("/", get(told).layer(layer));
    for _ in 0..9 {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(principal(1, 1));
        let answer = router.clone().oneshot(request).await.unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body());
        assert_eq!(body.await.unwrap().to_bytes(), "59", "each was given back");
    }
}

/// However often it is asked for, one charge goes back once.
#[tokio::test]
async fn a_refund_gives_back_one_charge_once() {
    let world = World::new();
    let policy = Policy::new(
        "p",
        [Limit::window("w", 10, Duration::from_secs(60)).unwrap()],
    );
    let charges = || Fixed::of([policy.clone().unwrap()], 3);
    let plain = world.charging(charges());
    assert_eq!(send(&plain, request(None)).await.triplet().unwrap()[1], 7);
    let refunding = world.handled(charges(), |request| async move {
        let limited = Limited::of(request.extensions()).unwrap().clone();
        for _ in 0..3 {
            limited.refund().await.unwrap();
            limited.clone().refund().await.unwrap();
        }
        Response::default()
    });
    assert_eq!(
        send(&refunding, request(None)).await.triplet().unwrap()[1],
        4,
        "as decided"
    );
    assert_eq!(
        send(&plain, request(None)).await.triplet().unwrap()[1],
        4,
        "and given back"
    );
}

#[tokio::test]
async fn a_payer_without_a_policy_is_the_servers_mistake() {
    let world = World::new();
    let Fixed(mut charge) = Fixed::of([Tiers::standard().ceiling().clone()], 1);
    charge.payers[0].policy = 1;
    let answer = send(&world.charging(Fixed(charge)), request(None)).await;
    assert_eq!((answer.status, world.served()), (500, 0));
}

/// The server's code says what a route costs; whatever a client sends changes nothing.
#[tokio::test]
async fn a_route_can_cost_more_and_a_client_has_no_say() {
    let world = World::new();
    let dear = budgets().for_tier(Tier::Upload);
    let dear = world.charging(dear.costing(NonZeroU64::new(2).unwrap()));
    let mut sly = request(principal(1, 1));
    for name in ["X-Cost", "Cost", "RateLimit-Cost", "X-RateLimit-Cost"] {
        sly.headers_mut().insert(name, 0.into());
    }
    assert_eq!(send(&dear, sly).await.triplet().unwrap()[1], 58);
    assert_eq!(
        send(&dear, request(principal(1, 1)))
            .await
            .triplet()
            .unwrap()[1],
        56
    );
    assert_eq!(
        send(&dear, request(principal(1, 1))).await.status,
        429,
        "the burst of 5"
    );
    let impossible = budgets().for_tier(Tier::Upload);
    let impossible = world.charging(impossible.costing(NonZeroU64::new(6).unwrap()));
    let answer = send(&impossible, request(principal(2, 2))).await;
    assert_eq!((answer.status, answer.triplet()), (500, None));
    assert_eq!(
        passed(&world.route(Tier::Upload), principal(2, 2), 9).await,
        5,
        "nothing was charged"
    );
}
