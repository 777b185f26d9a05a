//! Disks that are full or read-only, for real: a small tmpfs, a limit on file sizes, a folder without rights.

use std::path::Path as FsPath;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_core::{StoreErrorKind, Timestamp};
use picora_local::{LocalStore, OpenError, TieredStore};
use picora_storage::error::{decisive, is_full_or_read_only};
use picora_storage::{Examine, Measured, ObjectWriter, Trouble, object};
use picora_tiering::{Class, Moved, Tier, TierControl};

use crate::child;
use crate::tiers::{carry, guard, seen};

const BODY: Bytes = Bytes::from_static(&[7; 200 << 10]);

/// Mounts a tmpfs of 1 MiB and 50 files over the folder, in a mount namespace that ends with the child.
const SMALL_DISK: [&str; 5] = [
    "unshare",
    "-rm",
    "sh",
    "-c",
    r#"mount -t tmpfs -o size=1m,nr_inodes=50 tmpfs "$0" && exec "$@""#,
];

/// Ends files at 100 KiB (`ulimit -f` counts blocks of 512 bytes or 1 KiB), by an error instead of a signal.
const SMALL_FILES: [&str; 3] = ["sh", "-c", r#"trap '' XFSZ; ulimit -f 100; exec "$@""#];

fn key(n: usize) -> Path {
    Path::from(format!("media/a/{n}"))
}

/// Puts until the store refuses; how many it took, and the refusal.
async fn fill(store: &dyn ObjectStore) -> (usize, object_store::Error) {
    for n in 0..100 {
        if let Err(error) = store.put(&key(n), BODY.into()).await {
            return (n, error);
        }
    }
    panic!("the disk never filled");
}

/// A refused write is told as unavailable and leaves nothing visible; what was there before is whole, and removing helps.
async fn refuses_and_recovers(store: &LocalStore) -> usize {
    let (taken, error) = fill(store).await;
    assert!(is_full_or_read_only(&error), "{error:?}");
    assert_eq!(decisive("put", error).kind(), StoreErrorKind::Unavailable);

    let mut writer = ObjectWriter::with_part_bytes(store, key(200), (64 << 10).try_into().unwrap());
    let failed = match writer.write(BODY).await {
        Err(error) => error,
        Ok(()) => writer.finish().await.unwrap_err(),
    };
    assert_eq!(failed.kind(), StoreErrorKind::Unavailable, "{failed}");

    for n in 0..taken {
        let measured = object::measure(store, &key(n)).await.unwrap();
        assert_eq!(measured, Some(Measured::of(&BODY)));
    }
    for n in [taken, 200] {
        assert_eq!(object::length(store, &key(n)).await.unwrap(), None);
    }
    let swept = store
        .sweep_staged(Duration::ZERO, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(swept.left, 0);
    taken
}

#[test]
fn child_on_a_small_disk() {
    let Some(folder) = child::folder() else {
        return;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = LocalStore::open(&folder).unwrap();
        store.examine().await.unwrap();
        let taken = refuses_and_recovers(&store).await;
        assert_eq!(taken, 5, "1 MiB holds five bodies of 200 KiB");
        assert!(object::remove(&store, &key(0)).await.unwrap());
        store.put(&key(0), BODY.into()).await.unwrap();

        // Full to the last file, it still opens, reads and removes.
        drop(store);
        let refused = (0..100).find_map(|n| std::fs::write(folder.join(format!("{n}")), "").err());
        assert_eq!(refused.unwrap().kind(), std::io::ErrorKind::StorageFull);
        let store = LocalStore::open(&folder).unwrap();
        let told = store.examine().await.unwrap_err();
        assert!(matches!(told, Trouble::Full { .. }), "{told}");
        assert!(object::measure(&store, &key(1)).await.unwrap().is_some());
        assert!(object::remove(&store, &key(1)).await.unwrap());

        // The same disk, read-only under the store.
        let objects = folder.join("objects");
        mount(&["--bind"], &[&objects, &objects]);
        mount(&["-o", "remount,bind,ro"], &[&objects]);
        let error = store.put(&key(9), "x".into()).await.unwrap_err();
        assert!(is_full_or_read_only(&error), "{error:?}");
        let told = store.examine().await.unwrap_err();
        assert!(matches!(told, Trouble::Unwritable { .. }), "{told}");
        let error = object::remove(&store, &key(2)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(object::measure(&store, &key(2)).await.unwrap().is_some());
        drop(store);
        refuses_to_open(&folder, "Read-only file system");
        mount(&["-o", "remount,ro"], &[&folder]);
        refuses_to_open(&folder, "Read-only file system");
    });
}

/// The archive's disk is full, or read-only: nothing moves, nothing is lost, and what is there can be read and brought back.
#[test]
fn child_with_a_small_archive() {
    let Some(archive) = child::folder() else {
        return;
    };
    let hot = tempfile::tempdir().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = TieredStore::open(hot.path(), &archive).unwrap();
        for n in 0..6 {
            store.put(&key(n), BODY.into()).await.unwrap();
        }
        for n in 0..5 {
            assert_eq!(carry(&store, &key(n), Tier::Archive).await, Moved::Done);
        }
        let refuses = async |tier| {
            let (n, to) = if tier == Tier::Hot {
                (5, Tier::Archive)
            } else {
                (0, Tier::Hot)
            };
            let present = seen(&store, &key(n)).await;
            let refused = store
                .set_tier(&key(n), to, &guard(&present), &present.headers)
                .await;
            (refused.unwrap_err(), seen(&store, &key(n)).await == present)
        };
        let (error, unchanged) = refuses(Tier::Hot).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!(unchanged);
        let moving = archive.join("moving");
        assert_eq!(
            moving.read_dir().unwrap().count(),
            0,
            "half a copy is no use"
        );
        store.examine().await.unwrap(); // there is room for a small file
        let filler = archive.join("filler");
        std::fs::write(&filler, BODY).unwrap_err();
        let told = store.examine().await.unwrap_err().to_string();
        std::fs::remove_file(filler).unwrap();
        let full = format!("the folder {} is full", archive.display());
        assert!(told.starts_with(&full), "{told}");

        // One comes back, and there is room for another.
        assert_eq!(carry(&store, &key(0), Tier::Hot).await, Moved::Done);
        assert_eq!(carry(&store, &key(5), Tier::Archive).await, Moved::Done);
        for n in 0..6 {
            let measured = object::measure(&store, &key(n)).await.unwrap();
            assert_eq!(measured, Some(Measured::of(&BODY)));
        }

        // Read-only, what it has can be read; new bytes at one of its keys stand before the older ones.
        let objects = archive.join("objects");
        mount(&["--bind"], &[&objects, &objects]);
        mount(&["-o", "remount,bind,ro"], &[&objects]);
        assert!(object::measure(&store, &key(1)).await.unwrap().is_some());
        store.put(&key(1), "new".into()).await.unwrap();
        let measured = object::measure(&store, &key(1)).await.unwrap();
        assert_eq!(measured, Some(Measured::of(b"new")));
        let error = object::remove(&store, &key(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        let measured = object::measure(&store, &key(1)).await.unwrap();
        assert_eq!(
            measured,
            Some(Measured::of(b"new")),
            "older bytes came back"
        );
        assert_eq!(seen(&store, &key(1)).await.class, Class::Tier(Tier::Hot));
    });
}

#[test]
fn child_with_small_files() {
    let Some(folder) = child::folder() else {
        return;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = LocalStore::open(&folder).unwrap();
        assert_eq!(refuses_and_recovers(&store).await, 0);
        store.put(&key(0), "short".into()).await.unwrap();
    });
}

#[test]
fn child_without_rights() {
    let Some(folder) = child::folder() else {
        return;
    };
    refuses_to_open(&folder, "Permission denied");
}

fn mount(options: &[&str], paths: &[&FsPath]) {
    let mounted = Command::new("mount").args(options).args(paths).status();
    assert!(mounted.unwrap().success(), "mount {options:?}");
}

fn refuses_to_open(folder: &FsPath, reason: &str) {
    let error = LocalStore::open(folder).unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }));
    let sentence = format!(
        "the folder {} cannot hold media: {reason}",
        folder.display()
    );
    assert!(error.to_string().starts_with(&sentence), "{error}");
}

/// Needs user namespaces or root. Where they are forbidden, the tests below are the real refusals that remain, and this one says so.
#[test]
fn a_full_disk_and_a_read_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = Command::new(SMALL_DISK[0]);
    let allowed = probe
        .args(&SMALL_DISK[1..])
        .arg(folder.path())
        .arg("true")
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        child::not_proved("mounts are forbidden, so no disk was full and none read-only");
        return;
    }
    for test in [
        "refused::child_on_a_small_disk",
        "refused::child_with_a_small_archive",
    ] {
        let child = child::command_after(&SMALL_DISK, test, folder.path()).output();
        child::check(&child.unwrap());
    }
}

#[test]
fn a_file_that_may_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let test = "refused::child_with_small_files";
    let child = child::command_after(&SMALL_FILES, test, folder.path()).output();
    child::check(&child.unwrap());
}

#[cfg(unix)]
#[test]
fn a_folder_without_rights() {
    use std::os::unix::fs::PermissionsExt;

    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("media");
    std::fs::create_dir(&folder).unwrap();
    for (path, mode) in [(temporary.path(), 0o755), (&folder, 0o555)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let test = "refused::child_without_rights";
    let mut command = if std::fs::write(folder.join("root"), "").is_ok() {
        // Root may write everywhere, so the child is nobody, who can reach a copy of this binary.
        let exe = temporary.path().join("exe");
        // By another process: a file that is open here for writing while another test forks would be busy.
        let mut copied = Command::new("cp");
        copied.arg(std::env::current_exe().unwrap());
        assert!(copied.arg(&exe).status().unwrap().success());
        let nobody = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "sh",
            "-c",
        ];
        let mut command = child::command_after(
            &[&nobody[..], &[r#"shift; exec "${0%/*}/exe" "$@""#]].concat(),
            test,
            &folder,
        );
        command.current_dir(temporary.path());
        command
    } else {
        child::command(test, &folder)
    };
    child::check(&command.output().unwrap());
}
