//! Removing: what it frees, at once, and what it does not give back.

use picora_core::{Dimension, MediaKind};
use picora_media::Tidied;
use picora_media::faults::Fault;

use super::audit::{Rule, assert_clean, rules, stored};
use super::host::{Host, OTHER, OWNER, STORAGE_BYTES};
use super::requests::{chunked, created, denied, image, new, png};

#[test]
fn what_was_denied_fits_right_after_a_removal() {
    let host = Host::new();
    let full = created(host.upload(image(), chunked(&png(STORAGE_BYTES as usize), 4_096)));
    denied(host.upload(image(), chunked(&png(1_000), 1_000)));
    assert_eq!(host.remove(full.id).unwrap(), Some(full));
    assert_eq!(host.usage(Dimension::ImgStorage), (0, 0));
    created(host.upload(image(), chunked(&png(STORAGE_BYTES as usize), 4_096)));
    assert_clean(&host, &"no time has passed");
}

#[test]
fn removing_gives_no_upload_back() {
    let host = Host::new();
    let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    let document = created(host.upload(new(MediaKind::Document), chunked(&"# One".into(), 2)));
    host.remove(asset.id).unwrap();
    host.remove(document.id).unwrap();
    assert_eq!(host.usage(Dimension::UploadsPerDay), (2, 0));
    assert_eq!(host.usage(Dimension::UploadsPerMonth), (2, 0));
    assert_eq!(host.usage(Dimension::DocCount), (0, 0));
    assert_clean(&host, &"none");
}

#[test]
fn anothers_id_finds_nothing_and_twice_is_once() {
    let host = Host::new();
    let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    assert_eq!(host.run(host.media.remove(OTHER, asset.id)).unwrap(), None);
    assert_eq!(stored(&host), std::slice::from_ref(&asset));
    assert_clean(&host, &"one");
    assert!(host.remove(asset.id).unwrap().is_some());
    assert!(host.remove(asset.id).unwrap().is_none());
    assert_clean(&host, &"none");
}

/// An asset is gone when its row is, also while its bytes cannot be removed; they go when they can.
#[test]
fn bytes_that_cannot_go_now_go_later() {
    let host = Host::new();
    let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    host.objects.set_down(true);
    assert!(host.remove(asset.id).unwrap().is_some());
    assert_eq!(host.usage(Dimension::ImgStorage), (0, 0));
    assert_eq!(
        rules(&host),
        [Rule::CondemnedIsEmpty, Rule::ObjectsHaveAssets]
    );
    let in_vain = Tidied {
        failed: 1,
        ..Tidied::default()
    };
    assert_eq!(host.tidy().unwrap(), in_vain);
    host.objects.set_down(false);
    let buried = Tidied {
        buried: 1,
        ..Tidied::default()
    };
    assert_eq!(host.tidy().unwrap(), buried);
    assert_clean(&host, &"none");
}

/// One repair that cannot be done does not keep the janitor from the others.
#[test]
fn each_repair_stands_by_itself() {
    let host = Host::new();
    let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    host.objects.set_down(true);
    host.remove(asset.id).unwrap();
    host.objects.set_down(false);
    host.store.fail_every("sweep", Fault::FailBefore);
    host.store.fail_every("prune", Fault::FailBefore);
    let tidied = Tidied {
        buried: 1,
        failed: 2,
        ..Tidied::default()
    };
    assert_eq!(host.tidy().unwrap(), tidied);
    assert_clean(&host, &"none");
}

#[test]
fn two_who_remove_the_same_free_it_once() {
    for head_start in 0..25 {
        let host = Host::new();
        created(host.upload(image(), chunked(&png(7_000), 4_096)));
        let asset = created(host.upload(image(), chunked(&png(5_000), 4_096)));
        host.hesitate();
        let mut first = Box::pin(host.media.remove(OWNER, asset.id));
        let early = (0..head_start).find_map(|_| match super::sagas::poll(first.as_mut()) {
            std::task::Poll::Ready(answer) => Some(answer),
            std::task::Poll::Pending => None,
        });
        let second = host.run(host.media.remove(OWNER, asset.id)).unwrap();
        let first = early.unwrap_or_else(|| host.run(first)).unwrap();
        assert!(first.is_some() != second.is_some(), "{first:?} {second:?}");
        assert_eq!(host.usage(Dimension::ImgStorage), (7_000, 0));
        assert_clean(&host, &head_start);
    }
}
