//! Clients that misbehave below HTTP's own words: slow, gone, half closed, garbled.

use std::time::Duration;

use picora_core::MediaKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bad_form::{FORM, form, part};
use crate::world::{Account, World, gif};

/// Sends bytes as they are and reads one answer, or what comes before the server closes.
async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let _ = stream.write_all(bytes).await; // a refusal may come before the last byte went
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let all = async {
        while !is_whole(&answer)
            && stream
                .read_buf(&mut answer)
                .await
                .is_ok_and(|read| read > 0)
        {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether an answer has come to the length that it tells.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn head(by: &Account, path: &str, more: &str) -> Vec<u8> {
    let secret = &by.secret;
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {secret}\r\nContent-Type: {FORM}\r\n{more}\r\n").into_bytes()
}

/// The beginning of an upload that promises more than it sends.
fn begun(by: &Account, bytes: usize) -> Vec<u8> {
    let mut request = head(by, "/v1/images", "Content-Length: 1000000\r\n");
    let whole = form(&[part(r#"name="file""#, &gif(bytes))]);
    request.extend(&whole[..whole.len() - 9]);
    request
}

/// The code in an answer's text, with the request's id in header and body.
fn is_refused(answer: &str, status: u16, code: &str) {
    let line = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&line), "{answer}");
    assert!(answer.contains(&format!(r#""code":"{code}""#)), "{answer}");
    let id = answer.split("x-request-id: ").nth(1).unwrap();
    let id = id.split("\r\n").next().unwrap();
    let told = format!(r#""requestId":"{id}"}}"#);
    assert!(answer.ends_with(&told), "{answer}");
}

/// Waits until an upload holds something, so that what follows hits it under way.
async fn is_under_way(world: &World) {
    for _ in 0..250 {
        let store = world.app.media.store();
        let all = store.overdue(9, picora_core::Timestamp::MAX).await.unwrap();
        if all.iter().any(|it| it.asset.kind() == MediaKind::Image) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no upload came under way");
}

#[tokio::test]
async fn a_client_that_pauses_too_long_is_refused() {
    let world = World::with(|config| config.uploads.idle_timeout_seconds = 2).await;
    let account = world.trial().await;
    let began = tokio::time::Instant::now();
    let answer = exchange(&world, &begun(&account, 20_000)).await;
    is_refused(&answer, 400, "INVALID_REQUEST");
    assert!(answer.contains("in time"), "{answer}");
    assert!((2..20).contains(&began.elapsed().as_secs()));
    world.nothing_is_left(&account).await;
    // One that is slow without pausing is not.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let whole = form(&[part(r#"name="file""#, &gif(100))]);
    let length = format!("Content-Length: {}\r\n", whole.len());
    let request = head(&account, "/v1/images", &length);
    stream.write_all(&request).await.unwrap();
    for piece in whole.chunks(whole.len() / 4) {
        tokio::time::sleep(Duration::from_millis(600)).await;
        stream.write_all(piece).await.unwrap();
    }
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn a_json_body_that_pauses_is_refused_too() {
    let world = World::with(|config| config.uploads.idle_timeout_seconds = 1).await;
    let account = world.trial().await;
    let request = head(&account, "/v1/images/unknown", "Content-Length: 100\r\n");
    let request = [b"PATCH", &request[4..], b"{"].concat();
    let answer = exchange(&world, &request).await;
    is_refused(&answer, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_client_that_goes_away_gives_all_back_at_once() {
    let world = World::start().await;
    for bytes in [5_000, 500_000] {
        let account = world.trial().await;
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&begun(&account, bytes)).await.unwrap();
        is_under_way(&world).await;
        drop(stream);
        world.nothing_is_left(&account).await;
    }
}

#[tokio::test]
async fn a_half_closed_client_has_sent_what_it_has_sent() {
    let world = World::start().await;
    let account = world.trial().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&begun(&account, 5_000)).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = read(&mut stream).await; // an answer or none: the upload is over either way
    world.nothing_is_left(&account).await;

    let whole = form(&[part(r#"name="file""#, &gif(100))]);
    let length = format!("Content-Length: {}\r\n", whole.len());
    let request = [head(&account, "/v1/images", &length), whole].concat();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = read(&mut stream).await;
    let usage = world.usage(&account).await;
    let (used, counted) = (
        &usage["image"]["storage"]["used"],
        &usage["uploads"]["day"]["used"],
    );
    let both = (used.as_u64().unwrap(), counted.as_u64().unwrap());
    assert!(
        [(0, 0), (100, 1)].contains(&both),
        "whole or nothing: {usage}"
    );
}

#[tokio::test]
async fn chunks_are_read_as_the_wire_has_them() {
    let world = World::start().await;
    let account = world.trial().await;
    let whole = form(&[part(r#"name="file""#, &gif(50))]);
    let chunked: Vec<u8> = whole
        .chunks(1)
        .flat_map(|byte| [b"1\r\n", byte, b"\r\n"].concat())
        .collect();
    let start = head(&account, "/v1/images", "Transfer-Encoding: chunked\r\n");
    let good = [&start[..], &chunked, b"0\r\n\r\n"].concat();
    let answer = exchange(&world, &good).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let id = answer.split(r#""id":""#).nth(1).unwrap()[..30].to_owned();
    world
        .delete(&account, format!("/v1/images/{id}"))
        .await
        .data();
    let other = world.trial().await;
    let start = head(&other, "/v1/images", "Transfer-Encoding: chunked\r\n");
    for tail in [&b"zz\r\n"[..], b"5\r\nab"] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let request = [&start[..], &chunked[..chunked.len() - 60], tail].concat();
        stream.write_all(&request).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read(&mut stream).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    world.nothing_is_left(&other).await;
}

#[tokio::test]
async fn heads_that_are_none_are_refused() {
    let world = World::start().await;
    let account = world.trial().await;
    let long = "x".repeat(600_000);
    let two_lengths = head(
        &account,
        "/v1/images",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
    );
    let both = "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n";
    for request in [
        format!("GET /v1/images HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").into_bytes(),
        format!(
            "GET /v1/images HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X: y\r\n".repeat(200)
        )
        .into_bytes(),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(70_000)).into_bytes(),
        b"nonsense\r\n\r\n".to_vec(),
        two_lengths,
        [head(&account, "/v1/images", both), b"0\r\n\r\n".to_vec()].concat(),
        [&[0x16, 3, 1, 2, 0][..], &[0; 200]].concat(), // somebody speaks TLS to it
    ] {
        let answer = exchange(&world, &request).await;
        let status = answer.split(' ').nth(1).unwrap_or("closed");
        let refused = ["closed", "400", "414", "431"].contains(&status);
        assert!(refused, "{status}: {answer}");
    }
    // Afterwards it serves as before; a large head that fits is no harm.
    let request = world.request(&account, reqwest::Method::GET, "/v1/images");
    let request = request.header("X-Large", "z".repeat(30_000));
    crate::answer::Answer::to(request).await.data();
    world.nothing_is_left(&account).await;
}
