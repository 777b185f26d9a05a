//! Levels are brought back to what is stored, whoever is busy meanwhile, and whatever fails.

use std::pin::pin;
use std::task::Poll;

use picora_core::{Dimension, Posting, PostingKey, PostingReason, StoreErrorKind};
use picora_media::faults::Fault;
use picora_media::{Catalogue, Corrected, Correction, Reconciling};
use picora_quota::{Counter, Ledger, Recounted};

use super::audit::assert_clean;
use super::host::{Host, NOW, OWNER, look};
use super::requests::{chunked, created, image, png};
use super::sagas::poll;

const IMAGES: Dimension = Dimension::ImgStorage;
const STORED: u64 = 10_000;

/// A host that stores one image, and whose ledger says so much more.
fn off_by(delta: i64) -> Host {
    let host = Host::new();
    created(host.upload(image(), chunked(&png(10_000), 4_096)));
    let posting = Posting {
        key: PostingKey::new("test", &delta),
        account: OWNER,
        dimension: IMAGES,
        tally: None,
        delta,
        reason: PostingReason::Force,
        happened_at: NOW,
    };
    look(host.truth.post(&posting, NOW)).unwrap();
    host
}

fn reconcile(host: &Host, dry_run: bool, force: bool) -> Vec<(u64, u64, Corrected)> {
    let how = Reconciling { dry_run, force };
    let corrections = host.run(host.media.reconcile(OWNER, how)).unwrap();
    let images = Counter::Dimension(IMAGES);
    assert!(corrections.iter().all(|it| it.counter == images));
    let told = |it: &Correction| (it.used.get(), it.truth.get(), it.done);
    corrections.iter().map(told).collect()
}

#[test]
fn what_differs_is_mended_and_nothing_else() {
    for delta in [-2_000, -1, 1, 2_500] {
        let host = off_by(delta);
        let wrong = STORED.saturating_add_signed(delta);
        assert_eq!(
            reconcile(&host, true, false),
            [(wrong, STORED, Corrected::Found)]
        );
        assert_eq!(host.usage(IMAGES), (wrong, 0), "a dry run changes nothing");
        assert_eq!(
            reconcile(&host, false, false),
            [(wrong, STORED, Corrected::Posted)]
        );
        assert_eq!(host.usage(IMAGES), (STORED, 0));
        assert_eq!(reconcile(&host, false, true), []);
        assert_clean(&host, &"reconciled");
    }
    assert_eq!(reconcile(&off_by(0), false, true), []);
}

#[test]
fn what_is_not_plausible_is_left_unless_forced() {
    for delta in [-2_001, 2_501] {
        let host = off_by(delta);
        let wrong = STORED.saturating_add_signed(delta);
        assert_eq!(
            reconcile(&host, false, false),
            [(wrong, STORED, Corrected::Implausible)]
        );
        assert_eq!(host.usage(IMAGES), (wrong, 0));
        assert_eq!(
            reconcile(&host, false, true),
            [(wrong, STORED, Corrected::Posted)]
        );
        assert_clean(&host, &"forced");
    }
}

#[test]
fn a_count_that_an_upload_has_overtaken_is_not_posted() {
    let host = off_by(100);
    let census = look(host.truth.census(OWNER)).unwrap();
    created(host.upload(image(), chunked(&png(500), 500)));
    let level = census.level(Counter::Dimension(IMAGES)).unwrap();
    let recount = level.recount(OWNER, PostingKey::new("test", &"stale"), true);
    assert_eq!(
        look(host.truth.correct(&recount, NOW)).unwrap(),
        Recounted::Moved
    );
    assert_eq!(host.usage(IMAGES), (STORED + 100 + 500, 0));
}

/// An upload and a removal come between any two steps of a run: it counts again, and the level is what is stored.
#[test]
fn whoever_comes_between_is_counted_too() {
    let mut recounted = 0;
    for removes in [false, true] {
        for polls in 0.. {
            let host = off_by(100);
            let first = look(host.truth.assets(OWNER, &all())).unwrap()[0].id;
            host.store.hesitate(true);
            let before = host.store.calls().len();
            let how = Reconciling::default();
            let mut run = pin!(host.media.reconcile(OWNER, how));
            let mut ended = false;
            for _ in 0..polls {
                ended = ended || poll(run.as_mut()).is_ready();
            }
            if ended {
                assert!(polls > 4, "a run can be overtaken at {polls} places only");
                break;
            }
            host.store.hesitate(false);
            if removes {
                host.remove(first).unwrap().unwrap();
            } else {
                created(host.upload(image(), chunked(&png(700), 700)));
            }
            let corrections = host.run(run).unwrap();
            let is_removed = removes
                && corrections
                    .iter()
                    .any(|it| it.done == Corrected::Implausible);
            if is_removed {
                reconcile(&host, false, true); // 100 of nothing is not plausible
            }
            let left = if removes { 0 } else { STORED + 700 };
            assert_eq!(
                host.usage(IMAGES),
                (left, 0),
                "overtaken after {polls} polls"
            );
            let calls = &host.store.calls()[before..];
            let counts = calls.iter().filter(|call| **call == "census").count();
            recounted += usize::from(counts > 1 && !is_removed);
            assert_clean(&host, &"overtaken");
        }
    }
    assert!(
        recounted >= 2,
        "it was counted again in {recounted} runs only"
    );
}

/// An account that never rests is left as it is, and that is said.
#[test]
fn an_account_that_never_rests_is_left() {
    let host = off_by(100);
    host.store.hesitate(true);
    let mut run = pin!(host.media.reconcile(OWNER, Reconciling::default()));
    let mut number = 0_u32;
    let corrections = loop {
        if let Poll::Ready(corrections) = poll(run.as_mut()) {
            break corrections.unwrap();
        }
        number += 1;
        let posting = Posting {
            key: PostingKey::new("busy", &number),
            account: OWNER,
            dimension: IMAGES,
            tally: None,
            delta: if number.is_multiple_of(2) { -1 } else { 1 },
            reason: PostingReason::Force,
            happened_at: NOW,
        };
        look(host.truth.post(&posting, NOW)).unwrap();
    };
    let done: Vec<_> = corrections.iter().map(|it| it.done).collect();
    assert_eq!(done, [Corrected::Moved]);
    assert_eq!(host.usage(IMAGES).0, STORED + 100 + u64::from(number % 2));
}

/// Whatever fails, running again mends it once.
#[test]
fn a_run_that_fails_is_run_again() {
    for call in 1..=5 {
        for fault in Fault::ALL {
            let host = off_by(100);
            let already = host.store.calls().len();
            host.store.fail_at(already + call, fault);
            let answer = host.run(host.media.reconcile(OWNER, Reconciling::default()));
            if let Err(error) = answer {
                let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::Unknown];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
            host.heal();
            reconcile(&host, false, false);
            assert_eq!(host.usage(IMAGES), (STORED, 0), "{fault:?} at call {call}");
            assert_clean(&host, &"run again");
        }
    }
}

/// All images.
fn all() -> picora_media::AssetQuery {
    picora_media::AssetQuery {
        kind: picora_core::MediaKind::Image,
        before: None,
        most: 9,
        tag: None,
    }
}

/// A level that holds nothing though something is stored.
#[test]
fn what_the_ledger_has_lost_is_found() {
    let host = off_by(-10_000);
    assert_eq!(
        reconcile(&host, false, false),
        [(0, STORED, Corrected::Implausible)]
    );
    assert_eq!(
        reconcile(&host, false, true),
        [(0, STORED, Corrected::Posted)]
    );
}
