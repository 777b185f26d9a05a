//! What the tests share.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use picora_ratelimit::conformance::Harness;
use picora_ratelimit::{Check, Limit, Limiter, Policy, Subject, SubjectKey};
use picora_redis::{RedisConfig, RedisLimiter};
use picora_testkit::{Redis, RedisCluster};
use tokio::runtime::Runtime;

/// Where a suite's limiters live.
pub(crate) enum OnRedis {
    /// Checks that wait go together.
    Together,
    /// Each in a call of its own.
    Alone,
    /// On three masters.
    Cluster,
}

impl Harness for OnRedis {
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        runtime().block_on(future)
    }

    fn fresh(&self) -> ((), Arc<dyn Limiter>) {
        let _runtime = runtime().enter();
        let config = RedisConfig {
            group_commit: !matches!(self, Self::Alone),
            ..config()
        };
        let limiter = match self {
            Self::Together | Self::Alone => RedisLimiter::single(&Redis::shared().url(), config),
            Self::Cluster => RedisLimiter::cluster(cluster().urls(), config),
        };
        ((), Arc::new(limiter.unwrap().with_the_callers_clock()))
    }
}

/// A prefix of its own for each limiter, and a deadline that a busy machine keeps.
pub(crate) fn config() -> RedisConfig {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    RedisConfig {
        deadline: Duration::from_secs(5),
        prefix: format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        ..RedisConfig::default()
    }
}

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

pub(crate) fn cluster() -> &'static RedisCluster {
    static CLUSTER: OnceLock<RedisCluster> = OnceLock::new();
    CLUSTER.get_or_init(RedisCluster::start)
}

/// A window of so many a minute, and a burst.
pub(crate) fn policy(limit: u64, burst: u64) -> Policy {
    let minute = Duration::from_secs(60);
    let limits = [
        Limit::window("minute", limit, minute).unwrap(),
        Limit::gcra("burst", limit, minute, burst).unwrap(),
    ];
    Policy::new("p", limits).unwrap()
}

/// One subject at its own home.
pub(crate) fn subject(key: u128, policy: &Policy) -> [Subject<'_>; 1] {
    let key = SubjectKey(key);
    [Subject { key, policy }]
}

/// A check of one unit.
pub(crate) fn one<'a>(subjects: &'a [Subject<'a>]) -> Check<'a> {
    Check::new(subjects[0].key, subjects, 1).unwrap()
}
