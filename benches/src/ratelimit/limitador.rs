//! The peer that knows several limits: `limitador`, in memory and on Redis.

use limitador::RateLimiter;
use limitador::limit::{Context, Limit, Namespace};
use limitador::{AsyncRateLimiter, storage::redis::AsyncRedisStorage};
use std::collections::HashMap;

/// Three limits for each user: a second's, a minute's and an hour's. It has no bursts.
fn limits(generous: bool) -> Vec<Limit> {
    let factor = if generous { 1_000_000 } else { 1 };
    let limit = |count: u64, seconds| {
        let user = "user".try_into().expect("a variable");
        Limit::new("api", count * factor, seconds, [], [user])
    };
    vec![limit(30, 1), limit(600, 60), limit(5_000, 3_600)]
}

fn context(user: &str) -> Context<'static> {
    HashMap::from([("user".to_owned(), user.to_owned())]).into()
}

pub(crate) struct InMemory {
    limiter: RateLimiter,
    namespace: Namespace,
}

impl InMemory {
    pub(crate) fn new(users: u64) -> Self {
        let limiter = RateLimiter::new(users * 3);
        for limit in limits(true) {
            limiter.add_limit(limit);
        }
        Self {
            limiter,
            namespace: "api".into(),
        }
    }

    pub(crate) fn decide(&self, user: &str) -> bool {
        let context = context(user);
        let checked = self
            .limiter
            .check_rate_limited_and_update(&self.namespace, &context, 1);
        !checked.expect("memory answers").limited
    }
}

pub(crate) struct OnRedis {
    limiter: AsyncRateLimiter,
    namespace: Namespace,
}

impl OnRedis {
    pub(crate) async fn new(url: &str, generous: bool) -> Self {
        let storage = AsyncRedisStorage::new(url).await.expect("Redis runs");
        let limiter = AsyncRateLimiter::new_with_storage(Box::new(storage));
        for limit in limits(generous) {
            limiter.add_limit(limit);
        }
        Self {
            limiter,
            namespace: "api".into(),
        }
    }

    pub(crate) async fn decide(&self, user: &str) -> bool {
        let context = context(user);
        let checked = self
            .limiter
            .check_rate_limited_and_update(&self.namespace, &context, 1);
        !checked.await.expect("Redis answers").limited
    }
}
