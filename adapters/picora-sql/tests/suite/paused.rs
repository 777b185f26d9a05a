//! Steps that are stopped at every statement, while something else happens.

use std::time::Duration;

use picora_core::{AccountId, Dimension, SetLimits, StoreError, StoreErrorKind, Transact};
use picora_quota::conformance::{ACCOUNT, NOW, exactly, numbers, only};
use picora_quota::{Item, Ledger, LedgerIn, Reserve, Reserved};
use picora_sql::SqlStore;
use tokio::task::JoinHandle;

use crate::proxy::{Plan, Proxy};
use crate::world::{fresh_url, postgres, runtime};

const IMAGES: Dimension = Dimension::ImgStorage;
/// Longer than a step usually takes that nobody holds up.
const LONG: Duration = Duration::from_millis(150);
/// Longer than any step takes that nobody holds up.
const VERY_LONG: Duration = Duration::from_secs(1);

/// Waits until a step stands before one of its messages, or has ended; whether it stands. What a pool sends when it takes a connection back
/// is no message of the step.
async fn stands<T>(proxy: &Proxy, step: &JoinHandle<T>) -> bool {
    while !step.is_finished() {
        if proxy.holds(Duration::from_millis(5)).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
            return !step.is_finished();
        }
    }
    false
}

/// How a reserve comes to the database.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// As a step in a transaction, statement by statement.
    Stepwise,
    /// As the port has it: in one statement where everything is plain.
    AtOnce,
}

impl Way {
    async fn reserve(self, store: &SqlStore, request: &Reserve) -> Result<Reserved, StoreError> {
        match self {
            Self::AtOnce => store.reserve(request, NOW).await,
            Self::Stepwise => {
                let mut tx = store.begin().await?;
                let answer = store.reserve_in(&mut tx, request, NOW).await?;
                store.finish(tx).await?;
                Ok(answer)
            }
        }
    }
}

/// A store that can be stopped, one beside it, and the limit of images at 100.
struct Scene {
    proxy: Proxy,
    stopped: SqlStore,
    free: SqlStore,
}

impl Scene {
    async fn new() -> Self {
        let url = fresh_url();
        let free = postgres(&url).await;
        let proxy = Proxy::to(&url).await;
        let stopped = SqlStore::postgres(proxy.url()).await.unwrap();
        Self {
            proxy,
            stopped,
            free,
        }
    }

    /// The same scene with nothing in it.
    async fn clear(&self, limits: &SetLimits) {
        erase(&self.free, ACCOUNT).await;
        self.free.set_limits(limits, NOW).await.unwrap();
    }
}

async fn erase(store: &SqlStore, account: AccountId) {
    let mut tx = store.begin().await.unwrap();
    let tombstone = AccountId::from_bytes([9; 16]);
    store.erase_in(&mut tx, account, tombstone).await.unwrap();
    store.finish(tx).await.unwrap();
}

/// Stops a reserve before each of its messages in turn and lowers the limit to `lowered` meanwhile. Whenever the plan change has answered
/// while the reserve stood still, nothing above the new limit may be admitted. Answers at how many places it was stopped.
async fn never_admits_on_the_old_limit(
    scene: &Scene,
    way: Way,
    request: &Reserve,
    before: &SetLimits,
    lowered: &SetLimits,
    warm: bool,
) -> usize {
    for place in 0.. {
        scene.clear(before).await;
        if warm {
            let small = Reserve {
                id: exactly(999, IMAGES, 1).id,
                ..request.clone()
            };
            scene.free.reserve(&small, NOW).await.unwrap();
            scene.free.release(small.id, NOW).await.unwrap();
        }
        scene.proxy.plan(Plan::HoldAfter(place));
        let reserving = tokio::spawn({
            let (store, request) = (scene.stopped.clone(), request.clone());
            async move { way.reserve(&store, &request).await.unwrap() }
        });
        if !stands(&scene.proxy, &reserving).await {
            scene.proxy.go_on();
            reserving.await.unwrap();
            return place;
        }
        let mut changing = tokio::spawn({
            let (store, lowered) = (scene.free.clone(), lowered.clone());
            async move { store.set_limits(&lowered, NOW).await.unwrap() }
        });
        let changed_first = tokio::time::timeout(LONG, &mut changing).await.is_ok();
        scene.proxy.go_on();
        let answer = reserving.await.unwrap();
        if !changed_first {
            changing.await.unwrap();
        }
        let admitted = matches!(answer, Reserved::Admitted(_));
        assert!(
            !(changed_first && admitted),
            "stopped before message {place}, it admitted on a limit that had been lowered (warm: {warm})"
        );
        // Whoever came first: from now on the new limit stands, in the cell that was being made too, and admits not a single one.
        let dimension = request.items.iter().next().unwrap().dimension;
        let again = exactly(2, dimension, 1);
        let next = scene.free.reserve(&again, NOW).await.unwrap();
        assert!(
            matches!(next, Reserved::Denied(_)),
            "stopped before message {place}, the new limit was lost (warm: {warm})"
        );
    }
    unreachable!("a step has an end")
}

/// How a reserve comes, whether its cells exist, and how many messages it has at least.
const WAYS: [(Way, bool, usize); 4] = [
    (Way::Stepwise, false, 6),
    (Way::Stepwise, true, 6),
    (Way::AtOnce, false, 7),
    (Way::AtOnce, true, 1),
];

#[test]
fn a_plan_change_is_never_overtaken_by_a_reserve_that_stands_still() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (before, lowered) = (only(IMAGES, 100), only(IMAGES, 0));
        let request = exactly(1, IMAGES, 60);
        for (way, warm, at_least) in WAYS {
            let places =
                never_admits_on_the_old_limit(&scene, way, &request, &before, &lowered, warm).await;
            assert!(places >= at_least, "{way:?}, warm: {warm}: {places}");
        }
    });
}

#[test]
fn a_limit_of_single_items_is_never_overtaken_either() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (before, lowered) = (
            only(Dimension::DocMaxFile, 100),
            only(Dimension::DocMaxFile, 0),
        );
        let request = exactly(1, Dimension::DocMaxFile, 60);
        for (way, warm, at_least) in WAYS {
            let places =
                never_admits_on_the_old_limit(&scene, way, &request, &before, &lowered, warm).await;
            assert!(places >= at_least, "{way:?}, warm: {warm}: {places}");
        }
    });
}

/// A reserve that had to wait for a plan change decides on what it wrote, not on what it saw before it waited.
#[test]
fn a_reserve_that_waits_for_a_plan_change_sees_it() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let mut waited = 0;
        for place in 0.. {
            scene.clear(&only(IMAGES, 100)).await;
            let small = exactly(1, IMAGES, 1);
            scene.free.reserve(&small, NOW).await.unwrap();
            scene.proxy.plan(Plan::HoldAfter(place));
            let changing = tokio::spawn({
                let store = scene.stopped.clone();
                async move { store.set_limits(&only(IMAGES, 50), NOW).await.unwrap() }
            });
            if !stands(&scene.proxy, &changing).await {
                scene.proxy.go_on();
                changing.await.unwrap();
                break;
            }
            let mut reserving = tokio::spawn({
                let store = scene.free.clone();
                async move { store.reserve(&exactly(2, IMAGES, 60), NOW).await.unwrap() }
            });
            let waits = tokio::time::timeout(VERY_LONG, &mut reserving)
                .await
                .is_err();
            scene.proxy.go_on();
            changing.await.unwrap();
            if waits {
                waited += 1;
                let answer = reserving.await.unwrap();
                assert!(
                    matches!(answer, Reserved::Denied(_)),
                    "the change stood before message {place}: {answer:?}"
                );
            }
        }
        assert!(waited > 0, "a plan change holds what it writes");
    });
}

/// The first limits that an account gets arrive in cells that are being made meanwhile.
#[test]
fn the_first_limits_reach_a_cell_that_is_being_made() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for place in 0.. {
            erase(&scene.free, ACCOUNT).await;
            scene.proxy.plan(Plan::HoldAfter(place));
            let reserving = tokio::spawn({
                let store = scene.stopped.clone();
                async move { store.reserve(&exactly(1, IMAGES, 60), NOW).await.unwrap() }
            });
            if !stands(&scene.proxy, &reserving).await {
                scene.proxy.go_on();
                reserving.await.unwrap();
                break;
            }
            let changing = tokio::spawn({
                let store = scene.free.clone();
                async move { store.set_limits(&only(IMAGES, 100), NOW).await.unwrap() }
            });
            tokio::time::sleep(LONG).await;
            scene.proxy.go_on();
            let first = reserving.await.unwrap();
            changing.await.unwrap();
            let second = scene
                .free
                .reserve(&exactly(2, IMAGES, 40), NOW)
                .await
                .unwrap();
            assert!(
                matches!(second, Reserved::Admitted(_)),
                "stopped before message {place}, first {first:?}, then {second:?}"
            );
        }
    });
}

/// A sweep that stands still with dead reservations in its hands neither blocks a reserve nor makes it refuse for their sake.
#[test]
fn a_sweep_that_stands_still_denies_nobody() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let mut waited = 0;
        for place in 0.. {
            scene.clear(&only(IMAGES, 100)).await;
            let dead = exactly(1, IMAGES, 100);
            scene.free.reserve(&dead, NOW).await.unwrap();
            let end = NOW.saturating_add(dead.expires_after);
            scene.proxy.plan(Plan::HoldAfter(place));
            let sweeping = tokio::spawn({
                let store = scene.stopped.clone();
                async move { store.sweep(10, end).await }
            });
            if !stands(&scene.proxy, &sweeping).await {
                scene.proxy.go_on();
                sweeping.await.unwrap().unwrap();
                break;
            }
            let living = exactly(2, IMAGES, 100);
            let answer = tokio::time::timeout(LONG, scene.free.reserve(&living, end)).await;
            scene.proxy.go_on();
            sweeping.await.unwrap().unwrap();
            match answer {
                Ok(Ok(Reserved::Admitted(_))) => {}
                Ok(Err(error)) if error.is_conflict() => waited += 1,
                Err(_) => waited += 1, // it waits for a cell that the sweep has locked
                other => panic!("stopped before message {place}: {other:?}"),
            }
            let later = scene.free.reserve(&living, end).await;
            assert!(matches!(
                later,
                Ok(Reserved::Admitted(_) | Reserved::Replayed(_))
            ));
            assert_eq!(numbers(&scene.free, IMAGES, end).await, (0, 100));
        }
        assert!(
            waited > 0,
            "the sweep was stopped with something in its hands"
        );
    });
}

/// The same id twice at once is one reservation, wherever the first stands.
#[test]
fn an_id_that_is_used_twice_at_once_is_one_reservation() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for place in 0.. {
            scene.clear(&only(IMAGES, 100)).await;
            let request = exactly(1, IMAGES, 60);
            scene.proxy.plan(Plan::HoldAfter(place));
            let stopped = tokio::spawn({
                let (store, request) = (scene.stopped.clone(), request.clone());
                async move { store.reserve(&request, NOW).await.unwrap() }
            });
            let held = stands(&scene.proxy, &stopped).await;
            let free = tokio::spawn({
                let (store, request) = (scene.free.clone(), request.clone());
                async move { store.reserve(&request, NOW).await.unwrap() }
            });
            tokio::time::sleep(LONG).await;
            scene.proxy.go_on();
            let answers = [stopped.await.unwrap(), free.await.unwrap()];
            let admitted = answers
                .iter()
                .filter(|one| matches!(one, Reserved::Admitted(_)))
                .count();
            let replayed = answers
                .iter()
                .filter(|one| matches!(one, Reserved::Replayed(_)))
                .count();
            assert_eq!((admitted, replayed), (1, 1), "{answers:?}");
            assert_eq!(numbers(&scene.free, IMAGES, NOW).await, (0, 60));
            if !held {
                break;
            }
        }
    });
}

/// Erasing beside a reserve leaves everything or nothing of it, and nothing that a sweep would stumble over.
#[test]
fn erasing_beside_a_reserve_leaves_nothing_half() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for place in 0.. {
            scene.clear(&only(IMAGES, 100)).await;
            let before = exactly(1, IMAGES, 10);
            scene.free.reserve(&before, NOW).await.unwrap();
            let request = exactly(2, IMAGES, 60);
            scene.proxy.plan(Plan::HoldAfter(place));
            let reserving = tokio::spawn({
                let (store, request) = (scene.stopped.clone(), request.clone());
                async move { store.reserve(&request, NOW).await.unwrap() }
            });
            let held = stands(&scene.proxy, &reserving).await;
            let erasing = tokio::spawn({
                let store = scene.free.clone();
                async move { erase(&store, ACCOUNT).await }
            });
            tokio::time::sleep(LONG).await;
            scene.proxy.go_on();
            reserving.await.unwrap();
            erasing.await.unwrap();
            let end = NOW.saturating_add(request.expires_after);
            scene.free.sweep(10, end).await.unwrap();
            assert_eq!(numbers(&scene.free, IMAGES, end).await, (0, 0));
            assert_eq!(scene.free.reservation(before.id).await.unwrap(), None);
            if !held {
                break;
            }
        }
    });
}

/// A COMMIT whose answer is lost is unknown, whether it arrived or not; repeating the id settles it.
#[test]
fn a_commit_whose_answer_is_lost_is_unknown() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for (way, plan, happened) in [
            (Way::Stepwise, Plan::CutBeforeCommit, false),
            (Way::Stepwise, Plan::CutAfterCommit, true),
            (Way::AtOnce, Plan::CutBeforeNext, false),
            (Way::AtOnce, Plan::CutAfterNext, true),
        ] {
            scene.clear(&only(IMAGES, 100)).await;
            // From here on the statement is known to the connection, and the cells are there.
            for small in [exactly(7, IMAGES, 1), exactly(8, IMAGES, 1)] {
                scene.stopped.reserve(&small, NOW).await.unwrap();
                scene.stopped.release(small.id, NOW).await.unwrap();
            }
            let request = exactly(1, IMAGES, 60);
            scene.proxy.plan(plan);
            let error = way.reserve(&scene.stopped, &request).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unknown, "{plan:?}: {error}");
            scene.proxy.plan(Plan::Pass);
            assert_eq!(
                scene.free.reservation(request.id).await.unwrap().is_some(),
                happened,
                "{plan:?}"
            );
            scene.stopped.reserve(&request, NOW).await.unwrap();
            assert_eq!(numbers(&scene.free, IMAGES, NOW).await, (0, 60));
        }
    });
}

/// A step whose future is dropped while it waits leaves nothing, and its connection is good for the next.
#[test]
fn a_step_that_is_given_up_leaves_nothing() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for place in 0.. {
            scene.clear(&only(IMAGES, 100)).await;
            scene.proxy.plan(Plan::HoldAfter(place));
            let request = picora_quota::conformance::request(
                1,
                [Item::exactly(IMAGES, picora_core::Amount::from(60))],
            );
            let reserving = tokio::spawn({
                let (store, request) = (scene.stopped.clone(), request.clone());
                async move { store.reserve(&request, NOW).await }
            });
            if !stands(&scene.proxy, &reserving).await {
                scene.proxy.go_on();
                reserving.await.unwrap().unwrap();
                break;
            }
            reserving.abort();
            assert!(reserving.await.unwrap_err().is_cancelled());
            scene.proxy.go_on();
            // Under load the pool may hand out a connection that was given up just as it closes: that is "unavailable" to whoever gets it,
            // and each of them once.
            let mut reads = 0;
            while let Err(error) = scene.stopped.usage(ACCOUNT, NOW).await {
                reads += 1;
                assert!(reads < 5, "{error}");
            }
            // The COMMIT may have been on its way; anything before it must leave nothing.
            let taken = numbers(&scene.free, IMAGES, NOW).await;
            assert!(taken == (0, 0) || taken == (0, 60), "{taken:?}");
            let found = scene.free.reservation(request.id).await.unwrap();
            assert_eq!(found.is_some(), taken == (0, 60), "all or nothing");
        }
    });
}
