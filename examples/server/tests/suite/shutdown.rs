//! Stopping in order.

use std::time::Duration;

use picora_core::{Dimension, PlanId, Timestamp};
use picora_media::Catalogue;
use picora_quota::Ledger;
use picora_sql::SqlStore;
use picora_testcloud::{Fault, Vendor};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bad_form::{FORM, form, part};
use crate::child::{Child, Place};
use crate::sky::Sky;
use crate::world::{Account, gif};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_finished_and_what_was_sent_is_written_down() {
    let child = Place::new("[jobs]\nfold_seconds = 3600\n").serve().await;
    let account = child.account(PlanId::Trial);
    let whole = form(&[part(r#"name="file""#, &gif(200_000))]);
    let (begin, rest) = whole.split_at(100_000);
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
        account.secret,
        whole.len()
    );
    let first = child.request(&account, reqwest::Method::POST, "/v1/images");
    let stored = reqwest::multipart::Part::bytes(gif(7_000));
    let stored = first.multipart(reqwest::multipart::Form::new().part("file", stored));
    let stored = crate::answer::Answer::to(stored).await.success(201);
    let shown = child
        .client
        .get(stored["url"].as_str().unwrap())
        .send()
        .await;
    assert_eq!(shown.unwrap().bytes().await.unwrap().len(), 7_000);

    let mut idle = TcpStream::connect(child.address()).await.unwrap();
    let mut stream = TcpStream::connect(child.address()).await.unwrap();
    stream
        .write_all(&[head.as_bytes(), begin].concat())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    child.terminate();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = TcpStream::connect(child.address()).await;
    assert!(refused.is_err(), "it takes nobody new");
    stream.write_all(rest).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), end)
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (status, log, place) = child.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("cut off"), "{log}");
    let nothing = idle.read(&mut [0; 9]).await;
    assert_eq!(nothing.unwrap_or(0), 0, "an idle connection was closed");

    let child = place.serve().await;
    let usage = child.get(&account, "/v1/user/me/usage").await.data();
    assert_eq!(usage["image"]["storage"]["used"], 207_000);
    assert_eq!(usage["image"]["bandwidth"]["used"], 7_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_does_not_end_is_cut_off_in_time() {
    let config =
        "[jobs]\ndrain_seconds = 1\ntidy_seconds = 1\n[uploads]\nreservation_ttl_seconds = 2\n";
    let child = Place::new(config).serve().await;
    let account = child.account(PlanId::Trial);
    let mut stream = TcpStream::connect(child.address()).await.unwrap();
    let whole = part(r#"name="file""#, &gif(100_000)); // and no end
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\nContent-Length: 900000\r\n\r\n",
        account.secret
    );
    stream
        .write_all(&[head.as_bytes(), &whole].concat())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    child.terminate();
    let (status, log, place) = child.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    let child = place.serve().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let usage = child.get(&account, "/v1/user/me/usage").await.data();
    assert_eq!(usage["image"]["storage"]["used"], 0);
    let files: Vec<_> = crate::world::files_below(&child.place.data().join("objects")).collect();
    assert!(files.is_empty(), "{files:?}");
}

/// A store that hangs keeps neither the quota of others nor the end of the process, and what was served is written down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_keeps_nothing_else() {
    let sky = Sky::of(Vendor::R2);
    let jobs = "[jobs]\ndrain_seconds = 1\nfold_seconds = 3600\ntidy_seconds = 1\n";
    let lines = sky.lines(&[]);
    let config = format!("{lines}{jobs}[uploads]\nreservation_ttl_seconds = 2\n");
    let child = Place::new(&config).serve().await;
    let account = child.account(PlanId::Trial);
    let shown = uploaded(&child, &account).await;
    let served = child.client.get(shown["url"].as_str().unwrap()).send();
    assert_eq!(served.await.unwrap().bytes().await.unwrap().len(), 7_000);
    for _ in 0..40 {
        let hang = Fault::Hang(Duration::from_secs(600));
        sky.cloud.faults().script("DeleteObject", hang);
    }
    let before = sky.asked("DeleteObject");
    let path = format!("/v1/images/{}", shown["id"].as_str().unwrap());
    let removed = child.request(&account, Method::DELETE, &path);
    drop(removed.timeout(Duration::from_secs(1)).send().await);
    until("the janitor asks, too", async || {
        sky.asked("DeleteObject") > before + 1
    })
    .await;

    let stream = stalled(&child, &account).await;
    let store = SqlStore::sqlite(child.place.data().join("picora.sqlite")).await;
    let store = store.unwrap();
    let open = async || store.overdue(9, Timestamp::MAX).await.unwrap().len();
    until("the upload has begun", async || open().await == 1).await;
    until("its quota is given back", async || open().await == 0).await;

    child.terminate();
    let (status, log, _place) = child.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    drop(stream);
    let now = picora_core::Clock::now(&picora_server::system::SystemClock);
    let usage = store.usage(account.id, now).await.unwrap();
    let bandwidth = usage
        .iter()
        .find(|line| line.dimension == Dimension::ImgBandwidth);
    assert_eq!(bandwidth.unwrap().cell.used.get(), 7_000, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let child = Place::new("[jobs]\ndrain_seconds = 600\n").serve().await;
    let account = child.account(PlanId::Trial);
    let stream = stalled(&child, &account).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    child.terminate();
    until("it takes nobody new", async || {
        TcpStream::connect(child.address()).await.is_err()
    })
    .await;
    child.terminate();
    let (status, log, _place) = child.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("a second signal"), "{log}");
    drop(stream);
}

async fn uploaded(child: &Child, account: &Account) -> serde_json::Value {
    let asked = child.request(account, Method::POST, "/v1/images");
    let file = reqwest::multipart::Part::bytes(gif(7_000));
    let asked = asked.multipart(reqwest::multipart::Form::new().part("file", file));
    crate::answer::Answer::to(asked).await.success(201)
}

/// An upload whose client says no more.
async fn stalled(child: &Child, account: &Account) -> TcpStream {
    let mut stream = TcpStream::connect(child.address()).await.unwrap();
    let begin = part(r#"name="file""#, &gif(100_000));
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\nContent-Length: 900000\r\n\r\n",
        account.secret
    );
    let sent = [head.as_bytes(), &begin].concat();
    stream.write_all(&sent).await.unwrap();
    stream
}

/// Waits for it, well below what a store that hangs would make it wait.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in vain: {what}");
}
