//! The power fails right after a move was acknowledged: what is on the two disks then is all there is.
//!
//! `power.rs` says how that is seen; the steps between are enumerated in `src/tiers/steps/tests.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use picora_core::{ManualClock, Timestamp};
use picora_local::TieredStore;
use picora_storage::{Measured, object};
use picora_tiering::{Moved, RestoreAck, RestoreSpeed, Restoring, Tier, TierControl};

use crate::child;
use crate::power::{BODY, run};
use crate::tiers::{carry, seen};

/// Makes and mounts two images in a mount namespace that ends with the child.
const TWO_DISKS: [&str; 5] = [
    "unshare",
    "-m",
    "sh",
    "-c",
    r#"cd "$0" && for n in 1 2; do truncate -s 32M image$n && mkfs.ext4 -q -F image$n && mkdir disk$n after$n \
        && mount -o loop,commit=600 image$n disk$n || exit; done; exec "$@""#,
];

/// The machine with its two disks; the hot folder is on the first one.
struct Machine {
    root: PathBuf,
    archive_on: u8,
}

impl Machine {
    fn open(&self, disks: &str) -> TieredStore {
        let disk = |n: u8| self.root.join(format!("{disks}{n}"));
        let (hot, archive) = (
            disk(1).join(format!("hot{}", self.archive_on)),
            disk(self.archive_on).join("archive"),
        );
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000));
        let store = TieredStore::open(hot, archive).unwrap();
        store.with_restore_delay(Duration::from_secs(60), Arc::new(clock))
    }

    /// Stops here and starts again with copies of the disks; the tier, the restore and the bytes that are found then.
    async fn after_power_loss(&self, key: &Path) -> Option<(Tier, Restoring, Option<Measured>)> {
        for n in 1..=2 {
            let at = |name: &str| self.root.join(format!("{name}{n}"));
            std::fs::copy(at("image"), at("copy")).unwrap();
            let options = ["-o".as_ref(), "loop".as_ref()];
            run(
                "mount",
                &[options[0], options[1], &at("copy"), &at("after")],
            );
        }
        let store = self.open("after");
        let found = match store.probe(key).await.unwrap() {
            None => None,
            Some(present) if present.class == Tier::Hot.into() => {
                let measured = object::measure(&store, key).await.unwrap();
                Some((Tier::Hot, present.restoring, measured))
            }
            Some(present) => {
                // Frozen, so that the bytes are read past the store.
                let file = store.archive_folder().join("objects").join(key.as_ref());
                let measured = std::fs::read(file).ok().map(|body| Measured::of(&body));
                Some((Tier::Archive, present.restoring, measured))
            }
        };
        drop(store);
        for n in 1..=2 {
            run("umount", &[&self.root.join(format!("after{n}"))]);
        }
        found
    }
}

#[test]
fn child_on_two_disks() {
    let Some(root) = child::folder() else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for archive_on in [1, 2] {
            let root = root.clone();
            what_was_answered_survives(&Machine { root, archive_on }).await;
        }
    });
}

async fn what_was_answered_survives(machine: &Machine) {
    let (store, key) = (machine.open("disk"), Path::from("media/first/moved"));
    let whole = Some(Measured::of(&BODY));
    let hot = Some((Tier::Hot, Restoring::No, whole));
    store.put(&key, BODY.into()).await.unwrap();
    assert_eq!(machine.after_power_loss(&key).await, hot);

    assert_eq!(carry(&store, &key, Tier::Archive).await, Moved::Done);
    let archived = |restoring| Some((Tier::Archive, restoring, whole));
    let frozen = machine.after_power_loss(&key).await;
    assert_eq!(frozen, archived(Restoring::No));

    let asked = store.restore(&key, 1, RestoreSpeed::Expedited).await;
    assert_eq!(asked.unwrap(), RestoreAck::Accepted);
    let going_on = machine.after_power_loss(&key).await;
    assert_eq!(going_on, archived(Restoring::Ongoing));

    store.put(&key, BODY.slice(1..).into()).await.unwrap();
    let replaced = Some(Measured::of(&BODY[1..]));
    let hot = Some((Tier::Hot, Restoring::No, replaced));
    assert_eq!(machine.after_power_loss(&key).await, hot);

    assert_eq!(carry(&store, &key, Tier::Archive).await, Moved::Done);
    store.delete(&key).await.unwrap();
    assert_eq!(machine.after_power_loss(&key).await, None);

    // Back again, past the restore.
    let promoted = Path::from("media/second/promoted");
    drop(store);
    let disk = |n: u8| machine.root.join(format!("disk{n}"));
    let (hot, archive) = (
        disk(1).join(format!("hot{}", machine.archive_on)),
        disk(machine.archive_on).join("archive"),
    );
    let store = TieredStore::open(hot, archive).unwrap();
    store.put(&promoted, BODY.into()).await.unwrap();
    for to in [Tier::Archive, Tier::Hot] {
        assert_eq!(carry(&store, &promoted, to).await, Moved::Done);
        assert_eq!(seen(&store, &promoted).await.class, to.into());
        let found = machine.after_power_loss(&promoted).await;
        assert_eq!(found, Some((to, Restoring::No, whole)));
    }
}

/// Needs root and loop devices. Where there are none, the enumeration of steps remains, and this test says so.
#[test]
fn what_was_answered_survives_a_power_loss_on_one_disk_and_on_two() {
    let root = tempfile::tempdir().unwrap();
    let mut probe = Command::new(TWO_DISKS[0]);
    let allowed = probe
        .args(&TWO_DISKS[1..])
        .arg(root.path())
        .arg("true")
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        child::not_proved("no disks of our own could be mounted, so no power failed");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let test = "tiers_power::child_on_two_disks";
    let child = child::command_after(&TWO_DISKS, test, root.path()).output();
    child::check(&child.unwrap());
}
