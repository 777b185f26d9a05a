//! Two folders, two tiers: moves, restores, replacements and removals, on one disk and between two.

use std::path::Path as FsPath;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use picora_core::{Clock, ManualClock, StoreErrorKind, Timestamp};
use picora_local::{LocalStore, OpenError, TieredStore};
use picora_storage::Examine;
use picora_storage::error::is_frozen;
use picora_tiering::{
    Class, Guard, Moved, ObjectHeaders, Present, RestoreAck, RestoreSpeed, Restoring, Tier,
    TierControl,
};

use crate::child;

pub(crate) const BODY: &str = "0123456789";
const DELAY: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Two folders that go with this value, and the store over them.
pub(crate) struct Fresh {
    pub(crate) hot: tempfile::TempDir,
    pub(crate) archive: tempfile::TempDir,
    pub(crate) store: TieredStore,
}

impl Fresh {
    pub(crate) fn on_one_disk() -> Self {
        Self::over(tempfile::tempdir().unwrap())
    }

    /// Between the disk and the memory, which no second name of a file can bridge.
    pub(crate) fn on_two_disks() -> Self {
        let fresh = Self::over(memory());
        if !is_other_disk(fresh.hot.path(), fresh.archive.path()) {
            child::not_proved("there is no second disk, so no move was a copy");
        }
        fresh
    }

    fn over(archive: tempfile::TempDir) -> Self {
        let hot = tempfile::tempdir().unwrap();
        let store = TieredStore::open(hot.path(), archive.path()).unwrap();
        Self {
            hot,
            archive,
            store,
        }
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::on_one_disk(), Self::on_two_disks()]
    }

    /// Which of the folders has a file for the key.
    fn files(&self, key: &str) -> (bool, bool) {
        let there = |folder: &FsPath| folder.join("objects").join(key).exists();
        (there(self.hot.path()), there(self.archive.path()))
    }

    fn put_by_hand(&self, key: &str, body: &str) {
        let file = self.archive.path().join("objects").join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, body).unwrap();
    }

    /// The store after a restart, with restores that take their time.
    fn restarted(self, clock: &Arc<ManualClock>) -> Self {
        let (hot, archive) = (self.hot, self.archive);
        drop(self.store);
        let store = open_again(hot.path(), archive.path());
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
        Self {
            store: store.with_restore_delay(DELAY, clock),
            hot,
            archive,
        }
    }
}

/// Opens folders that were open before. While another test starts a process, that has our locks until it runs its program.
pub(crate) fn open_again(hot: &FsPath, archive: &FsPath) -> TieredStore {
    opened_again(hot, archive).unwrap()
}

fn opened_again(hot: &FsPath, archive: &FsPath) -> Result<TieredStore, OpenError> {
    let mut tries = 0..1_000;
    loop {
        match TieredStore::open(hot, archive) {
            Err(OpenError::InUse { .. }) if tries.next().is_some() => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

/// A folder in memory, where there is such a thing.
pub(crate) fn memory() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

fn is_other_disk(one: &FsPath, other: &FsPath) -> bool {
    let file = one.join("try");
    std::fs::write(&file, "").unwrap();
    let linked = std::fs::hard_link(&file, other.join("try"));
    std::fs::remove_file(file).unwrap();
    let _ = std::fs::remove_file(other.join("try"));
    linked.is_err()
}

fn key() -> Path {
    Path::from("media/a/b")
}

pub(crate) async fn seen(store: &TieredStore, key: &Path) -> Present {
    store.probe(key).await.unwrap().unwrap()
}

pub(crate) fn guard(present: &Present) -> Guard {
    Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    }
}

pub(crate) async fn carry(store: &TieredStore, key: &Path, to: Tier) -> Moved {
    let guard = guard(&seen(store, key).await);
    let headers = ObjectHeaders::default();
    store.set_tier(key, to, &guard, &headers).await.unwrap()
}

async fn body(store: &TieredStore, key: &Path) -> String {
    let bytes = store.get(key).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

async fn archived(fresh: &Fresh) {
    fresh.store.put(&key(), BODY.into()).await.unwrap();
    assert_eq!(
        carry(&fresh.store, &key(), Tier::Archive).await,
        Moved::Done
    );
    assert_eq!(fresh.files("media/a/b"), (false, true));
}

async fn restore(store: &TieredStore, days: u16) -> RestoreAck {
    let asked = store.restore(&key(), days, RestoreSpeed::Bulk).await;
    asked.unwrap()
}

#[tokio::test]
async fn ten_moves_keep_every_byte_and_the_time() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        store.put(&key(), BODY.into()).await.unwrap();
        let written = store.head(&key()).await.unwrap().last_modified;
        for _ in 0..5 {
            for (to, files) in [(Tier::Archive, (false, true)), (Tier::Hot, (true, false))] {
                assert_eq!(carry(store, &key(), to).await, Moved::Done);
                assert_eq!(carry(store, &key(), to).await, Moved::Done); // it is there
                assert_eq!(fresh.files("media/a/b"), files);
                let present = seen(store, &key()).await;
                assert_eq!(present.class, Class::Tier(to));
                assert_eq!(present.restoring, Restoring::No);
                assert_eq!(present.size.get(), 10);
                assert_eq!(present.crc64, None);
                assert_eq!(body(store, &key()).await, BODY);
                let meta = store.head(&key()).await.unwrap();
                assert_eq!(meta.last_modified, written);
                assert_eq!(meta.e_tag, present.etag);
            }
        }
        let left = fresh.archive.path().join("moving").read_dir().unwrap();
        assert_eq!(left.count(), 0);
    }
}

/// Files have no headers: those that are sent are not kept, and no probe claims them.
#[tokio::test]
async fn no_header_is_kept_and_none_is_claimed() {
    let Fresh { store, .. } = &Fresh::on_one_disk();
    store.put(&key(), BODY.into()).await.unwrap();
    let sent = ObjectHeaders {
        content_type: Some("image/png".to_owned()),
        ..ObjectHeaders::default()
    };
    let guard = guard(&seen(store, &key()).await);
    let moved = store.set_tier(&key(), Tier::Archive, &guard, &sent).await;
    assert_eq!(moved.unwrap(), Moved::Done);
    assert_eq!(seen(store, &key()).await.headers, ObjectHeaders::default());
    assert!(store.get(&key()).await.unwrap().attributes.is_empty());
}

#[tokio::test]
async fn without_a_delay_the_archive_is_read_like_the_rest() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        assert!(store.caps().transparent_read && !store.caps().needs_restore);
        assert_eq!(restore(store, 1).await, RestoreAck::Missing);
        store.put(&key(), BODY.into()).await.unwrap();
        assert_eq!(restore(store, 1).await, RestoreAck::NotArchived);
        assert_eq!(carry(store, &key(), Tier::Archive).await, Moved::Done);
        assert_eq!(restore(store, 1).await, RestoreAck::Readable);
        assert_eq!(body(store, &key()).await, BODY);
        let parts = store.get_ranges(&key(), &[0..2, 5..6]).await.unwrap();
        assert_eq!(parts, ["01", "5"]);
    }
}

/// Rows #84, #85, #96, #99: as in a cloud, one request begins it, the others join, and then the bytes are there, for a while.
#[tokio::test]
async fn with_a_delay_what_is_archived_is_frozen_until_it_is_restored() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000)));
    for fresh in Fresh::both() {
        let mut fresh = fresh.restarted(&clock);
        let caps = fresh.store.caps();
        assert!(!caps.transparent_read && caps.needs_restore && caps.restore_worst == DELAY);
        archived(&fresh).await;
        let frozen = |error: Error| {
            assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
            assert!(is_frozen(&error), "{error}");
            assert!(error.to_string().contains("InvalidObjectState"), "{error}");
        };
        let refuses = async |store: &TieredStore| {
            frozen(store.get(&key()).await.unwrap_err());
            frozen(store.get_range(&key(), 0..1).await.unwrap_err());
            frozen(store.get_ranges(&key(), &[0..1, 3..4]).await.unwrap_err());
            frozen(store.copy(&key(), &"copy".into()).await.unwrap_err());
            frozen(store.rename(&key(), &"copy".into()).await.unwrap_err());
            assert_eq!(carry(store, &key(), Tier::Hot).await, Moved::Frozen);
            assert_eq!(store.head(&key()).await.unwrap().size, 10);
        };
        refuses(&fresh.store).await;
        assert_eq!(restore(&fresh.store, 2).await, RestoreAck::Accepted);
        assert_eq!(restore(&fresh.store, 9).await, RestoreAck::InProgress);

        fresh = fresh.restarted(&clock);
        assert_eq!(
            seen(&fresh.store, &key()).await.restoring,
            Restoring::Ongoing
        );
        refuses(&fresh.store).await;
        let ready = clock.advance(DELAY);
        fresh = fresh.restarted(&clock);
        let until = ready.saturating_add(2 * DAY);
        let present = seen(&fresh.store, &key()).await;
        assert_eq!(present.restoring, Restoring::ReadableUntil(until));
        assert_eq!(present.class, Class::Tier(Tier::Archive));
        assert_eq!(body(&fresh.store, &key()).await, BODY);
        fresh.store.copy(&key(), &"copy".into()).await.unwrap();
        assert_eq!(body(&fresh.store, &"copy".into()).await, BODY);
        assert_eq!(restore(&fresh.store, 1).await, RestoreAck::Readable);

        clock.advance(2 * DAY);
        assert_eq!(seen(&fresh.store, &key()).await.restoring, Restoring::No);
        refuses(&fresh.store).await;

        // Brought back (and killed before its restore was forgotten) and archived again within its days, it is frozen again.
        assert_eq!(restore(&fresh.store, 9).await, RestoreAck::Accepted);
        clock.advance(DELAY);
        let kept = || {
            let files = fresh.archive.path().join("restores").read_dir().unwrap();
            files.map(|it| it.unwrap().path()).collect::<Vec<_>>()
        };
        let file = kept().remove(0);
        let left = std::fs::read(&file).unwrap();
        assert_eq!(carry(&fresh.store, &key(), Tier::Hot).await, Moved::Done);
        assert!(kept().is_empty());
        std::fs::write(file, left).unwrap(); // as it is after a kill
        assert_eq!(restore(&fresh.store, 1).await, RestoreAck::NotArchived);
        assert_eq!(
            carry(&fresh.store, &key(), Tier::Archive).await,
            Moved::Done
        );
        refuses(&fresh.store).await;
    }
}

#[tokio::test]
async fn what_is_not_there_or_another_is_not_moved() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        let headers = ObjectHeaders::default();
        store.put(&key(), BODY.into()).await.unwrap();
        let present = seen(store, &key()).await;
        let nothing = Path::from("nothing");
        assert_eq!(store.probe(&nothing).await.unwrap(), None);
        let said = |key: Path, guard: Guard, to: Tier| {
            let (store, headers) = (store.clone(), headers.clone());
            async move { store.set_tier(&key, to, &guard, &headers).await.unwrap() }
        };
        let right = guard(&present);
        let missing = said(nothing, right.clone(), Tier::Archive).await;
        assert_eq!(missing, Moved::Missing);
        let etag = Guard {
            etag: "0".to_owned(),
            ..right.clone()
        };
        let size = Guard {
            size: 11_u32.into(),
            ..right.clone()
        };
        for wrong in [etag, size] {
            for to in [Tier::Archive, Tier::Hot] {
                assert_eq!(said(key(), wrong.clone(), to).await, Moved::Changed);
            }
        }
        assert_eq!(seen(store, &key()).await, present);
        // Replaced by as many bytes.
        store.put(&key(), "9876543210".into()).await.unwrap();
        let moved = said(key(), right, Tier::Archive).await;
        assert_eq!(moved, Moved::Changed);
        assert_eq!(body(store, &key()).await, "9876543210");
    }
}

#[tokio::test]
async fn a_new_object_replaces_an_archived_one_and_a_removal_removes_both() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        archived(&fresh).await;
        store.put(&key(), "new".into()).await.unwrap();
        assert_eq!(fresh.files("media/a/b"), (true, false));
        assert_eq!(body(store, &key()).await, "new");

        assert_eq!(carry(store, &key(), Tier::Archive).await, Moved::Done);
        let mut upload = store.put_multipart(&key()).await.unwrap();
        upload.put_part("newer".into()).await.unwrap();
        assert_eq!(body(store, &key()).await, "new");
        upload.complete().await.unwrap();
        assert_eq!(fresh.files("media/a/b"), (true, false));
        assert_eq!(body(store, &key()).await, "newer");

        assert_eq!(carry(store, &key(), Tier::Archive).await, Moved::Done);
        let create = PutOptions::from(PutMode::Create);
        let refused = store.put_opts(&key(), "no".into(), create).await;
        assert!(
            matches!(refused, Err(Error::AlreadyExists { .. })),
            "{refused:?}"
        );
        let refused = store.copy_if_not_exists(&"x".into(), &key()).await;
        assert!(refused.is_err());
        store.delete(&key()).await.unwrap();
        assert_eq!(fresh.files("media/a/b"), (false, false));
        let gone = store.delete(&key()).await;
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        let create = PutOptions::from(PutMode::Create);
        store.put_opts(&key(), "yes".into(), create).await.unwrap();
    }
}

/// A killed process left the older bytes in the archive: no way of taking the hot ones away brings them back.
#[tokio::test]
async fn a_shadow_is_never_read_and_goes_before_its_object() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        for change in ["delete", "rename", "archive", "sweep"] {
            store.put(&key(), "new".into()).await.unwrap();
            fresh.put_by_hand("media/a/b", "older");
            assert_eq!(body(store, &key()).await, "new");
            let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].size, 3);
            match change {
                "delete" => store.delete(&key()).await.unwrap(),
                "rename" => store.rename(&key(), &"other".into()).await.unwrap(),
                "archive" => {
                    assert_eq!(carry(store, &key(), Tier::Archive).await, Moved::Done);
                    assert_eq!(body(store, &key()).await, "new");
                    store.delete(&key()).await.unwrap();
                }
                _ => {
                    let swept = store.sweep(Duration::ZERO, Timestamp::MAX).await.unwrap();
                    assert_eq!(swept.shadows, 1);
                    assert_eq!(body(store, &key()).await, "new");
                    store.delete(&key()).await.unwrap();
                }
            }
            assert_eq!(store.probe(&key()).await.unwrap(), None, "{change}");
            let _ = store.delete(&"other".into()).await;
        }
    }
}

/// Somebody puts a file into the archive folder by hand: it is an archived object, and no sweep takes it.
#[tokio::test]
async fn a_file_that_somebody_archived_by_hand_is_an_object() {
    for fresh in Fresh::both() {
        let store = &fresh.store;
        fresh.put_by_hand("scans/1950/letter", "dear");
        let key = Path::from("scans/1950/letter");
        let swept = store.sweep(Duration::ZERO, Timestamp::MAX).await.unwrap();
        assert_eq!(swept, Default::default());
        let present = seen(store, &key).await;
        assert_eq!(present.class, Class::Tier(Tier::Archive));
        assert_eq!(body(store, &key).await, "dear");
        let folders = store.list_with_delimiter(None).await.unwrap();
        assert_eq!(folders.common_prefixes, [Path::from("scans")]);
        assert_eq!(carry(store, &key, Tier::Hot).await, Moved::Done);
        assert_eq!(body(store, &key).await, "dear");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_somebody_archived_by_hand_is_moved_as_what_it_leads_to() {
    for fresh in Fresh::both() {
        fresh.put_by_hand("scans/letter", "dear");
        let link = fresh.archive.path().join("objects/scans/linked");
        std::os::unix::fs::symlink("letter", link).unwrap();
        let (store, key) = (&fresh.store, Path::from("scans/linked"));
        assert_eq!(carry(store, &key, Tier::Hot).await, Moved::Done);
        store.delete(&"scans/letter".into()).await.unwrap();
        assert_eq!(body(store, &key).await, "dear");
    }
}

/// An archive whose disk is not mounted is an empty folder: nothing of it is taken for gone.
#[tokio::test]
async fn an_archive_that_is_not_mounted_is_not_an_empty_one() {
    let fresh = Fresh::on_one_disk();
    archived(&fresh).await;
    let Fresh {
        hot,
        archive,
        store,
    } = fresh;
    drop(store);
    let (disk, away) = (archive.path(), archive.path().with_extension("away"));
    std::fs::rename(disk, &away).unwrap();
    std::fs::create_dir(disk).unwrap();
    let refused = opened_again(hot.path(), disk).unwrap_err();
    assert!(matches!(refused, OpenError::Stranger { .. }), "{refused}");
    assert!(refused.to_string().contains("are mounted"), "{refused}");
    std::fs::remove_dir_all(disk).unwrap();
    std::fs::rename(&away, disk).unwrap();
    let store = open_again(hot.path(), disk);
    assert_eq!(body(&store, &key()).await, BODY);
}

/// What is a shadow in one order is the object in the other.
#[tokio::test]
async fn folders_that_changed_places_are_refused() {
    let fresh = Fresh::on_one_disk();
    archived(&fresh).await;
    let Fresh {
        hot,
        archive,
        store,
    } = fresh;
    drop(store);
    let refused = opened_again(archive.path(), hot.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Stranger { .. }), "{refused}");
    let shared = TieredStore::open_shared(archive.path(), hot.path()).unwrap_err();
    assert!(matches!(shared, OpenError::Stranger { .. }), "{shared}");
    assert_eq!(
        body(&open_again(hot.path(), archive.path()), &key()).await,
        BODY
    );
}

/// Somebody shows an archived file, or a folder of them, in the hot folder: the archive's is all that there is.
#[cfg(unix)]
#[tokio::test]
async fn what_the_hot_folder_shows_by_a_link_is_no_shadow() {
    let fresh = Fresh::on_one_disk();
    for file in ["scans/letter", "films/one"] {
        fresh.put_by_hand(file, "dear");
    }
    let [hot, archive] = [&fresh.hot, &fresh.archive].map(|it| it.path().join("objects"));
    std::fs::create_dir(hot.join("scans")).unwrap();
    for name in ["scans/letter", "films"] {
        std::os::unix::fs::symlink(archive.join(name), hot.join(name)).unwrap();
    }
    let swept = fresh.store.sweep(Duration::ZERO, Timestamp::MAX).await;
    assert_eq!(swept.unwrap().shadows, 0);
    for file in ["scans/letter", "films/one"] {
        assert_eq!(std::fs::read(archive.join(file)).unwrap(), b"dear");
    }
    // Nor does a move take away what it has just named, or a put what it has just written.
    let (store, key) = (&fresh.store, Path::from("films/one"));
    let (guard, headers) = (guard(&seen(store, &key).await), ObjectHeaders::default());
    let moved = store.set_tier(&key, Tier::Archive, &guard, &headers).await;
    assert_eq!(moved.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(body(store, &key).await, "dear");
    store.put(&key, "new".into()).await.unwrap();
    assert_eq!(body(store, &key).await, "new");
    store.delete(&key).await.unwrap();
    assert_eq!(store.probe(&key).await.unwrap(), None);
}

#[tokio::test]
async fn what_killed_moves_and_uploads_left_is_swept() {
    let fresh = Fresh::on_one_disk();
    archived(&fresh).await;
    for (folder, name) in [
        (&fresh.hot, "objects/x#1"),
        (&fresh.archive, "moving/move#7"),
    ] {
        std::fs::write(folder.path().join(name), "half").unwrap();
    }
    let listed: Vec<_> = fresh.store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    let sweep = async |now| fresh.store.sweep(DAY, now).await.unwrap();
    assert_eq!(sweep(Timestamp::EPOCH).await.staged.left, 2);
    let swept = sweep(Timestamp::MAX).await;
    assert_eq!((swept.staged.files, swept.staged.bytes.get()), (2, 8));
    assert_eq!((swept.staged.left, swept.shadows), (0, 0));
}

#[tokio::test]
async fn a_plain_folder_becomes_the_hot_one() {
    let folder = tempfile::tempdir().unwrap();
    let plain = LocalStore::open(folder.path().join("media")).unwrap();
    plain.put(&key(), BODY.into()).await.unwrap();
    drop(plain);
    // The archive may lie in the same folder, beside the objects.
    let hot = folder.path().join("media");
    let store = TieredStore::open(&hot, hot.join("archive")).unwrap();
    assert_eq!(carry(&store, &key(), Tier::Archive).await, Moved::Done);
    assert_eq!(body(&store, &key()).await, BODY);
    store.examine().await.unwrap();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn one_folder_is_not_two_tiers() {
    let folder = tempfile::tempdir().unwrap();
    let (hot, link) = (folder.path().join("hot"), folder.path().join("link"));
    std::fs::create_dir(&hot).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&hot, &link).unwrap();
    let (inside, there) = (link.join("objects/x"), folder.path().join("there"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(hot.join("objects"), &there).unwrap();
    std::fs::create_dir(hot.join("objects")).unwrap();
    for archive in [
        &hot,
        &link,
        &hot.join("objects/x"),
        &hot.join("objects"),
        &inside,
        &there.join("x"),
    ] {
        for (hot, archive) in [(&hot, archive), (archive, &hot)] {
            for opened in [
                TieredStore::open(hot, archive),
                TieredStore::open_shared(hot, archive),
            ] {
                let error = opened.unwrap_err();
                assert!(matches!(error, OpenError::Overlap { .. }), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn an_object_that_gets_its_copys_name_loses_its_own() {
    let fresh = Fresh::on_one_disk();
    let (one, copy) = (key(), Path::from("other/copy"));
    fresh.store.put(&one, BODY.into()).await.unwrap();
    fresh.store.copy(&one, &copy).await.unwrap();
    fresh.store.rename(&one, &copy).await.unwrap();
    assert_eq!(fresh.store.probe(&one).await.unwrap(), None);
    assert_eq!(body(&fresh.store, &copy).await, BODY);
}

#[tokio::test]
async fn keys_that_no_file_can_have_are_refused_and_a_file_in_the_way_is_nothing() {
    let fresh = Fresh::on_one_disk();
    let store = &fresh.store;
    let headers = ObjectHeaders::default();
    archived(&fresh).await;
    let below = Path::from("media/a/b/c");
    for key in [Path::parse("x#1").unwrap(), Path::default()] {
        let error = store.probe(&key).await.unwrap_err();
        assert_eq!(
            error.kind(),
            StoreErrorKind::Unavailable,
            "{key:?}: {error}"
        );
        store.get(&key).await.unwrap_err();
        store.delete(&key).await.unwrap_err();
        let nowhere = Guard {
            etag: String::new(),
            size: 0_u32.into(),
        };
        let moved = store
            .set_tier(&key, Tier::Archive, &nowhere, &headers)
            .await;
        moved.unwrap_err();
    }
    // What lies below an archived object in one folder may lie below none in the other.
    let nothing = |error: Error| assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(store.probe(&below).await.unwrap(), None);
    nothing(store.get(&below).await.unwrap_err());
    nothing(store.get_ranges(&below, &[0..1, 1..2]).await.unwrap_err());
    nothing(store.delete(&below).await.unwrap_err());
    nothing(store.copy(&below, &"copy".into()).await.unwrap_err());
    nothing(store.rename(&below, &"copy".into()).await.unwrap_err());
    let listed: Vec<_> = store.list(Some(&below)).try_collect().await.unwrap();
    assert!(listed.is_empty());
    let listed = store.list_with_delimiter(Some(&below)).await.unwrap();
    assert!(listed.objects.is_empty());
    let create = PutOptions::from(PutMode::Create);
    store.put_opts(&below, "new".into(), create).await.unwrap();
    store.put(&below, "c".into()).await.unwrap();
    assert_eq!(body(store, &below).await, "c");
    assert_eq!(body(store, &key()).await, BODY);
    let guard = guard(&seen(store, &below).await);
    let moved = store
        .set_tier(&below, Tier::Archive, &guard, &headers)
        .await;
    assert_eq!(moved.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(body(store, &below).await, "c");
    // And the other way round.
    store.put(&"hot".into(), "h".into()).await.unwrap();
    fresh.put_by_hand("hot/below", "b");
    let below = Path::from("hot/below");
    assert_eq!(body(store, &below).await, "b");
    store.copy(&below, &"copy".into()).await.unwrap();
    assert_eq!(body(store, &"copy".into()).await, "b");
    store.delete(&below).await.unwrap();
    assert_eq!(store.probe(&below).await.unwrap(), None);
}

/// Mounts the folder `hot` a second time, in a mount namespace that ends with the child.
const MOUNTED_TWICE: [&str; 5] = [
    "unshare",
    "-m",
    "sh",
    "-c",
    r#"cd "$0" && mkdir -p hot again && mount --bind hot again && exec "$@""#,
];

#[test]
fn child_with_one_folder_mounted_twice() {
    let Some(root) = child::folder() else { return };
    let (hot, again) = (root.join("hot"), root.join("again"));
    for (hot, archive) in [(&hot, &again), (&again, &hot)] {
        for opened in [
            TieredStore::open(hot, archive),
            TieredStore::open_shared(hot, archive),
        ] {
            let error = opened.unwrap_err();
            assert!(matches!(error, OpenError::Overlap { .. }), "{error}");
        }
    }
}

/// Needs root. Where that is not, the tests of pairs in `src/tiers/pair.rs` remain, and this one says so.
#[test]
fn a_folder_that_is_mounted_twice_is_not_two_tiers() {
    let root = tempfile::tempdir().unwrap();
    let mut probe = std::process::Command::new(MOUNTED_TWICE[0]);
    let allowed = probe
        .args(&MOUNTED_TWICE[1..])
        .arg(root.path())
        .arg("true")
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        child::not_proved("no folder could be mounted twice");
        return;
    }
    let test = "tiers::child_with_one_folder_mounted_twice";
    let child = child::command_after(&MOUNTED_TWICE, test, root.path()).output();
    child::check(&child.unwrap());
}
