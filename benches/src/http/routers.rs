//! The two routers: one handler, with the layer and without.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use picora_core::{AccountId, Clock, KeyId, Timestamp};
use picora_http::{LimitLayer, Principal, TierBudgets};
use picora_ratelimit::{MemoryLimiter, SubjectHasher, Tier, Tiers};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tower::ServiceExt;

/// A router, and whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    router: Router,
    turn: Arc<AtomicU64>,
}

impl Side {
    pub(crate) fn bare() -> Self {
        Self::of(Router::new().route("/", get(handler)))
    }

    /// The tiers' three limits, so large that nobody is refused.
    pub(crate) fn limited() -> Self {
        let tiers = Tiers::standard()
            .with_tier(Tier::Read, 6_000_000, 100_000)
            .and_then(|tiers| tiers.with_ceiling(1 << 40))
            .expect("the numbers are exact");
        let budgets = TierBudgets::new(tiers, SubjectHasher::new([7; 16])).expect("ten times too");
        let charges = Arc::new(budgets).for_tier(Tier::Read);
        let limiter = Arc::new(MemoryLimiter::new());
        let layer = LimitLayer::new(limiter, Arc::new(SystemClock), charges);
        Self::of(Router::new().route("/", get(handler).layer(layer)))
    }

    fn of(router: Router) -> Self {
        let turn = Arc::default();
        Self { router, turn }
    }

    /// Answers a request of the account whose turn it is.
    pub(crate) async fn call(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Infallible> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % 1_000;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&turn.to_le_bytes());
        request.extensions_mut().insert(Principal {
            account: AccountId::from_bytes(id),
            credential: KeyId::from_bytes(id),
            admin: false,
        });
        self.router.clone().oneshot(request).await
    }

    /// So many calls, one after the other.
    pub(crate) async fn calls(&self, count: usize) {
        for _ in 0..count {
            let answer = self.call(Request::new(Body::empty())).await;
            let answer = answer.unwrap_or_else(|never| match never {});
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }
}

async fn handler() -> &'static str {
    "ok"
}

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::from_unix_micros(since.as_micros() as i64)
    }
}
