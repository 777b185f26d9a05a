//! The same server in each deployment: its bytes are in the bucket, and nowhere else.

use std::time::Duration;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use picora_core::PlanId;
use picora_storage::ObjectKey;
use picora_testcloud::{Fault, Vendor};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};

use crate::answer::Answer;
use crate::child::Place;
use crate::sky::{OWNER, Sky};
use crate::world::{World, files_below, gif};

/// Each check in each cloud, under a name of its own.
macro_rules! in_each_cloud {
    ($($check:ident),* $(,)?) => {
        mod cos { $( #[tokio::test(flavor = "multi_thread")] async fn $check() { super::$check(super::Vendor::Cos).await; } )* }
        mod oss { $( #[tokio::test(flavor = "multi_thread")] async fn $check() { super::$check(super::Vendor::Oss).await; } )* }
        mod r2 { $( #[tokio::test(flavor = "multi_thread")] async fn $check() { super::$check(super::Vendor::R2).await; } )* }
    };
}

in_each_cloud![
    bytes_are_in_the_bucket,
    the_tour_passes,
    what_the_store_loses_is_nobodys,
    while_it_is_away_nothing_is_made_up,
    a_process_serves_from_it,
];

async fn bytes_are_in_the_bucket(vendor: Vendor) {
    let sky = Sky::of(vendor);
    let world = World::with(|config| sky.deploy(config)).await;
    let account = world.account(PlanId::Pro).await;
    // One that is put whole, and one that is sent in parts.
    for (bytes, operation) in [(1_000, "PutObject"), (9 << 20, "UploadPart")] {
        let (file, before) = (numbered(bytes), sky.asked(operation));
        let stored = world.upload(&account, "/v1/images", file.clone()).await;
        let (id, data) = (stored.id(), stored.success(201));
        assert!(sky.asked(operation) > before, "{operation}");
        let key = ObjectKey::new(account.id, id.parse().unwrap()).to_path();
        let held = sky.store().get(&key).await.unwrap().bytes().await.unwrap();
        assert!(held == file, "stored bytes are the uploaded bytes (#65)");

        let last = bytes - 1;
        for (range, from, to) in [
            ("bytes=6-9".to_owned(), 6, 10),
            (format!("bytes={last}-"), last, bytes),
            ("bytes=-500".to_owned(), bytes - 500, bytes),
        ] {
            let asked = world.anyone(Method::GET, data["url"].as_str().unwrap());
            let answer = Answer::to(asked.header("Range", &range)).await;
            assert_eq!(answer.status, 206, "{range}");
            assert!(answer.bytes == file[from..to], "{range}");
        }
        let whole = world.anyone(Method::GET, data["url"].as_str().unwrap());
        assert!(Answer::to(whole).await.bytes == file);

        let path = format!("/v1/images/{id}");
        world.delete(&account, path).await.data();
        assert_eq!(sky.keys().await, [OWNER], "gone with the answer");
        let gone = world.anyone(Method::GET, data["url"].as_str().unwrap());
        assert_eq!(Answer::to(gone).await.status, 404);
    }
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 0);
    let folder = world.app.config.objects_dir();
    assert!(!folder.exists(), "nothing is kept on this machine");
    assert_eq!(files_below(&folder).count(), 0);
    assert_eq!(sky.cloud.surprises(), Vec::<String>::new());
}

/// The store takes the first part and loses the others: quota is given back, nothing is served, and the parts are given up.
async fn what_the_store_loses_is_nobodys(vendor: Vendor) {
    let sky = Sky::of(vendor);
    let world = World::with(|config| sky.deploy(config)).await;
    let account = world.account(PlanId::Pro).await;
    let (chunks, body) = tokio::sync::mpsc::channel::<Bytes>(1);
    let body = futures::stream::unfold(body, |mut body| async {
        let chunk = body.recv().await?;
        Some((Ok::<_, std::io::Error>(chunk), body))
    });
    let part = Part::stream(Body::wrap_stream(body)).file_name("cat.gif");
    let asked = world.request(&account, Method::POST, "/v1/images");
    let asked = asked.multipart(Form::new().part("file", part));
    let answer = tokio::spawn(Answer::to(asked));
    chunks.send(gif(9 << 20).into()).await.unwrap();
    let first_part = async {
        while sky.asked("UploadPart") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let sent = tokio::time::timeout(Duration::from_secs(60), first_part);
    sent.await.expect("a part is sent when more follows");
    for _ in 0..20 {
        sky.cloud.faults().script("UploadPart", Fault::Drop);
    }
    chunks.send(vec![0x2a; 9 << 20].into()).await.unwrap();
    drop(chunks);
    answer.await.unwrap().error(503, "UNAVAILABLE");
    world.nothing_is_left(&account).await;
    let listed = world.get(&account, "/v1/images").await.data();
    assert_eq!(listed["items"], serde_json::json!([]));
    assert_eq!(sky.keys().await, [OWNER]);
    assert_eq!(
        sky.asked("AbortMultipartUpload"),
        1,
        "its parts cost nothing"
    );
    assert!(sky.asked("UploadPart") > 2, "it was tried again");
}

/// Reading is 503 and not "there is none"; what is deleted is gone at once, and its bytes when the store is back.
async fn while_it_is_away_nothing_is_made_up(vendor: Vendor) {
    let sky = Sky::of(vendor);
    let world = World::with(|config| sky.deploy(config)).await;
    let account = world.trial().await;
    let stored = world.upload(&account, "/v1/images", gif(1_000)).await;
    let url = stored.success(201)["url"].as_str().unwrap().to_owned();
    let away = |operation| {
        for _ in 0..20 {
            sky.cloud.faults().script(operation, Fault::Drop);
        }
    };
    ["GetObject", "PutObject", "DeleteObject"]
        .into_iter()
        .for_each(away);
    let unread = Answer::to(world.anyone(Method::GET, &url)).await;
    unread.error(503, "UNAVAILABLE");
    let lost = world.upload(&account, "/v1/images", gif(2_000)).await;
    lost.error(503, "UNAVAILABLE");
    Answer::to(world.anyone(Method::GET, "/health/ready"))
        .await
        .data();
    let path = format!("/v1/images/{}", stored.id());
    world.delete(&account, path).await.data();
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 0);
    assert_eq!(sky.keys().await.len(), 2, "the bytes are still there");
    let gone = Answer::to(world.anyone(Method::GET, &url)).await;
    assert_eq!(gone.status, 404);
    let condemned = async || world.app.media.store().condemned(9).await.unwrap();
    for _ in 0..20 {
        picora_server::jobs::tidy(world.app.clone()).await; // some attempts meet what is left of the outage
        if condemned().await.is_empty() {
            break;
        }
    }
    assert_eq!(
        (sky.keys().await, condemned().await),
        (vec![OWNER.to_owned()], vec![])
    );
    let usage = world.usage(&account).await;
    assert_eq!(
        usage["uploads"]["day"]["used"], 1,
        "what was lost does not count"
    );
}

/// As `serve` runs it: what it says, what it leaves, and who else may have its bucket.
async fn a_process_serves_from_it(vendor: Vendor) {
    let sky = Sky::of(vendor);
    let place = Place::new(&sky.lines(&[]));
    let first_output = {
        let output = place.run(&["storage", "check", "--json"]);
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let told: serde_json::Value = serde_json::from_slice(&first_output).unwrap();
    assert_eq!(told["deployment"], sky.deployment().name());
    assert_eq!(told["trouble"], serde_json::Value::Null);
    assert_eq!(sky.keys().await, Vec::<String>::new(), "it leaves nothing");
    let child = place.serve().await;
    let account = child.account(PlanId::Trial);
    let file = Part::bytes(gif(5_000)).file_name("cat.gif");
    let asked = child.request(&account, Method::POST, "/v1/images");
    let stored = Answer::to(asked.multipart(Form::new().part("file", file))).await;
    let key = ObjectKey::new(account.id, stored.id().parse().unwrap());
    let url = stored.success(201)["url"].as_str().unwrap().to_owned();
    let served = Answer::to(child.client.get(url)).await;
    assert!(served.bytes == gif(5_000));
    assert_eq!(sky.keys().await, [key.to_string(), OWNER.to_owned()]);
    let doctor = child.place.run(&["doctor"]);
    assert!(doctor.status.success(), "{doctor:?}");

    // Its folder is its own, and so is its bucket, for others have another key, and those with its key another database.
    let data = child.place.data();
    let other = Place::new(&sky.lines(&[]));
    let (folder, in_use) = (data.to_str().unwrap(), "is in use by another server");
    tokio::task::block_in_place(|| {
        crate::start::gives_up(&other, &["--data-dir", folder], &[folder, in_use]);
        crate::start::gives_up(&other, &[], &["is another server's", OWNER, "signing.key"]);
    });
    std::fs::copy(data.join("signing.key"), other.data().join("signing.key")).unwrap();
    tokio::task::block_in_place(|| {
        crate::start::gives_up(
            &other,
            &[],
            &["of another database", OWNER, "`database.url`"],
        );
    });

    child.terminate();
    let (status, log, place) = child.ended().await;
    assert!(status.success(), "{log}");
    let name = format!("deployment=\"{}\"", sky.deployment().name());
    let bucket = format!("the bucket {} of", sky.bucket().bucket);
    assert!(log.contains(&name) && log.contains(&bucket), "{log}");
    place.serve().await; // it knows its bucket again
}

async fn the_tour_passes(vendor: Vendor) {
    let sky = Sky::of(vendor);
    // The bucket of a living server, which must not notice.
    let theirs = "media/acc_00000000000000000000000000/img_00000000000000000000000000";
    for (key, held) in [(OWNER, "somebody's"), (theirs, "a photo")] {
        sky.store().put(&key.into(), held.into()).await.unwrap();
    }
    let place = Place::new(&sky.lines(&[]));
    let toured = tokio::task::spawn_blocking(move || place.run(&["tour", "--deployed"]));
    let toured = toured.await.unwrap();
    let told = String::from_utf8_lossy(&toured.stdout);
    assert!(toured.status.success(), "{told}\n{toured:?}");
    assert!(
        told.contains(" of ") && told.contains(" 0 broken."),
        "{told}"
    );
    assert!(sky.asked("UploadPart") > 10, "its files were here");
    assert_eq!(sky.keys().await, [theirs, OWNER], "and are here no more");
}

/// Every four bytes tell their place.
fn numbered(bytes: usize) -> Vec<u8> {
    let mut file = gif(8);
    file.extend(
        (2..)
            .flat_map(|place: u32| place.to_be_bytes())
            .take(bytes - 8),
    );
    file
}

/// With its database lost, or another one's in its place, a server does not take the files for nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_folder_knows_its_database() {
    let stop = async |child: crate::child::Child| {
        child.terminate();
        child.ended().await.2
    };
    // What a process has written may still be in the log beside the file.
    let moved = |from: &std::path::Path, to: &std::path::Path| {
        for name in ["picora.sqlite", "picora.sqlite-wal", "picora.sqlite-shm"] {
            if from.join(name).exists() {
                std::fs::rename(from.join(name), to.join(name)).unwrap();
            }
        }
    };
    let place = stop(Place::new("").serve().await).await;
    let (data, safe, lost) = (place.data(), place.path().join("a"), place.path().join("b"));
    std::fs::create_dir(&safe).unwrap();
    std::fs::create_dir(&lost).unwrap();
    moved(&data, &safe);
    let folder = place.data().join("objects").display().to_string();
    let names = [&folder, "of another database", OWNER, "`data_dir`"];
    tokio::task::block_in_place(|| crate::start::gives_up(&place, &[], &names));
    moved(&data, &lost); // the empty one that the server made
    moved(&safe, &data);
    let place = stop(place.serve().await).await; // the one that knows the files

    // A mark of an older version names the server alone, and is completed.
    let mark = place.data().join("objects/objects").join(OWNER);
    let whole = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, &whole[..32]).unwrap();
    let place = stop(place.serve().await).await;
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), whole);
    std::fs::write(&mark, "somebody's").unwrap();
    let names = [&folder[..], "is another server's", OWNER];
    tokio::task::block_in_place(|| crate::start::gives_up(&place, &[], &names));
}

/// Two servers with one database but other files would each take the other's uploads for lost.
#[tokio::test(flavor = "multi_thread")]
async fn one_database_has_one_server_whatever_its_deployment() {
    let sky = Sky::of(Vendor::R2);
    let child = Place::new("").serve().await;
    let other = Place::new(&sky.lines(&[]));
    let folder = child.place.data().to_str().unwrap().to_owned();
    let names = [&folder[..], "is in use by another server"];
    let arguments = ["--data-dir", &folder];
    tokio::task::block_in_place(|| crate::start::gives_up(&other, &arguments, &names));
    // Nor one after the other without a word.
    let account = child.account(PlanId::Trial);
    let asked = child.request(&account, Method::POST, "/v1/images");
    let file = Part::bytes(gif(5_000)).file_name("cat.gif");
    let stored = Answer::to(asked.multipart(Form::new().part("file", file))).await;
    stored.success(201);
    child.terminate();
    let (_, log, _place) = child.ended().await;
    assert!(!log.contains("this database knows files"), "{log}");
    let mut command = other.command();
    command.args(arguments);
    let elsewhere = other.serve_as(command).await;
    elsewhere.terminate();
    let (_, log, _) = elsewhere.ended().await;
    assert!(log.contains("this database knows files"), "{log}");
}

/// A folder is looked at, too, unless a server has it.
#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_folder_is_looked_at() {
    let place = Place::new("");
    let check = |place: &Place| {
        let output = place.run(&["storage", "check"]);
        let told = String::from_utf8(output.stdout.clone()).unwrap();
        (output, told)
    };
    let (output, told) = check(&place);
    let folder = place.data().join("objects").display().to_string();
    assert!(
        output.status.success() && told.contains(&folder),
        "{output:?}"
    );
    let child = place.serve().await;
    let (output, _) = check(&child.place);
    crate::start::is_one_sentence(&output, &[&folder, "is in use by another server"]);
}
