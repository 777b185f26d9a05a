//! Metrics, as a recorder of the process sees them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use picora_core::Timestamp;
use picora_http::{FailMode, Fallback, LimitOptions, meter};
use picora_ratelimit::{
    Check, Limit, Limiter, MemoryLimiter, MemoryOptions, Policy, Subject, SubjectKey, Tier,
};

use crate::limiters::{Remote, Unreachable};
use crate::world::{Fixed, World, passed, principal, request, send};

/// What was recorded meanwhile, as `name{label=value,…} -> value`.
fn recorded(work: impl Future<Output = ()>) -> BTreeMap<String, DebugValue> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(work));
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.map(|(key, _, _, value)| {
        let key = key.key();
        let labels = key
            .labels()
            .map(|it| format!("{}={}", it.key(), it.value()));
        let labels: Vec<_> = labels.collect();
        (format!("{}{{{}}}", key.name(), labels.join(",")), value)
    })
    .collect()
}

fn world(limiter: Arc<dyn Limiter>, fail: FailMode) -> World {
    World {
        limiter,
        options: LimitOptions {
            fail,
            ..LimitOptions::default()
        },
        ..World::new()
    }
}

fn counted(name: &str, labels: &str, times: u64) -> (String, DebugValue) {
    let name = format!("picora_ratelimit_{name}_total{{{labels}}}");
    (name, DebugValue::Counter(times))
}

#[test]
fn decisions_count_by_tier_verdict_and_source() {
    let all = recorded(async {
        let world = World::new();
        passed(&world.route(Tier::Read), principal(1, 1), 32).await;
        passed(&world.route(Tier::Upload), principal(1, 1), 2).await;
        let hour = |name| Limit::window(name, 1, Duration::from_secs(3_600)).unwrap();
        let policy = Policy::new("p", [hour("a").challenging(), hour("b").shadowed()]);
        let service = world.charging(Fixed::of([policy.unwrap()], 1));
        for _ in 0..3 {
            send(&service, request(None)).await;
        }
    });
    let wanted = [
        counted("decisions", "tier=read,verdict=allow,source=local", 30),
        counted("decisions", "tier=read,verdict=deny,source=local", 2),
        counted("decisions", "tier=upload,verdict=allow,source=local", 2),
        counted("decisions", "tier=fixed,verdict=allow,source=local", 1),
        counted("decisions", "tier=fixed,verdict=challenge,source=local", 2),
        counted("shadow_denied", "tier=fixed", 2),
    ];
    assert_eq!(all, BTreeMap::from(wanted));
}

#[test]
fn a_store_that_is_waited_for_is_measured_and_its_failures_count() {
    let all = recorded(async {
        let remote = world(Arc::new(Remote(MemoryLimiter::new())), FailMode::Closed);
        passed(&remote.route(Tier::Read), principal(1, 1), 3).await;
        let local = FailMode::Local(Fallback::in_memory(NonZeroU32::MIN));
        for mode in [FailMode::Closed, FailMode::Open, local] {
            let failing = world(Arc::new(Unreachable), mode);
            send(&failing.route(Tier::Upload), request(principal(1, 1))).await;
        }
    });
    let times = |outcome: &str, tier: &str| match all.get(&format!(
        "picora_ratelimit_backend_seconds{{tier={tier},outcome={outcome}}}"
    )) {
        Some(DebugValue::Histogram(values)) => values.len(),
        _ => 0,
    };
    assert_eq!(
        (times("answered", "read"), times("failed", "upload")),
        (3, 3)
    );
    for (name, value) in [
        counted("decisions", "tier=read,verdict=allow,source=redis", 3),
        counted("decisions", "tier=upload,verdict=allow,source=fallback", 1),
        counted("failures", "tier=upload,mode=closed", 1),
        counted("failures", "tier=upload,mode=open", 1),
        counted("failures", "tier=upload,mode=local", 1),
    ] {
        assert_eq!(all.get(&name), Some(&value), "{name}");
    }
}

/// No id, key or address becomes a label: a thousand accounts make no more series than one.
#[test]
fn labels_are_few() {
    let series = |accounts: u8| {
        recorded(async move {
            let world = World::new();
            let read = world.route(Tier::Read);
            for account in 0..accounts {
                passed(&read, principal(account, account), 31).await;
            }
        })
        .len()
    };
    assert_eq!((series(1), series(200)), (2, 2));
}

#[test]
fn a_limiter_in_memory_tells_how_many_it_holds() {
    let one = std::num::NonZeroUsize::MIN;
    let limiter = MemoryLimiter::with_options(MemoryOptions {
        shards: one,
        most_records: Some(one.saturating_add(3)),
    });
    let hour = Limit::window("w", 9, Duration::from_secs(3_600)).unwrap();
    let policy = Policy::new("p", [hour]).unwrap();
    for key in 0..10 {
        let key = SubjectKey(key << 64 | key);
        let subjects = [Subject {
            key,
            policy: &policy,
        }];
        let check = Check::new(key, &subjects, 1).unwrap();
        limiter.try_decide(&check, Timestamp::EPOCH).unwrap();
    }
    let all = recorded(async { meter::record(&limiter) });
    assert!(limiter.evicted() > 0);
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let live = limiter.len() as f64;
    let gauge = (
        "picora_ratelimit_records{}".to_owned(),
        DebugValue::Gauge(live.into()),
    );
    assert_eq!(
        all,
        BTreeMap::from([gauge, counted("evicted", "", limiter.evicted())])
    );
}
