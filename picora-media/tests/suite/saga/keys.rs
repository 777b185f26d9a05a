//! A client's idempotency key stands for one stored resource.

use picora_core::{MediaKind, ReservationId};
use picora_media::{Asset, NewUpload, UploadError, Uploaded};
use picora_quota::RequestHash;

use super::audit::{assert_clean, stored};
use super::host::{Host, OTHER};
use super::requests::{chunked, created, denied, image, live, new, png};
use super::sagas::poll;

fn keyed(request: u8) -> NewUpload {
    NewUpload {
        idempotency: Some((
            ReservationId::from_bytes([9; 16]),
            RequestHash([request; 32]),
        )),
        ..image()
    }
}

fn replayed(answer: Result<Uploaded, UploadError>) -> Asset {
    match answer {
        Ok(Uploaded::Replayed(asset)) => asset,
        other => panic!("should have been replayed: {other:?}"),
    }
}

fn assert_in_use(answer: &Result<Uploaded, UploadError>) {
    assert!(matches!(answer, Err(UploadError::KeyInUse)), "{answer:?}");
}

#[test]
fn the_same_request_again_is_answered_as_the_first_time() {
    let host = Host::new();
    let asset = created(host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    for _ in 0..2 {
        assert_eq!(
            replayed(host.upload(keyed(1), chunked(&png(5_000), 4_096))),
            asset
        );
    }
    assert_eq!(stored(&host), [asset]);
    assert_clean(&host, &"one");
}

#[test]
fn a_key_whose_attempt_was_cut_off_may_try_again() {
    let host = Host::new();
    for _ in 0..3 {
        let (sender, body) = live();
        sender.unbounded_send(png(4_096)).unwrap();
        let mut cut_off = Box::pin(host.media.upload(keyed(1), body));
        assert!(poll(cut_off.as_mut()).is_pending());
        (0..40).for_each(|_| host.sagas.step());
        drop(cut_off); // the client is gone, and comes back with the same key
        host.sagas.run();
    }
    let asset = created(host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    let again = host.upload(keyed(1), chunked(&png(5_000), 4_096));
    assert_eq!(replayed(again), asset);
    assert_in_use(&host.upload(keyed(2), chunked(&png(5_000), 4_096)));
    assert_clean(&host, &"one");
}

#[test]
fn another_request_with_the_key_is_refused() {
    let host = Host::new();
    created(host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    assert_in_use(&host.upload(keyed(2), chunked(&png(5_001), 4_096)));
    let others = NewUpload {
        account: OTHER,
        ..keyed(1)
    };
    assert_in_use(&host.upload(others, chunked(&png(5_000), 4_096)));
    assert_clean(&host, &"one");
}

#[test]
fn the_key_of_an_upload_under_way_is_in_use() {
    let host = Host::new();
    let (sender, body) = live();
    sender.unbounded_send(png(4_096)).unwrap();
    let mut first = Box::pin(host.media.upload(keyed(1), body));
    for _ in 0..3 {
        assert!(poll(first.as_mut()).is_pending());
        host.sagas.step();
    }
    assert_in_use(&host.run_beside(host.media.upload(keyed(1), chunked(&png(4_096), 4_096))));
    drop(sender);
    let asset = created(host.run(first));
    assert_eq!(
        replayed(host.upload(keyed(1), chunked(&png(4_096), 4_096))),
        asset
    );
    assert_clean(&host, &"one");
}

#[test]
fn of_two_that_race_with_a_key_one_is_stored() {
    for head_start in 0..40 {
        let host = Host::new();
        host.hesitate();
        let begin = || Box::pin(host.media.upload(keyed(1), chunked(&png(5_000), 4_096)));
        let (mut first, mut second) = (begin(), begin());
        assert!(poll(first.as_mut()).is_pending());
        (0..head_start).for_each(|_| host.sagas.step());
        assert!(poll(second.as_mut()).is_pending());
        host.sagas.run();
        let answers = [host.run(first), host.run(second)];
        let stored_it = |answer: &&Result<Uploaded, _>| matches!(answer, Ok(Uploaded::Created(_)));
        assert_eq!(answers.iter().filter(stored_it).count(), 1, "{answers:?}");
        let rest = answers.iter().find(|answer| !stored_it(answer)).unwrap();
        assert!(
            matches!(rest, Ok(Uploaded::Replayed(_)) | Err(UploadError::KeyInUse)),
            "{rest:?}"
        );
        assert_eq!(stored(&host).len(), 1);
        assert_clean(&host, &head_start);
    }
}

#[test]
fn a_denial_is_answered_again_until_it_is_forgotten() {
    let host = Host::new();
    let full = created(host.upload(image(), chunked(&png(60_000), 4_096)));
    let first = denied(host.upload(keyed(1), chunked(&png(100), 100)));
    host.remove(full.id).unwrap();
    assert_eq!(
        denied(host.upload(keyed(1), chunked(&png(100), 100))),
        first
    );
    host.clock.advance(picora_quota::ledger::OUTCOMES_LIVE);
    host.tidy().unwrap();
    created(host.upload(keyed(1), chunked(&png(100), 100)));
    assert_clean(&host, &"one");
}

/// A key may come again when its outcome is forgotten; from then on it stands for the newer asset.
#[test]
fn a_forgotten_key_stands_for_what_it_made_last() {
    let host = Host::new();
    let old = created(host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    host.clock.advance(picora_quota::ledger::OUTCOMES_LIVE);
    host.tidy().unwrap();
    let newer = created(host.upload(keyed(2), chunked(&png(6_000), 4_096)));
    assert_ne!(old.id, newer.id);
    assert_eq!(
        replayed(host.upload(keyed(2), chunked(&png(6_000), 4_096))),
        newer
    );
    assert_clean(&host, &"two");
}

#[test]
fn a_key_whose_attempt_failed_or_whose_asset_is_gone_stays_in_use() {
    let host = Host::new();
    let asset = created(host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    host.remove(asset.id).unwrap();
    assert_in_use(&host.upload(keyed(1), chunked(&png(5_000), 4_096)));
    assert_eq!(stored(&host), []);
}

#[test]
fn a_document_with_its_key_again_is_there_already() {
    let host = Host::new();
    let document = || NewUpload {
        kind: MediaKind::Document,
        ..keyed(1)
    };
    let first = created(host.upload(document(), chunked(&"# One".into(), 2)));
    let answer = host
        .upload(document(), chunked(&"# One".into(), 2))
        .unwrap();
    assert_eq!(answer, Uploaded::AlreadyThere(first));
    let other = NewUpload {
        idempotency: Some((ReservationId::from_bytes([9; 16]), RequestHash([2; 32]))),
        ..new(MediaKind::Document)
    };
    assert_in_use(&host.upload(other, chunked(&"# Two".into(), 2)));
    assert_clean(&host, &"one");
}
