//! Data folders that become full or read-only under a running server.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use picora_core::PlanId;
use reqwest::Method;
use reqwest::multipart::{Form, Part};

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::world::{Account, gif};

const CONFIG: &str = "[uploads]\nreservation_ttl_seconds = 3\n[jobs]\ntidy_seconds = 1\nfold_seconds = 1\n\
    [rate_limits]\nupload = { per_minute = 6000, burst = 600 }\n";

/// Runs the server in a mount namespace of its own, whose data folder is a disk of 24 MB.
fn on_a_small_disk(place: &Place) -> Command {
    let mut command = Command::new("unshare");
    let script = r#"mkdir -p "$0" && mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@""#;
    command.args(["-rm", "sh", "-c", script]).arg(place.data());
    command.arg(env!("CARGO_BIN_EXE_picora-server"));
    command.arg("--config").arg(place.config());
    command
}

/// Says past the harness what this machine does not let a test try; where the whole test command runs, nothing may go unproved.
fn mounts_are_allowed() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = Command::new("unshare");
    probe
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(folder.path());
    let allowed = probe.output().is_ok_and(|output| output.status.success());
    if !allowed {
        let reason = "mounts are forbidden, so no disk was full and none read-only";
        assert!(
            std::env::var_os("PICORA_REAL_SERVERS").is_none(),
            "{reason}"
        );
        let line = format!("NOT PROVED HERE: {reason}\n"); // past the harness, which would keep it to itself
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    allowed
}

/// Runs a piece of shell where the server's mounts are; `$0` is its data folder.
fn beside(child: &Child, script: &str) {
    let mut command = Command::new("nsenter");
    command.args([
        "-U",
        "-m",
        "--preserve-credentials",
        "-t",
        &child.id().to_string(),
    ]);
    command.args(["sh", "-c", script]).arg(child.place.data());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
}

/// The account that the server made on its first start cannot be asked for, so one is made beside it.
fn account_beside(child: &Child) -> Account {
    let mut command = Command::new("nsenter");
    command.args([
        "-U",
        "-m",
        "--preserve-credentials",
        "-t",
        &child.id().to_string(),
    ]);
    let binary: &Path = env!("CARGO_BIN_EXE_picora-server").as_ref();
    command
        .arg(binary)
        .arg("--config")
        .arg(child.place.config());
    command.args(["account", "create", "--json", "--plan", PlanId::Pro.name()]);
    let output = command.output().unwrap();
    Account::of_json(&output)
}

async fn upload(child: &Child, by: &Account, bytes: usize) -> Answer {
    let form = Form::new().part("file", Part::bytes(gif(bytes)));
    let request = child.request(by, Method::POST, "/v1/images");
    Answer::to(request.multipart(form)).await
}

/// Refused as unavailable, whatever is asked; and what was stored can still be read.
async fn works_as_far_as_it_can(child: &Child, by: &Account, stored: &str, bytes: usize) {
    for bytes in [bytes, 6] {
        let refused = upload(child, by, bytes).await;
        let wait = refused.error(503, "UNAVAILABLE")["retryAfterSec"].clone();
        assert!(wait.as_u64().unwrap() >= 1);
    }
    let listed = child.get(by, "/v1/images").await.data();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let media = Answer::to(child.client.get(stored)).await;
    assert_eq!((media.status, media.bytes.len()), (200, 1_000_000));
    child.get(by, "/v1/user/me/usage").await.data();
    let health = Answer::to(child.client.get(format!("{}/health", child.url))).await;
    assert_eq!(health.status, 200);
}

/// What was refused is not charged, and what is left of it goes, once there is space again.
async fn is_whole_again(child: &Child, by: &Account) {
    tokio::time::sleep(Duration::from_secs(6)).await; // a reservation's life, and a run of the janitor
    let usage = child.get(by, "/v1/user/me/usage").await.data();
    assert_eq!(usage["image"]["storage"]["used"], 1_000_000);
    let before = usage["uploads"]["day"]["used"].as_u64().unwrap();
    let stored = upload(child, by, 5_000_000).await;
    stored.success(201);
    let usage = child.get(by, "/v1/user/me/usage").await.data();
    assert_eq!(usage["image"]["storage"]["used"], 6_000_000);
    assert_eq!(usage["uploads"]["day"]["used"], before + 1);
    let objects = "test $(find \"$0/objects/objects/media\" -type f | wc -l) = 2";
    beside(child, objects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_a_read_only_one() {
    if !mounts_are_allowed() {
        return;
    }
    let place = Place::new(CONFIG);
    let command = on_a_small_disk(&place);
    let child = place.serve_as(command).await;
    let account = account_beside(&child);
    let first = upload(&child, &account, 1_000_000).await.success(201);
    let stored = first["url"].as_str().unwrap();

    // Too large for what is left, while the database may still have its pages.
    let refused = upload(&child, &account, 30_000_000).await;
    refused.error(503, "UNAVAILABLE");
    // Not a byte is left, for the database neither.
    beside(&child, r#"cat /dev/zero > "$0/filler" 2>/dev/null; true"#);
    works_as_far_as_it_can(&child, &account, stored, 5_000_000).await;
    beside(&child, r#"rm "$0/filler""#);
    is_whole_again(&child, &account).await;
    let counted = child.get(&account, "/v1/user/me/usage").await.data();
    assert_eq!(
        counted["uploads"]["day"]["used"], 2,
        "one before, one after"
    );

    // Read-only over the files; the database was opened before, and goes on.
    let (large, objects) = (newest(&child, &account).await, r#""$0/objects""#);
    let path = format!("/v1/images/{large}");
    let over = format!("mount --bind {objects} {objects} && mount -o remount,bind,ro {objects}");
    beside(&child, &over);
    let removed = Answer::to(child.request(&account, Method::DELETE, &path)).await;
    removed.data(); // its bytes go when they can
    works_as_far_as_it_can(&child, &account, stored, 5_000_000).await;
    beside(&child, &format!("umount {objects}"));
    is_whole_again(&child, &account).await;
    child.terminate();
    let (status, log, _) = child.ended().await;
    assert!(status.success(), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

async fn newest(child: &Child, by: &Account) -> String {
    let listed = child.get(by, "/v1/images?limit=1").await.data();
    listed["items"][0]["id"].as_str().unwrap().to_owned()
}
