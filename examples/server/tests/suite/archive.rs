//! The embedded deployment with an archive beside its folder, and files that are archived in each deployment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use picora_core::PlanId;
use picora_server::app::App;
use picora_server::config::{Config, Local, Storage};
use picora_storage::ObjectKey;
use picora_testcloud::Vendor;
use picora_tiering::{Guard, Moved, RestoreAck, RestoreSpeed, Restoring, Tier, TierControl};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::sky::Sky;
use crate::start::{gives_up, is_one_sentence};
use crate::world::{Account, World, files_below, gif};

fn archiving(config: &mut Config, archive: &Path, restore_delay_seconds: u64) {
    let local = Some(Local {
        archive_dir: Some(archive.to_path_buf()),
        restore_delay_seconds,
    });
    config.storage = Storage {
        local,
        ..Storage::default()
    };
}

fn tiers(app: &App) -> &dyn TierControl {
    app.parts.files.tiers.as_deref().unwrap()
}

/// Archives it, as the nightly run of an operator would.
async fn archive(app: &App, key: &ObjectKey) {
    let (path, tiers) = (key.to_path(), tiers(app));
    let present = tiers.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.unwrap(),
        size: present.size,
    };
    let moved = tiers.set_tier(&path, Tier::Archive, &guard, &present.headers);
    assert_eq!(moved.await.unwrap(), Moved::Done);
}

async fn restore(app: &App, key: &ObjectKey) -> RestoreAck {
    let path = key.to_path();
    let asked = tiers(app).restore(&path, 1, RestoreSpeed::Expedited);
    asked.await.unwrap()
}

/// A stored image: its key and its address.
async fn stored(world: &World, account: &Account, file: Vec<u8>) -> (ObjectKey, String) {
    let answer = world.upload(account, "/v1/images", file).await;
    let key = ObjectKey::new(account.id, answer.id().parse().unwrap());
    let url = answer.success(201)["url"].as_str().unwrap().to_owned();
    (key, url)
}

async fn read(world: &World, url: &str) -> Answer {
    Answer::to(world.anyone(Method::GET, url)).await
}

/// What a reader is told of a file that is archived: a code and when to come back, and no byte of it.
fn is_told(answer: &Answer, status: u16, code: &str) {
    answer.error(status, code);
    assert_eq!(answer.header("retry-after"), "60", "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    assert!(!answer.bytes.starts_with(b"GIF"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_without_a_delay_is_read_as_before() {
    let disk = tempfile::tempdir().unwrap();
    let world = World::with(|config| archiving(config, disk.path(), 0)).await;
    let account = world.trial().await;
    let (key, url) = stored(&world, &account, gif(5_000)).await;
    let (objects, hot) = (disk.path().join("objects"), world.app.config.objects_dir());
    assert_eq!(files_below(disk.path()).count(), 0);
    archive(&world.app, &key).await;
    assert_eq!(files_below(disk.path()).count(), 1, "on the other disk");
    assert_eq!(files_below(&hot).count(), 0);
    assert!(read(&world, &url).await.bytes == gif(5_000));
    let part = world.anyone(Method::GET, &url).header("Range", "bytes=0-5");
    assert_eq!(Answer::to(part).await.bytes, gif(5_000)[..6]);
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 5_000, "both tiers count");
    let path = format!("/v1/images/{}", key.asset);
    world.delete(&account, path).await.data();
    assert_eq!(files_below(disk.path()).count(), 0, "gone with the answer");
    assert_eq!(read(&world, &url).await.status, 404);
    let place = world.app.parts.files.place();
    assert!(place.contains(disk.path().to_str().unwrap()), "{place}");
    world.app.parts.files.examine().await.unwrap();
    std::fs::remove_dir_all(&objects).unwrap();
    let trouble = world.app.parts.files.examine().await.unwrap_err();
    let told = trouble.to_string();
    assert!(told.contains(disk.path().to_str().unwrap()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_frozen_is_told_restored_read_and_deleted() {
    let disk = tempfile::tempdir().unwrap();
    let world = World::with(|config| archiving(config, disk.path(), 1)).await;
    let account = world.trial().await;
    let (key, url) = stored(&world, &account, gif(5_000)).await;
    let (other, _) = stored(&world, &account, gif(5_001)).await;
    for key in [&key, &other] {
        archive(&world.app, key).await;
    }
    is_told(&read(&world, &url).await, 503, "UNAVAILABLE");
    let part = world.anyone(Method::GET, &url).header("Range", "bytes=0-5");
    is_told(&Answer::to(part).await, 503, "UNAVAILABLE");
    assert_eq!(restore(&world.app, &key).await, RestoreAck::Accepted);
    let restored = async {
        loop {
            let present = tiers(&world.app).probe(&key.to_path()).await.unwrap();
            match present.unwrap().restoring {
                Restoring::ReadableUntil(_) => break,
                Restoring::Ongoing => tokio::time::sleep(Duration::from_millis(50)).await,
                Restoring::No => panic!("it was asked for"),
            }
        }
    };
    let restored = tokio::time::timeout(Duration::from_secs(60), restored);
    restored.await.expect("a second passes");
    assert!(read(&world, &url).await.bytes == gif(5_000));
    for key in [key, other] {
        let path = format!("/v1/images/{}", key.asset);
        world.delete(&account, path).await.data();
    }
    assert_eq!(files_below(disk.path()).count(), 0);
    assert_eq!(
        std::fs::read_dir(disk.path().join("restores"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(read(&world, &url).await.status, 404);
}

/// Also where an operator's own lifecycle rule has archived it, and where restores take hours.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_back_is_told_so() {
    let disk = tempfile::tempdir().unwrap();
    let skies = [Vendor::Oss, Vendor::Cos].map(Sky::of);
    let embedded = |config: &mut Config| archiving(config, disk.path(), 3_600);
    let worlds = [
        World::with(embedded).await,
        World::with(|config| skies[0].deploy(config)).await,
        World::with(|config| skies[1].deploy(config)).await,
    ];
    for world in worlds {
        let account = world.trial().await;
        let (key, url) = stored(&world, &account, gif(5_000)).await;
        archive(&world.app, &key).await;
        is_told(&read(&world, &url).await, 503, "UNAVAILABLE");
        let _ = restore(&world.app, &key).await; // each vendor accepts in words of its own
        is_told(&read(&world, &url).await, 202, "RESTORING");
        let path = format!("/v1/images/{}", key.asset);
        world.delete(&account, path).await.data();
        assert_eq!(read(&world, &url).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_the_folders_share_what_is_archived() {
    let (data, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shared = |config: &mut Config| {
        archiving(config, disk.path(), 3_600);
        config.data_dir = data.path().to_path_buf();
        config.database.shared_folder = true;
    };
    let (one, other) = (World::with(shared).await, World::with(shared).await);
    let account = one.trial().await;
    let (key, url) = stored(&one, &account, gif(5_000)).await;
    let (_, path) = url.split_once("/media/").unwrap();
    let url = other.url(&format!("/media/{path}"));
    assert!(read(&other, &url).await.bytes == gif(5_000));
    archive(&one.app, &key).await;
    is_told(&read(&other, &url).await, 503, "UNAVAILABLE");
    assert_eq!(restore(&other.app, &key).await, RestoreAck::Accepted);
    assert_eq!(restore(&one.app, &key).await, RestoreAck::InProgress);
    is_told(&read(&one, &url).await, 202, "RESTORING");
    is_told(&read(&other, &url).await, 202, "RESTORING");
    let path = format!("/v1/images/{}", key.asset);
    other.delete(&account, path).await.data();
    assert_eq!(files_below(disk.path()).count(), 0);
    assert_eq!(read(&one, &url).await.status, 404);
}

fn lines(archive: &Path) -> String {
    format!("[storage.local]\narchive_dir = {archive:?}\n")
}

/// Uploads an image; its address within the server, and the file that holds it.
async fn uploaded(child: &Child, account: &Account) -> (String, PathBuf) {
    let file = Part::bytes(gif(5_000)).file_name("cat.gif");
    let asked = child.request(account, Method::POST, "/v1/images");
    let answer = Answer::to(asked.multipart(Form::new().part("file", file))).await;
    let key = ObjectKey::new(account.id, answer.id().parse().unwrap());
    let url = answer.success(201)["url"].as_str().unwrap().to_owned();
    let (_, path) = url.split_once("/media/").unwrap();
    (format!("/media/{path}"), PathBuf::from(key.to_string()))
}

/// The folder of an older server goes on as it is, may get an archive, and then has it for good.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_folder_may_get_an_archive_and_then_has_it_for_good() {
    let disks = tempfile::tempdir().unwrap();
    let (disk, empty) = (disks.path().join("archive"), disks.path().join("empty"));
    let child = Place::new("").serve().await;
    let account = child.account(PlanId::Trial);
    let (path, object) = uploaded(&child, &account).await;
    let place = child.kill().await;
    let data = place.data();
    let pair = data.join("objects/pair");
    assert!(!pair.exists(), "without an archive it is as it always was");
    let again = |place: Place, archive: Option<&Path>| {
        let tables = archive.map(lines).unwrap_or_default();
        let text = format!("listen = \"127.0.0.1:0\"\ndata_dir = {data:?}\n{tables}");
        std::fs::write(place.config(), text).unwrap();
        place
    };
    // No server, but a visit, must not pair its folder with a temporary one.
    let toured = again(place, Some(&empty));
    let tour = tokio::task::block_in_place(|| toured.run(&["tour", "--deployed"]));
    assert!(tour.status.success(), "{tour:?}");
    assert!(!pair.exists() && !empty.exists());

    let child = again(toured, Some(&disk)).serve().await;
    let read = async |child: &Child| {
        let url = format!("{}{path}", child.url);
        Answer::to(child.client.get(url)).await
    };
    assert!(read(&child).await.bytes == gif(5_000));
    let place = child.kill().await;
    // By hand, as a move does it.
    let (hot, cold) = (
        data.join("objects/objects").join(&object),
        disk.join("objects").join(&object),
    );
    std::fs::create_dir_all(cold.parent().unwrap()).unwrap();
    std::fs::copy(&hot, &cold).unwrap();
    // A shadow that a killed process left goes with the next start.
    let child = again(place, Some(&disk)).serve().await;
    let swept = async {
        while cold.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let swept = tokio::time::timeout(Duration::from_secs(60), swept);
    swept.await.expect("the start sweeps");
    assert!(read(&child).await.bytes == gif(5_000));
    let place = child.kill().await;
    std::fs::create_dir_all(cold.parent().unwrap()).unwrap();
    std::fs::rename(&hot, &cold).unwrap();
    let child = again(place, Some(&disk)).serve().await;
    assert!(read(&child).await.bytes == gif(5_000));
    let place = child.kill().await;

    let told = |place: &Place, names: &[&str]| {
        tokio::task::block_in_place(|| {
            gives_up(place, &[], names);
            is_one_sentence(&place.run(&["storage", "check"]), names);
            let doctor = place.run(&["doctor"]);
            let text = String::from_utf8(doctor.stdout).unwrap();
            assert_eq!(doctor.status.code(), Some(1), "{text}");
            assert!(names.iter().all(|name| text.contains(name)), "{text}");
        });
    };
    let place = again(place, None);
    told(&place, &["has an archive", "storage.local.archive_dir"]);
    let place = again(place, Some(&empty));
    told(&place, &["is not the archive of", "mounted"]);
    assert!(!empty.exists(), "it was not taken for an archive");
    let child = again(place, Some(&disk)).serve().await;
    assert!(read(&child).await.bytes == gif(5_000));
    let doctor = tokio::task::block_in_place(|| child.place.run(&["doctor"]));
    assert!(doctor.status.success(), "{doctor:?}");
    let other = Place::new(&lines(&disk));
    let folder = disk.to_str().unwrap().to_owned();
    tokio::task::block_in_place(|| {
        gives_up(&other, &[], &[&folder, "is in use by another server"])
    });
}

#[test]
fn an_archive_makes_sense() {
    let place = |text: &str| Place::new(text);
    let objects = |place: &Place| place.data().join("objects");
    for (text, names) in [
        (
            "[storage.local]\nrestore_delay_seconds = 60\n",
            &["storage.local.restore_delay_seconds", "archive_dir"][..],
        ),
        (
            "[storage.local]\narchive_dir = \"a\"\nrestore_delay_seconds = 172801\n",
            &["storage.local.restore_delay_seconds", "172800"],
        ),
        (
            "[storage.local]\narchive_dir = \"\"\n",
            &["storage.local.archive_dir", "name a folder"],
        ),
        ("[storage.local]\narchive = \"a\"\n", &["archive"]),
        (
            "deployment = \"global\"\n[storage.local]\narchive_dir = \"a\"\n",
            &["`storage.local` is of the deployment `embedded`"],
        ),
        (
            "[storage.local]\narchive_dir = \"/proc/nowhere\"\n",
            &["/proc/nowhere"],
        ),
    ] {
        gives_up(&place(text), &[], names);
    }
    let within = place("");
    for archive in [objects(&within), objects(&within).join("objects/archive")] {
        let place = place(&lines(&archive));
        let data = within.data();
        let arguments = ["--data-dir", data.to_str().unwrap()];
        gives_up(&place, &arguments, &["lie in one another"]);
    }
}
