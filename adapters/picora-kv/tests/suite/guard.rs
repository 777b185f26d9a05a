//! KV compares nothing: what this process has written guards against what is older, also when both are under way.

use std::sync::Arc;
use std::time::Duration;

use picora_core::StoreErrorKind;
use picora_quota::echo::{Echo, Guard, Marker, Snapshot};

use crate::edge::Trouble;
use crate::world::{Namespace, run, shared};

#[test]
fn it_says_that_it_guards_against_this_process_alone() {
    let namespace = Namespace::fresh();
    let caps = namespace.echo().caps();
    assert_eq!(caps.guard, Guard::Process);
    assert_eq!(caps.staleness, Duration::from_secs(120), "C6");
    assert_eq!(caps.shortest_ttl, Duration::from_secs(60));
    assert_eq!(caps.bulk * 8, 10_000);
    let refusal = caps
        .require(picora_quota::echo::Atomicity::Key)
        .unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Unsupported);
}

/// The newer one is told to publish while the older one is still under way: it goes after it, and an older one after that does not go.
#[test]
fn what_is_older_never_lands_after_what_is_newer() {
    run(async {
        let namespace = Arc::new(Namespace::fresh_on_runtime().await);
        let echo = shared(namespace.config());
        namespace
            .edge
            .makes(Trouble::IsSlow(Duration::from_millis(300)));
        let publish = |epoch: u64| {
            let (echo, now) = (echo.clone(), namespace.now());
            let snapshot = namespace.snapshot(1, epoch);
            tokio::spawn(async move { echo.publish(&[snapshot], now).await.unwrap() })
        };
        let under_way = async |calls: usize| {
            while namespace.edge.count("PUT bulk") < calls {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            namespace.pass(1);
        };
        let five = publish(5);
        under_way(1).await;
        let seven = publish(7);
        assert_eq!(
            namespace.edge.count("PUT bulk"),
            1,
            "they go one after the other"
        );
        assert_eq!(five.await.unwrap().written, 8);
        under_way(2).await;
        let six = publish(6);
        assert_eq!(seven.await.unwrap().written, 7); // the status is the same
        assert_eq!(six.await.unwrap().superseded, 8);
        let key = format!("quota:doc_count:{}", namespace.snapshot(1, 7).account);
        assert_eq!(namespace.raw(&key).await.unwrap().0, "704");
        let late = echo
            .publish(&[namespace.snapshot(1, 6)], namespace.now())
            .await;
        assert_eq!(late.unwrap().superseded, 8);
    });
}

/// Whoever gives up waiting leaves nothing half known: the next publication writes all of it.
#[test]
fn a_publication_that_is_given_up_is_written_again() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        namespace
            .edge
            .makes(Trouble::IsSlow(Duration::from_secs(5)));
        let snapshot = namespace.snapshot(1, 5);
        let publish = [snapshot];
        let given_up = echo.publish(&publish, namespace.now());
        let waited = tokio::time::timeout(Duration::from_millis(200), given_up).await;
        assert!(waited.is_err());
        namespace.edge.makes(Trouble::None);
        namespace.pass(1);
        let published = echo.publish(&publish, namespace.now()).await.unwrap();
        assert_eq!(published.written, 8);
    });
}

/// Another process has rebuilt the namespace meanwhile: what this one remembers of it is worth nothing.
#[test]
fn another_mark_than_before_makes_it_write_everything() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let (echo, other) = (namespace.echo(), namespace.echo());
        let now = || namespace.now();
        assert!(echo.mark(None, Marker::Building(1), now()).await.unwrap());
        namespace.pass(1);
        let snapshot = namespace.snapshot(1, 5);
        assert_eq!(echo.publish(&[snapshot], now()).await.unwrap().written, 8);
        let mark = echo
            .mark(Some(Marker::Building(1)), Marker::Whole(1), now())
            .await;
        assert!(mark.unwrap());
        namespace.pass(120);
        assert_eq!(echo.marker(now()).await.unwrap(), Some(Marker::Whole(1)));
        assert_eq!(echo.publish(&[snapshot], now()).await.unwrap().unchanged, 8);

        let theirs = Marker::Building(2);
        assert!(
            other
                .mark(Some(Marker::Whole(1)), theirs, now())
                .await
                .unwrap()
        );
        let changed = Snapshot {
            epoch: 6,
            video_status: "suspended",
            ..snapshot
        };
        other.publish(&[changed], now()).await.unwrap();
        namespace.pass(120);
        assert_eq!(echo.marker(now()).await.unwrap(), Some(theirs));
        let back = Snapshot {
            epoch: 7,
            ..snapshot
        };
        assert_eq!(echo.publish(&[back], now()).await.unwrap().written, 8);
    });
}

/// A place that lags shows the old mark for a minute: that is no loss.
#[test]
fn its_own_mark_stands_while_places_lag() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        assert_eq!(
            echo.marker(namespace.now()).await.unwrap(),
            None,
            "read, and kept by the edge"
        );
        let building = Marker::Building(1);
        assert!(echo.mark(None, building, namespace.now()).await.unwrap());
        for _ in 0..12 {
            namespace.pass(5);
            assert_eq!(echo.marker(namespace.now()).await.unwrap(), Some(building));
        }
        let whole = Marker::Whole(1);
        assert!(
            echo.mark(Some(building), whole, namespace.now())
                .await
                .unwrap()
        );
        for _ in 0..60 {
            namespace.pass(5);
            assert_eq!(echo.marker(namespace.now()).await.unwrap(), Some(whole));
        }
    });
}

/// Whoever rebuilds writes everything, also what he has written before anybody looked.
#[test]
fn a_rebuilding_takes_nothing_for_written() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let echo = namespace.echo();
        let publish = [namespace.snapshot(1, 5)];
        let now = || namespace.now();
        assert_eq!(echo.publish(&publish, now()).await.unwrap().written, 8);
        namespace.pass(1);
        let building = Marker::Building(1);
        assert!(echo.mark(None, building, now()).await.unwrap());
        assert_eq!(echo.publish(&publish, now()).await.unwrap().written, 8);
    });
}

/// A lease goes to another process and comes back: what was written before is not what stands, and the mark does not tell.
#[test]
fn who_was_displaced_trusts_nothing_that_he_wrote() {
    run(async {
        let namespace = Namespace::fresh_on_runtime().await;
        let (echo, other) = (namespace.echo(), namespace.echo());
        let now = || namespace.now();
        assert_eq!(
            echo.marker(now()).await.unwrap(),
            None,
            "an edge keeps that nobody writes"
        );
        let five = namespace.snapshot(1, 5);
        assert_eq!(echo.publish(&[five], now()).await.unwrap().written, 8);
        namespace.pass(30);
        assert_eq!(echo.marker(now()).await.unwrap(), None);
        assert_eq!(
            echo.publish(&[five], now()).await.unwrap().unchanged,
            8,
            "that was the edge's lag"
        );
        namespace.pass(120);
        assert_eq!(echo.marker(now()).await.unwrap(), None);
        assert_eq!(
            echo.publish(&[five], now()).await.unwrap().unchanged,
            8,
            "nobody else has come"
        );

        let changed = Snapshot {
            epoch: 6,
            video_status: "suspended",
            ..five
        };
        assert_eq!(other.publish(&[changed], now()).await.unwrap().written, 8);
        namespace.pass(60);
        assert_eq!(echo.marker(now()).await.unwrap(), None);
        let back = Snapshot { epoch: 7, ..five };
        assert_eq!(echo.publish(&[back], now()).await.unwrap().written, 8);
        let key = format!("quota:video_status:{}", five.account);
        assert_eq!(namespace.raw(&key).await.unwrap().0, "ok");
        // And the other one learns that he was displaced.
        namespace.pass(120);
        assert_eq!(other.marker(now()).await.unwrap(), None);
        let forth = Snapshot {
            epoch: 8,
            ..changed
        };
        assert_eq!(other.publish(&[forth], now()).await.unwrap().written, 8);
    });
}
