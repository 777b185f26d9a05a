//! The judge is judged: each of its rules is seen to be broken, and a store that forgets a step is found out.

use object_store::ObjectStoreExt;
use picora_core::{
    AssetId, Dimension, MediaKind, Posting, PostingKey, PostingReason, ReservationId, Transact,
};
use picora_media::faults::Fault;
use picora_media::{Asset, CatalogueIn, Condemned, Janitor, UploadIntent};
use picora_quota::{Item, Items, Ledger, RequestHash, Reserve};
use picora_storage::ObjectKey;

use super::audit::{Rule, assert_clean, rules, stored};
use super::host::{Host, NOW, OPEN_RESERVATIONS, OWNER, TTL, look};
use super::requests::{chunked, created, image, new, png};
use super::scenario::Scenario;

/// A host that keeps every rule, and the asset that it stores.
fn sound() -> (Host, Asset) {
    let host = Host::new();
    let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    assert_clean(&host, &"sound");
    (host, asset)
}

/// Writes to the store behind the use cases' back.
macro_rules! write {
    ($host:expr, $method:ident($($argument:expr),*)) => {
        look(async {
            let mut tx = $host.truth.begin().await.unwrap();
            $host.truth.$method(&mut tx, $($argument),*).await.unwrap();
            $host.truth.finish(tx).await.unwrap();
        })
    };
}

fn post(host: &Host, dimension: Dimension, delta: i64) {
    let posting = Posting {
        key: PostingKey::new("test", &dimension),
        account: OWNER,
        dimension,
        tally: None,
        delta,
        reason: PostingReason::Force,
        happened_at: NOW,
    };
    look(host.truth.post(&posting, NOW)).unwrap();
}

fn reserve(host: &Host, number: u8, items: &[Item]) {
    let request = Reserve {
        id: ReservationId::from_bytes([number; 16]),
        account: OWNER,
        request: RequestHash::default(),
        items: Items::new(items.iter().copied()).unwrap(),
        tally: None,
        expires_after: TTL,
    };
    look(host.truth.reserve(&request, NOW)).unwrap();
}

#[test]
fn usage_that_is_not_stored_is_found() {
    for delta in [1, -1] {
        let (host, _) = sound();
        post(&host, Dimension::ImgStorage, delta);
        assert_eq!(rules(&host), [Rule::StorageIsCounted]);
    }
    let (host, _) = sound();
    post(&host, Dimension::MediaStorage, 1);
    assert_eq!(rules(&host), [Rule::StorageIsCounted]);
    let (host, _) = sound();
    post(&host, Dimension::DocCount, 1);
    assert_eq!(rules(&host), [Rule::DocumentsAreCounted]);
}

#[test]
fn what_is_held_is_found() {
    let (host, _) = sound();
    let one = Item::exactly(Dimension::UploadsPerDay, picora_core::Amount::ONE);
    reserve(&host, 9, &[one]);
    assert_eq!(
        rules(&host),
        [Rule::NothingIsReserved, Rule::ReservationsAreClosed]
    );
    let (host, _) = sound();
    reserve(&host, 9, &[]);
    assert_eq!(
        rules(&host),
        [Rule::ReservationsAreClosed],
        "of {OPEN_RESERVATIONS}"
    );
}

#[test]
fn rows_and_objects_that_do_not_meet_are_found() {
    let (host, asset) = sound();
    let path = ObjectKey::new(OWNER, asset.id).to_path();
    look(host.bytes.delete(&path)).unwrap();
    assert_eq!(rules(&host), [Rule::ObjectsAreWhole]);
    look(host.bytes.put(&path, png(4_999).into())).unwrap();
    assert_eq!(rules(&host), [Rule::ObjectsAreWhole]);
    look(host.bytes.put(&path, vec![0; 5_000].into())).unwrap();
    assert_eq!(rules(&host), [Rule::ObjectsAreWhole]);
    let (host, _) = sound();
    look(host.bytes.put(&"media/stray".into(), "x".into())).unwrap();
    assert_eq!(rules(&host), [Rule::ObjectsHaveAssets]);
}

#[test]
fn what_is_under_way_or_condemned_is_found() {
    let asset = AssetId::from_bytes(MediaKind::Image, [7; 16]);
    let (host, _) = sound();
    let intent = UploadIntent {
        asset,
        account: OWNER,
        reservation: ReservationId::from_bytes([7; 16]),
        deadline: NOW,
    };
    write!(host, begin_upload_in(&intent));
    assert_eq!(rules(&host), [Rule::UploadsHaveEnded]);
    let (host, _) = sound();
    let condemned = Condemned {
        asset,
        account: OWNER,
        since: NOW,
    };
    write!(host, condemn_in(&condemned));
    assert_eq!(rules(&host), [Rule::CondemnedIsEmpty]);
}

/// What is found, or that the janitor never comes to rest, when a store forgets one step of a scenario and the object store is down at
/// its end.
fn forgetting(method: &'static str, scenario: Scenario) -> Vec<Rule> {
    let host = scenario.host();
    let future = scenario.begin(&host);
    host.store.fail_every(method, Fault::Forget);
    drop(host.run(future));
    host.store.heal();
    host.clock.advance(TTL);
    host.tidy().unwrap();
    rules(&host)
}

#[test]
fn a_store_that_forgets_a_step_is_found_out() {
    for (method, scenario, expected) in [
        ("post_in", Scenario::RemoveImage, Rule::StorageIsCounted),
        (
            "post_in",
            Scenario::RemoveDocument,
            Rule::DocumentsAreCounted,
        ),
        ("remove_in", Scenario::RemoveImage, Rule::ObjectsAreWhole),
        ("insert_in", Scenario::Document, Rule::DocumentsAreCounted),
        ("insert_in", Scenario::KnownImage, Rule::ObjectsHaveAssets),
        ("commit_in", Scenario::KnownImage, Rule::StorageIsCounted),
        ("commit_in", Scenario::Document, Rule::DocumentsAreCounted),
    ] {
        let found = forgetting(method, scenario);
        let run = format!("{scenario:?} without {method}: {found:?}");
        assert!(found.contains(&expected), "{run}");
    }
}

/// Without its row among the condemned, an object that could not be removed at once is never removed.
#[test]
fn a_store_that_forgets_to_condemn_is_found_out() {
    for method in ["condemn_in", "nothing"] {
        let (host, asset) = sound();
        host.store.fail_every(method, Fault::Forget);
        host.objects.set_down(true);
        host.remove(asset.id).unwrap();
        host.rest();
        let found = rules(&host);
        assert_eq!(
            found.contains(&Rule::ObjectsHaveAssets),
            method == "condemn_in",
            "{found:?}"
        );
    }
}

/// Without an intent, what a crash left is never found.
#[test]
fn a_store_that_forgets_the_intent_is_found_out() {
    let (host, _) = sound();
    host.store.fail_every("begin_upload_in", Fault::Forget);
    host.hesitate();
    let mut upload = Box::pin(host.media.upload(image(), chunked(&png(4_500), 4_096)));
    while stored(&host).len() == 1
        && rules(&host)
            .iter()
            .all(|rule| *rule != Rule::ObjectsHaveAssets)
    {
        assert!(super::sagas::poll(upload.as_mut()).is_pending());
        host.sagas.step();
    }
    drop(upload);
    host.sagas.crash();
    host.rest();
    assert_eq!(rules(&host), [Rule::ObjectsHaveAssets]);
}

/// A store that forgets to bury keeps the janitor busy for ever.
#[test]
fn a_store_that_forgets_to_bury_is_found_out() {
    let (host, asset) = sound();
    host.store.fail_every("bury_in", Fault::Forget);
    host.remove(asset.id).unwrap();
    for _ in 0..3 {
        assert_eq!(
            host.run(Janitor::new(host.media.clone()).tidy())
                .unwrap()
                .buried,
            1
        );
    }
    assert_eq!(rules(&host), [Rule::CondemnedIsEmpty]);
}

/// A store that says that a commit failed and has done it makes the answer wrong, and costs nobody his bytes.
#[test]
fn a_store_that_denies_its_commit_loses_no_bytes() {
    for kind in [MediaKind::Image, MediaKind::Document] {
        let host = Host::new();
        let text: bytes::Bytes = if kind == MediaKind::Image {
            png(100)
        } else {
            "# One".into()
        };
        host.upload(new(kind), chunked(&text, 50)).unwrap();
        let last = host.store.calls().len();
        let host = Host::new();
        host.store.fail_at(last, Fault::Deny);
        host.upload(new(kind), chunked(&text, 50)).unwrap_err();
        host.rest();
        assert_eq!(stored(&host).len(), 1);
        assert_clean(&host, &kind);
    }
}
