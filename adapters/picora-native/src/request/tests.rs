//! Tries, pauses and deadlines, in virtual time.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use http::Method;
use tokio::time::Instant;

use crate::answer::pieces;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::scripted::{Scripted, Turn};

const FINE: Turn = Turn::Answer(200, &[], "");
const BUSY: Turn = Turn::Answer(503, &[], "<Error><Code>ServiceUnavailable</Code></Error>");

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A request that must not be done twice.
fn once() -> Ask {
    Ask::new(Method::PUT, "photo")
}

fn look() -> Ask {
    Ask::new(Method::HEAD, "photo")
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_and_what_stands_is_not() {
    for turn in [
        BUSY,
        Turn::Answer(429, &[], ""),
        Turn::Answer(408, &[], ""),
        Turn::Answer(400, &[], "<Error><Code>RequestTimeout</Code></Error>"),
        Turn::Breaks,
        Turn::Refuses,
    ] {
        let server = Scripted::new([turn, FINE]);
        server.wire(|_| {}).send(&look()).await.unwrap();
        assert_eq!(server.asked().len(), 2);
    }
    for status in [301, 400, 403, 405, 409, 412, 501] {
        let server = Scripted::new([Turn::Answer(status, &[], ""), FINE]);
        let failed = server.wire(|_| {}).send(&look()).await.unwrap_err();
        assert_eq!(failed.failure.status(), Some(status));
        assert_eq!(server.asked().len(), 1);
    }
    let server = Scripted::new([BUSY]);
    let failed = server.wire(|_| {}).send(&look()).await.unwrap_err();
    assert_eq!(failed.failure.status(), Some(503));
    assert!(failed.after_loss && server.asked().len() == 4);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_and_cannot_be_repeated_is_not() {
    for turn in [BUSY, Turn::Breaks, Turn::Hangs] {
        let server = Scripted::new([turn, FINE]);
        let failed = server.wire(|_| {}).send(&once()).await.unwrap_err();
        assert!(failed.failure.may_have_happened(), "{:?}", failed.failure);
        assert_eq!(server.asked().len(), 1);
    }
    // What was not begun is.
    for turn in [Turn::Answer(429, &[], ""), Turn::Refuses] {
        let server = Scripted::new([turn, FINE]);
        server.wire(|_| {}).send(&once()).await.unwrap();
        assert_eq!(server.asked().len(), 2);
    }
}

/// A head that is missing does not say whether its bucket is.
#[tokio::test(start_paused = true)]
async fn what_is_missing_is_asked_for_by_a_word() {
    let missing = Turn::Answer(404, &[], "");
    let word = |document| Turn::Answer(404, &[], document);
    for (second, is_missing) in [
        (word("<Error><Code>NoSuchKey</Code></Error>"), true),
        (word("<Error><Code>NoSuchBucket</Code></Error>"), false),
        (word("<html/>"), false),
        (Turn::Answer(206, &[], "x"), false),
        (Turn::Strange(404), false),
    ] {
        let server = Scripted::new([missing.clone(), second]);
        let failed = server.wire(|_| {}).send(&look()).await.unwrap_err();
        assert_eq!(failed.failure.is_missing(), is_missing, "{failed:?}");
    }
}

/// Tries that hang count as well as pauses.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_when_the_budget_is_spent() {
    let server = Scripted::new([Turn::Hangs]);
    let wire = server.wire(|config| {
        config.read_timeout = seconds(20);
        config.budget = seconds(45);
        config.attempts = 100;
    });
    let began = Instant::now();
    let failed = wire.send(&look()).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Lost(_)));
    assert_eq!(began.elapsed(), seconds(45));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_ends_with_the_deadline() {
    let server = Scripted::new([Turn::Drips(seconds(1))]);
    let wire = server.wire(|config| {
        config.read_timeout = seconds(20);
        config.budget = seconds(30);
    });
    let began = Instant::now();
    let failed = wire
        .document(&Ask::new(Method::GET, ""), "List")
        .await
        .unwrap_err();
    assert!(matches!(failed.failure, Failure::Lost(_)));
    assert_eq!(began.elapsed(), seconds(30));
}

/// The bytes of an object may take long, as long as they come.
#[tokio::test(start_paused = true)]
async fn an_object_that_comes_slowly_is_read_and_one_that_stops_is_not() {
    let read = async |pause, most| {
        let server = Scripted::new([Turn::Drips(pause)]);
        let (wire, ask) = (server.wire(|_| {}), Ask::new(Method::GET, "film"));
        let mut pieces = pieces(wire.send(&ask).await.unwrap().body, seconds(20));
        for _ in 0..most {
            if pieces.try_next().await?.is_none() {
                break;
            }
        }
        Ok::<_, Failure>(())
    };
    assert!(read(seconds(19), 500).await.is_ok());
    assert!(matches!(read(seconds(21), 1).await, Err(Failure::Lost(_))));
}

#[tokio::test(start_paused = true)]
async fn what_is_large_may_take_longer_to_send() {
    for (bytes, waits) in [(0, 20), (128 << 10, 21), (64 << 20, 20 + 512)] {
        let server = Scripted::new([Turn::Hangs]);
        let wire = server.wire(|config| config.budget = seconds(60));
        let mut ask = once();
        ask.body = Bytes::from(vec![0; bytes]);
        let began = Instant::now();
        assert!(wire.send(&ask).await.is_err());
        assert_eq!(began.elapsed(), seconds(waits));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_store_names_is_kept_and_one_beyond_the_budget_is_not_begun() {
    let wants = |named: &'static [(&'static str, &'static str)]| Turn::Answer(503, named, "");
    let server = Scripted::new([wants(&[("retry-after", "7")]), FINE]);
    server.wire(|_| {}).send(&look()).await.unwrap();
    assert_eq!(server.asked()[1], seconds(7));

    // Its own time counts for a date.
    let dated = &[
        ("retry-after", "Sun, 06 Nov 1994 08:49:49 GMT"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ];
    let server = Scripted::new([wants(dated), FINE]);
    server.wire(|_| {}).send(&look()).await.unwrap();
    assert_eq!(server.asked()[1], seconds(12));

    let server = Scripted::new([wants(&[("retry-after", "61")]), FINE]);
    let began = Instant::now();
    let failed = server.wire(|_| {}).send(&look()).await.unwrap_err();
    let refusal = failed.failure.refusal().unwrap();
    assert_eq!(refusal.retry_after, Some(seconds(61)));
    assert_eq!((began.elapsed(), server.asked().len()), (Duration::ZERO, 1));
}

/// Those who failed together do not come back together.
#[tokio::test(start_paused = true)]
async fn pauses_differ_by_chance() {
    let mut pauses = Vec::new();
    for _ in 0..50 {
        let server = Scripted::new([BUSY, BUSY, FINE]);
        server.wire(|_| {}).send(&look()).await.unwrap();
        let [first, second, third] = server.asked()[..] else {
            panic!("three tries");
        };
        assert!(first.is_zero() && second <= Duration::from_millis(201));
        assert!(third - second <= Duration::from_millis(801));
        pauses.push(third - second);
    }
    pauses.sort();
    pauses.dedup();
    assert!(pauses.len() > 25, "{pauses:?}");
}

/// Whoever stands before the store, such as the login page of a network, does not speak for it.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_the_stores_is_none() {
    for status in [200, 204, 302, 403, 404] {
        let server = Scripted::new([Turn::Strange(status)]);
        let failed = server.wire(|_| {}).send(&once()).await.unwrap_err();
        assert!(matches!(failed.failure, Failure::Lost(_)), "{status}");
    }
}
