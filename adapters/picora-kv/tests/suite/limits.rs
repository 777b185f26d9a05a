//! KV's limits, as an edge counts them that serves nobody who passes one.

use std::time::Duration;

use picora_core::{AccountId, StoreErrorKind};
use picora_kv::KvEcho;
use picora_quota::echo::{Budget, Echo, Echoer, Step};

use serde_json::json;

use crate::edge::Trouble;
use crate::world::{Namespace, run, told, writer};

/// KV itself need not be there: an edge answers for it.
async fn canned(result: serde_json::Value) -> Namespace {
    let namespace = Namespace::fresh_on_runtime().await;
    let said = json!({"success": true, "errors": [], "messages": [], "result": result});
    namespace
        .edge
        .makes(Trouble::Answers(200, None, said.to_string()));
    namespace
}

async fn without_mark() -> Namespace {
    canned(json!({"values": {"quota:echo": null, "quota:echo:begun": null, "quota:echo:writer": null}})).await
}

/// Who asks without end stays under 1,200 calls in five minutes, and is told each time when to come back.
#[test]
fn the_budget_of_calls_is_kept_by_saying_when_to_come_back() {
    run(async {
        let namespace = without_mark().await;
        let echo = namespace.echo();
        let end = namespace.now().saturating_add(Duration::from_secs(600));
        while namespace.now() < end {
            if let Err(error) = echo.marker(namespace.now()).await {
                let (kind, _) = told(&error, namespace.now());
                assert_eq!(kind, StoreErrorKind::Unavailable);
                let until = error.not_before.expect("it says when");
                assert!(until > namespace.now());
                namespace.clock.set(until);
            }
        }
        let calls = namespace.edge.came().len();
        assert!((1_800..2_000).contains(&calls), "{calls}");
        assert_eq!(namespace.edge.violations(), 0);
    });
}

/// An edge that is passed without a budget blocks for five minutes, and the echo stays away for as long.
#[test]
fn who_has_passed_the_limit_stays_away_for_as_long_as_told() {
    run(async {
        let namespace = without_mark().await;
        let endless = namespace
            .config()
            .with_calls(Budget::new(100_000, Duration::ZERO));
        let echo = KvEcho::new(endless, writer()).unwrap();
        for _ in 0..1_200 {
            echo.marker(namespace.now()).await.unwrap();
        }
        let error = echo.marker(namespace.now()).await.unwrap_err();
        assert_eq!(
            told(&error, namespace.now()),
            (StoreErrorKind::Unavailable, Some(300))
        );
        let calls = namespace.edge.came().len();
        namespace.pass(299);
        assert!(echo.marker(namespace.now()).await.is_err());
        assert_eq!(namespace.edge.came().len(), calls);
        namespace.pass(1);
        assert!(echo.marker(namespace.now()).await.is_ok());
    });
}

/// A publication of more accounts than fit goes in several calls, each within ten thousand pairs.
#[test]
fn ten_thousand_pairs_are_the_most_of_a_call() {
    run(async {
        let namespace =
            canned(json!({"successful_key_count": 10_000, "unsuccessful_keys": []})).await;
        let echo = namespace.echo();
        let mut all = Vec::new();
        for n in 0..1_260_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let account = AccountId::from_bytes(id);
            all.push(picora_quota::echo::Snapshot {
                account,
                ..namespace.snapshot(1, 2)
            });
        }
        let published = echo.publish(&all, namespace.now()).await.unwrap();
        assert_eq!(published.written, 10_080);
        let came = namespace.edge.came();
        let sizes: Vec<_> = came
            .iter()
            .map(|it| it.body.as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, [10_000, 81]);
        let statuses = came[0].body.as_array().unwrap()[1..1_261].iter();
        assert!(
            statuses
                .map(|it| it["key"].as_str().unwrap())
                .all(|it| it.starts_with("quota:video_status:"))
        );
        let again = echo.publish(&all, namespace.now()).await.unwrap();
        assert_eq!(again.unchanged, 10_080);
    });
}

/// Six accounts that change each second for five minutes of the test's time go out at the pace that is advised, flips first, and no limit
/// is passed.
#[test]
fn many_changes_are_few_calls() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        let mut echoer = Echoer::new(echo.caps(), namespace.config().pace(), 7);
        echoer.looked(Some(picora_quota::echo::Marker::Whole(7)), namespace.now());
        for second in 0..300_u64 {
            for change in 0..6 {
                let mut snapshot = namespace.snapshot(change, second * 10);
                snapshot.video_status = if second < 150 { "ok" } else { "degraded" };
                echoer.offer(snapshot, namespace.now());
            }
            while let Step::Publish(batch) = echoer.next(namespace.now()) {
                match echo.publish(batch.snapshots(), namespace.now()).await {
                    Ok(_) => echoer.published(batch, namespace.now()),
                    Err(error) => panic!("{error}"),
                }
            }
            if matches!(echoer.next(namespace.now()), Step::Look) {
                echoer.looked(Some(picora_quota::echo::Marker::Whole(7)), namespace.now());
            }
            namespace.pass(1);
        }
        let came = namespace.edge.came();
        assert!(came.len() <= 4 + 300 / 15, "{}", came.len());
        assert_eq!(namespace.edge.violations(), 0);
        // The flip at 150 s goes within a quarter minute, and once for each account.
        let flips = came.iter().filter(|it| {
            let pairs = it.body.as_array().unwrap();
            pairs.iter().any(|it| it["value"] == "degraded")
        });
        let flips: Vec<_> = flips.collect();
        assert_eq!(flips.len(), 1);
        let began = came[0].at;
        let after = flips[0].at.saturating_since(began);
        assert!((150..=165).contains(&after.as_secs()), "{after:?}");
        let statuses = flips[0].body.as_array().unwrap()[..6].iter();
        assert!(
            statuses
                .map(|it| it["key"].as_str().unwrap())
                .all(|it| it.starts_with("quota:video_status:"))
        );
    });
}
