//! The layers fit an axum router, body and all.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::Request;
use picora_core::{ManualClock, SeededEntropy};
use picora_http::{LimitLayer, RequestIdLayer, TierBudgets};
use picora_ratelimit::{MemoryLimiter, SubjectHasher, Tier, Tiers};
use tower::ServiceExt;

use crate::world::{START, principal};

#[tokio::test]
async fn a_router_is_limited_route_by_route() {
    let (clock, entropy) = (
        Arc::new(ManualClock::at(START)),
        Arc::new(SeededEntropy::new(1)),
    );
    let budgets =
        Arc::new(TierBudgets::new(Tiers::standard(), SubjectHasher::new([7; 16])).unwrap());
    let limiter = Arc::new(MemoryLimiter::new());
    let limit = |tier| LimitLayer::new(limiter.clone(), clock.clone(), budgets.for_tier(tier));
    let router = Router::new()
        .route(
            "/v1/images",
            any(|| async { "image" }).layer(limit(Tier::Upload)),
        )
        .route(
            "/v1/docs",
            any(|| async { "docs" }).layer(limit(Tier::Read)),
        )
        .route("/health", any(|| async { "ok" }))
        .layer(RequestIdLayer::new(clock, entropy));

    let get = |path: &str| {
        let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(principal(1, 1));
        router.clone().oneshot(request)
    };
    for _ in 0..5 {
        assert_eq!(get("/v1/images").await.unwrap().status(), 200);
    }
    let denied = get("/v1/images").await.unwrap();
    assert_eq!(
        (
            denied.status().as_u16(),
            &denied.headers()["RateLimit-Limit"]
        ),
        (429, &"60".parse().unwrap())
    );
    assert_eq!(
        get("/v1/docs").await.unwrap().headers()["RateLimit-Remaining"],
        "599"
    );
    let health = get("/health").await.unwrap();
    assert!(
        health.headers().contains_key("X-Request-Id")
            && !health.headers().contains_key("RateLimit-Limit")
    );
}
