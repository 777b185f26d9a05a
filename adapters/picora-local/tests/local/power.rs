//! The power fails: what is on the disk when a call has returned is all there is.
//!
//! A file system of its own lies in an image file. It writes nothing back by itself (`commit=600`), so a copy of the image is what a
//! disk would hold had the machine stopped at that moment. The copy is mounted, which replays its journal, and read.

use std::path::{Path as FsPath, PathBuf};
use std::process::Command;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use picora_local::LocalStore;
use picora_storage::{Measured, ObjectWriter, object};

use crate::child;

/// Makes and mounts an image in a mount namespace that ends with the child.
const OWN_DISK: [&str; 5] = [
    "unshare",
    "-m",
    "sh",
    "-c",
    r#"cd "$0" && truncate -s 32M image && mkfs.ext4 -q -F image && mkdir disk after \
        && mount -o loop,commit=600 image disk && exec "$@""#,
];

pub(crate) const BODY: Bytes = Bytes::from_static(&[7; 300 << 10]);

/// The machine, its disk, and what is left of the disk after each stop.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn disk(&self) -> PathBuf {
        self.root.join("disk")
    }

    /// Stops here and starts again with a copy of the disk; the measured object, as it is found then.
    async fn after_power_loss(&self, folder: &str, path: &Path) -> Option<Measured> {
        let (copy, mounted) = (self.root.join("copy"), self.root.join("after"));
        std::fs::copy(self.root.join("image"), &copy).unwrap();
        run("mount", &["-o".as_ref(), "loop".as_ref(), &copy, &mounted]);
        let folder = mounted.join(folder);
        let found = match LocalFileSystem::new_with_prefix(folder) {
            Ok(store) => object::measure(&store, path).await.unwrap(),
            Err(_) => None, // not even the folder was on the disk
        };
        run("umount", &[&mounted]);
        found
    }
}

pub(crate) fn run(program: &str, arguments: &[&FsPath]) {
    let status = Command::new(program).args(arguments).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

#[test]
fn child_on_its_own_disk() {
    let Some(root) = child::folder() else { return };
    let machine = Machine { root };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        nothing_survives_without_syncs(&machine).await;
        what_was_answered_survives(&machine).await;
    });
}

/// The experiment itself: it must be able to tell a store that syncs from one that does not.
async fn nothing_survives_without_syncs(machine: &Machine) {
    let folder = machine.disk().join("careless");
    std::fs::create_dir(&folder).unwrap();
    let (store, path) = (
        LocalFileSystem::new_with_prefix(folder).unwrap(),
        Path::from("a/b"),
    );
    store.put(&path, BODY.into()).await.unwrap();
    assert_eq!(machine.after_power_loss("careless", &path).await, None);
}

async fn what_was_answered_survives(machine: &Machine) {
    const OBJECTS: &str = "deep/media/objects";
    let store = LocalStore::open(machine.disk().join("deep/media")).unwrap();
    let whole = Some(Measured::of(&BODY));

    let put = Path::from("media/first/put");
    store.put(&put, BODY.into()).await.unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &put).await, whole);

    let uploaded = Path::from("media/second/uploaded");
    let mut writer =
        ObjectWriter::with_part_bytes(&store, uploaded.clone(), (64 << 10).try_into().unwrap());
    writer.write(BODY).await.unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &uploaded).await, None);
    writer.finish().await.unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &uploaded).await, whole);

    let copied = Path::from("media/third/copied");
    store.copy(&put, &copied).await.unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &copied).await, whole);

    let renamed = Path::from("media/fourth/renamed");
    store.rename(&copied, &renamed).await.unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &renamed).await, whole);
    assert_eq!(machine.after_power_loss(OBJECTS, &copied).await, None);

    assert!(object::remove(&store, &put).await.unwrap());
    assert_eq!(machine.after_power_loss(OBJECTS, &put).await, None);

    // Gone, and the disk does not know it, as after a removal whose sync has failed: the next one finds nothing, and is durable.
    let file = store.folder().join("objects").join(renamed.as_ref());
    std::fs::remove_file(file).unwrap();
    assert_eq!(machine.after_power_loss(OBJECTS, &renamed).await, whole);
    assert!(!object::remove(&store, &renamed).await.unwrap());
    assert_eq!(machine.after_power_loss(OBJECTS, &renamed).await, None);
}

/// Needs root and loop devices. Where there are none, the tests of folders in `src/dirs.rs` remain, and this one says so.
#[test]
fn what_was_answered_survives_a_power_loss() {
    let root = tempfile::tempdir().unwrap();
    let mut probe = Command::new(OWN_DISK[0]);
    let allowed = probe
        .args(&OWN_DISK[1..])
        .arg(root.path())
        .arg("true")
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        child::not_proved("no disk of our own could be mounted, so no power failed");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let test = "power::child_on_its_own_disk";
    let child = child::command_after(&OWN_DISK, test, root.path()).output();
    child::check(&child.unwrap());
}
