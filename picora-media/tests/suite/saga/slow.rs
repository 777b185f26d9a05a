//! Uploads that take long: those that live are kept, those that stall are undone, and whoever is late is told.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::channel::mpsc::UnboundedSender;
use futures::future::BoxFuture;
use picora_core::{AccountId, Timestamp, Transact};
use picora_media::{
    CatalogueIn, Condemned, Detach, Janitor, NewUpload, Scavenged, Scavenging, Tidied, UploadError,
    Uploaded,
};
use picora_quota::{LedgerIn, Reservation};

use super::audit::{Rule, assert_clean, rules, stored};
use super::host::{Host, NOW, OWNER, TTL, Tx, limits, look};
use super::requests::{chunked, created, image, live, png};
use super::sagas::poll;

/// An upload whose client sends when the test says so.
struct Slow {
    sender: UnboundedSender<Bytes>,
    upload: BoxFuture<'static, Result<Uploaded, UploadError>>,
}

impl Slow {
    /// Begins, and sends the first 4,096 bytes.
    fn begin(host: &Host, new: NewUpload) -> Self {
        let (sender, body) = live();
        let media = host.media.clone();
        let upload = async move { media.upload(new, body).await }.boxed();
        let mut slow = Self { sender, upload };
        slow.send(host, png(4_096));
        slow
    }

    fn send(&mut self, host: &Host, bytes: Bytes) {
        self.sender.unbounded_send(bytes).unwrap();
        for _ in 0..4 {
            assert!(poll(self.upload.as_mut()).is_pending());
            host.sagas.step();
        }
    }

    fn end(self, host: &Host) -> Result<Uploaded, UploadError> {
        drop(self.sender);
        host.run(self.upload)
    }
}

fn assert_expired(answer: &Result<Uploaded, UploadError>) {
    assert!(matches!(answer, Err(UploadError::Expired)), "{answer:?}");
}

#[test]
fn who_sends_now_and_then_is_kept_as_long_as_it_takes() {
    let host = Host::new();
    let mut slow = Slow::begin(&host, image());
    for _ in 0..12 {
        host.clock.advance(TTL - Duration::from_secs(1));
        assert_eq!(host.tidy_beside().unwrap().abandoned, 0);
        slow.send(&host, Bytes::from_static(b"some more"));
    }
    assert_eq!(created(slow.end(&host)).bytes, 4_096 + 12 * 9);
    assert_clean(&host, &"slow");
}

/// A heartbeat costs a transaction, so it comes once a third of the time is over, not with every chunk.
#[test]
fn heartbeats_are_few() {
    let host = Host::new();
    let mut slow = Slow::begin(&host, image());
    let beats = |host: &Host| {
        let calls = host.store.calls();
        calls.iter().filter(|call| **call == "heartbeat_in").count()
    };
    host.clock.advance(TTL / 3 - Duration::from_micros(1));
    slow.send(&host, Bytes::from_static(b"some more"));
    assert_eq!(beats(&host), 0);
    host.clock.advance(Duration::from_micros(1));
    slow.send(&host, Bytes::from_static(b"some more"));
    assert_eq!(beats(&host), 1);
    slow.send(&host, Bytes::from_static(b"some more"));
    assert_eq!(beats(&host), 1);
    created(slow.end(&host));
}

/// However alive it is, no upload holds room for longer than a day.
#[test]
fn after_a_day_it_has_expired() {
    let host = Host::new();
    let mut slow = Slow::begin(&host, image());
    for _ in 0..Reservation::LONGEST.as_secs() / 600 - 1 {
        host.clock.advance(Duration::from_secs(600));
        slow.send(&host, Bytes::from_static(b"."));
    }
    host.clock.advance(Duration::from_secs(600));
    assert_expired(&slow.end(&host));
    assert_clean(&host, &"a day");
}

#[test]
fn who_stalls_until_the_deadline_has_expired() {
    for late_bytes in [&b""[..], b"too late"] {
        for janitor_was_here in [false, true] {
            let host = Host::new();
            let slow = Slow::begin(&host, image());
            host.clock.advance(TTL);
            if janitor_was_here {
                assert_eq!(host.tidy_beside().unwrap().abandoned, 1);
                assert_clean(&host, &"stalled");
            }
            slow.sender
                .unbounded_send(Bytes::from_static(late_bytes))
                .unwrap();
            assert_expired(&slow.end(&host));
            assert_clean(&host, &"told");
        }
    }
}

/// One microsecond before the deadline it is in time.
#[test]
fn who_ends_just_before_the_deadline_is_stored() {
    let host = Host::new();
    let slow = Slow::begin(&host, image());
    host.clock.advance(TTL - Duration::from_micros(1));
    assert_eq!(host.tidy_beside().unwrap().abandoned, 0);
    created(slow.end(&host));
    assert_clean(&host, &"in time");
}

/// At whichever await of a late upload the janitor comes, alone or beside it: nothing is left, and never is it stored by half.
#[test]
fn the_janitor_and_a_late_upload_race_and_leave_nothing() {
    let mut undone = 0;
    for head_start in 0..40 {
        for (beside, objects_fail) in [(false, false), (false, true), (true, false)] {
            let host = late(head_start);
            let tidied = if beside {
                host.tidy_beside().unwrap()
            } else {
                look(Janitor::new(host.media.clone()).tidy()).unwrap()
            };
            undone += tidied.abandoned;
            host.objects.set_down(objects_fail);
            host.sagas.run();
            let run = format!("after {head_start} polls, {beside}, {objects_fail}");
            assert!(stored(&host).is_empty() || tidied.abandoned == 0, "{run}");
            host.rest();
            assert_clean(&host, &run);
        }
    }
    assert!(
        undone > 30,
        "only {undone} of these were undone by the janitor"
    );
}

/// An upload that was undone by the janitor cannot remove its late bytes: they are condemned again, and go when they can.
#[test]
fn late_bytes_are_condemned_again() {
    let host = Host::new();
    let slow = Slow::begin(&host, image());
    host.clock.advance(TTL);
    assert_eq!(host.tidy_beside().unwrap().abandoned, 1);
    host.objects.fail_at(
        host.objects.calls() + 2,
        picora_storage::faults::Fault::FailBefore,
    ); // after its put
    assert_expired(&slow.end(&host));
    assert_eq!(
        rules(&host),
        [Rule::CondemnedIsEmpty, Rule::ObjectsHaveAssets]
    );
    host.rest();
    assert_clean(&host, &"late");
}

/// Late bytes of a process that died: no row knows of them, so only the scavenger finds them.
#[test]
fn late_bytes_of_a_dead_process_are_scavenged() {
    let mut scavenged = 0;
    for late_by in 0..30 {
        for dead_after in 0..12 {
            let host = late(late_by);
            look(Janitor::new(host.media.clone()).tidy()).unwrap();
            (0..dead_after).for_each(|_| host.sagas.step());
            host.sagas.crash();
            host.rest();
            scavenged += scavenge(&host);
            assert_clean(
                &host,
                &format!("late by {late_by}, dead after {dead_after}"),
            );
        }
    }
    assert!(scavenged > 0, "there was nothing to find");
}

/// Its rows are gone, so it cannot be settled; its bytes go with it.
#[test]
fn an_upload_of_an_erased_account_has_expired() {
    let host = Host::new();
    let slow = Slow::begin(&host, image());
    look(async {
        let tombstone = AccountId::from_bytes([8; 16]);
        let mut tx = host.truth.begin().await.unwrap();
        let ledger: &dyn LedgerIn<Tx> = &*host.truth;
        ledger.erase_in(&mut tx, OWNER, tombstone).await.unwrap();
        let catalogue: &dyn CatalogueIn<Tx> = &*host.truth;
        let erased = catalogue.erase_in(&mut tx, OWNER, tombstone, NOW);
        erased.await.unwrap();
        host.truth.finish(tx).await.unwrap();
    });
    assert_eq!(host.tidy_beside().unwrap().buried, 1);
    assert_expired(&slow.end(&host));
    host.set_limits(OWNER, limits()); // as the auditor expects of every account
    assert_clean(&host, &"erased");
}

#[test]
fn the_scavenger_takes_only_what_is_nobodys_and_old() {
    let host = Host::new();
    let mine = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    let under_way = Slow::begin(&host, image());
    let stray = picora_storage::ObjectKey::new(
        OWNER,
        picora_core::AssetId::from_bytes(picora_core::MediaKind::Image, [7; 16]),
    );
    for path in [stray.to_path(), "media/readme.txt".into(), "other/x".into()] {
        use object_store::ObjectStoreExt;
        look(host.bytes.put(&path, "x".into())).unwrap();
    }
    let janitor = Janitor::new(host.media.clone());
    let how = Scavenging {
        grace: LONG,
        force: true,
    };
    let nothing = host.run_beside(janitor.scavenge(how)).unwrap();
    assert_eq!((nothing.strays, nothing.removed), (0, 0));
    assert_eq!(scavenge(&host), 1);
    assert_eq!(stored(&host), [mine]);
    drop(under_way);
    host.sagas.run();
    assert_eq!(
        super::audit::audit(&host).len(),
        2,
        "what is not ours is left alone"
    );
}

/// A database that knows less than there is, as a restored dump does, costs nobody his bytes, unless somebody says so.
#[test]
fn the_scavenger_does_not_take_nearly_all() {
    let host = Host::new();
    let mine = created(host.upload(image(), chunked(&png(5_000), 4_096)));
    let put = |numbers: std::ops::Range<u8>| {
        for number in numbers {
            let id = picora_core::AssetId::from_bytes(picora_core::MediaKind::Image, [number; 16]);
            let path = picora_storage::ObjectKey::new(OWNER, id).to_path();
            use object_store::ObjectStoreExt;
            look(host.bytes.put(&path, "x".into())).unwrap();
        }
    };
    let how = |force| Scavenging {
        grace: Duration::from_secs(1),
        force,
    };
    put(50..151);
    let braked = scavenge_as(&host, how(false));
    let all = Scavenged {
        seen: 102,
        strays: 101,
        removed: 0,
        braked: true,
    };
    assert_eq!(braked, all);
    assert_eq!(look(count(&host)), 102, "nothing is gone");
    let forced = scavenge_as(&host, how(true));
    let forced_all = Scavenged {
        removed: 101,
        braked: false,
        ..all
    };
    assert_eq!(forced, forced_all);
    put(50..150);
    let few = scavenge_as(&host, how(false));
    assert_eq!((few.strays, few.removed, few.braked), (100, 100, false));
    assert_eq!(stored(&host), [mine]);
    assert_clean(&host, &"scavenged");
}

async fn count(host: &Host) -> usize {
    use futures::StreamExt;
    use object_store::ObjectStore;
    host.bytes.list(None).count().await
}

/// A store that is away is asked a few times and not for each object; what can go when it is back, goes.
#[test]
fn the_janitor_gives_up_on_a_store_that_is_away() {
    let host = Host::new();
    host.hesitate();
    look(async {
        let mut tx = host.truth.begin().await.unwrap();
        for number in 0..100 {
            let condemned = Condemned {
                asset: picora_core::AssetId::from_bytes(
                    picora_core::MediaKind::Image,
                    [number; 16],
                ),
                account: OWNER,
                since: NOW,
            };
            let catalogue: &dyn CatalogueIn<Tx> = &*host.truth;
            catalogue.condemn_in(&mut tx, &condemned).await.unwrap();
        }
        host.truth.finish(tx).await.unwrap();
    });
    host.objects.set_down(true);
    let before = host.objects.calls();
    let in_vain = Tidied {
        failed: 5,
        gave_up: true,
        ..Tidied::default()
    };
    let janitor = Janitor::new(host.media.clone());
    assert_eq!(host.run_beside(janitor.bury()).unwrap(), in_vain);
    let asked = host.objects.calls() - before;
    assert!(asked < 20, "it was asked {asked} times");
    host.objects.set_down(false);
    host.objects
        .fail_next(picora_storage::faults::Fault::FailBefore);
    let most = host.run_beside(janitor.bury()).unwrap();
    assert_eq!((most.failed, most.gave_up), (1, false));
    host.rest();
    assert_clean(&host, &"buried");
}

/// Runs the scavenger when every object is old; how many are gone.
pub(super) fn scavenge(host: &Host) -> u64 {
    let how = Scavenging {
        grace: Duration::from_secs(1),
        force: false,
    };
    scavenge_as(host, how).removed
}

/// Runs it when every object is old. The objects in memory carry the time of the machine.
fn scavenge_as(host: &Host, how: Scavenging) -> Scavenged {
    let now = picora_core::Clock::now(&*host.clock);
    host.clock.set(Timestamp::from_unix_seconds(10_000_000_000));
    let done = host.run_beside(Janitor::new(host.media.clone()).scavenge(how));
    host.clock.set(now);
    done.unwrap()
}

/// An upload whose deadline came while it was at work, so many polls after its beginning.
fn late(head_start: usize) -> Host {
    let host = Host::new();
    host.hesitate();
    let media = host.media.clone();
    let body = chunked(&png(9_000), 4_096);
    // Its client waits for the answer and never goes away.
    let waiting = async move { drop(media.upload(image(), body).await) };
    host.sagas.detach(waiting.boxed());
    (0..head_start).for_each(|_| host.sagas.step());
    host.clock.advance(TTL);
    host
}

const LONG: Duration = Duration::from_secs(200 * 365 * 86_400);
