//! Stopping in order.

use std::time::Duration;

use picora_core::PlanId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bad_form::{FORM, form, part};
use crate::child::Place;
use crate::world::gif;

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
