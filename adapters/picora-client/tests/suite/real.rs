//! The client against the real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use picora_client::backoff::Rule;
use picora_client::rate_limit::{RateLimits, ResetStyle};
use picora_client::{ListQuery, Options, Upload};
use picora_core::{Clock, MediaKind};
use picora_server::system::SystemClock;

use crate::host::{Host, rate};

#[tokio::test]
async fn all_four_kinds_are_uploaded_listed_shown_and_deleted() {
    let host = Host::start().await;
    let client = host.client();
    let mut total = 0;
    for (kind, name, bytes) in [
        (MediaKind::Image, "grüße \"x\" 'y'.gif", &b"GIF89a...."[..]),
        (MediaKind::Audio, "a.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        (MediaKind::Document, "notes.md", "# Grüße\n".as_bytes()),
        (
            MediaKind::Video,
            "v.mp4",
            b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2mp41",
        ),
    ] {
        let path = host.file(name, bytes);
        let upload = Upload::new(&path, kind).tag("one").tag("zwei ü").private();
        let stored = client.upload(&upload).await.unwrap();
        assert_eq!(stored.file_name.as_deref(), Some(name));
        assert_eq!(
            (stored.bytes, stored.is_public),
            (bytes.len() as u64, false)
        );
        assert_eq!(stored.tags, ["one", "zwei ü"]);
        assert_eq!(stored.kind, kind.name());
        let id = stored.id.parse().unwrap();
        assert_eq!(client.resource(id).await.unwrap().sha256, stored.sha256);
        let query = ListQuery {
            tag: Some("zwei ü".to_owned()),
            ..ListQuery::default()
        };
        let page = client.list(kind, &query).await.unwrap();
        assert_eq!((page.items.len(), &page.items[0].id), (1, &stored.id));
        client.delete(id).await.unwrap();
        assert!(client.resource(id).await.unwrap_err().is_not_found());
        assert!(client.delete(id).await.unwrap_err().is_not_found());
        total += 1;
    }
    let usage = client.usage().await.unwrap();
    assert_eq!(
        (usage.uploads.day.used, usage.image.storage.used),
        (total, 0)
    );
    assert_eq!(client.verify().await.unwrap().plan, "pro");
}

#[tokio::test]
async fn pages_follow_one_another() {
    let host = Host::with(|config| config.rate_limits.upload = rate(600, 100)).await;
    let client = host.client();
    for path in host.gifs(7) {
        client
            .upload(&Upload::new(path, MediaKind::Image))
            .await
            .unwrap();
    }
    for limit in [1, 3, 6, 7, 8, 100] {
        let query = ListQuery {
            limit: Some(limit),
            ..ListQuery::default()
        };
        let listed: Vec<_> = client
            .list_all(MediaKind::Image, query)
            .try_collect()
            .await
            .unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|it| it.file_name.as_deref().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "6.gif", "5.gif", "4.gif", "3.gif", "2.gif", "1.gif", "0.gif"
            ],
            "{limit}"
        );
    }
    let query = ListQuery {
        limit: Some(101),
        ..ListQuery::default()
    };
    let refused = client.list(MediaKind::Image, &query).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().meta["field"], "limit");
}

/// 80 MB go through a client that holds pieces of 64 KiB; its progress never steps back, and ends at all of it.
#[tokio::test]
async fn a_large_file_is_streamed_and_its_progress_is_told() {
    let host = Host::start().await;
    let path = host.file("large.gif", b"GIF89a");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(80_000_000)
        .unwrap();
    let before = resident_kib();
    let (last, steps) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (seen, counted) = (last.clone(), steps.clone());
    let upload = Upload::new(&path, MediaKind::Image).progress(move |sent, of| {
        assert_eq!(of, 80_000_000);
        assert!(seen.swap(sent, Ordering::Relaxed) <= sent);
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let stored = host.client().upload(&upload).await.unwrap();
    assert_eq!(
        (stored.bytes, last.load(Ordering::Relaxed)),
        (80_000_000, 80_000_000)
    );
    assert!(steps.load(Ordering::Relaxed) > 1_000);
    let grown = resident_kib().saturating_sub(before); // the server's share is in it, too
    assert!(grown < 40 << 10, "{grown} KiB more than before");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_refusal_reaches_the_caller_with_its_numbers() {
    let host = Host::with(|config| config.uploads.largest_file_bytes = 10).await;
    let client = host.client();
    let refused = |path| {
        let client = client.clone();
        async move {
            client
                .upload(&Upload::new(path, MediaKind::Image))
                .await
                .unwrap_err()
        }
    };
    let large = refused(host.file("large.gif", b"GIF89a much too large")).await;
    assert_eq!(large.refusal().unwrap().code, "PAYLOAD_TOO_LARGE");
    assert_eq!(large.refusal().unwrap().meta["limit"], 10);
    let text = refused(host.file("text.gif", b"text")).await;
    assert_eq!(text.refusal().unwrap().code, "UNSUPPORTED_MEDIA_TYPE");
    assert!(
        text.request_id()
            .is_some_and(|it| text.to_string().contains(it))
    );
    let tags = (0..33).fold(
        Upload::new(host.file("a.gif", b"GIF89a"), MediaKind::Image),
        |it, tag| it.tag(tag.to_string()),
    );
    assert_eq!(
        client
            .upload(&tags)
            .await
            .unwrap_err()
            .refusal()
            .unwrap()
            .meta["field"],
        "tags"
    );
}

#[tokio::test]
async fn without_the_option_a_429_is_handed_on_at_once() {
    let host = Host::with(|config| config.rate_limits.upload = rate(60, 1)).await;
    let retry = Rule {
        retry_on_rate_limit: false,
        ..Rule::default()
    };
    let client = host.client_with(Options {
        retry,
        ..Options::default()
    });
    let gifs = host.gifs(2);
    client
        .upload(&Upload::new(&gifs[0], MediaKind::Image))
        .await
        .unwrap();
    let limited = client
        .upload(&Upload::new(&gifs[1], MediaKind::Image))
        .await
        .unwrap_err();
    let refusal = limited.refusal().unwrap();
    assert!(limited.is_rate_limit());
    assert_eq!(
        (refusal.attempts, refusal.retry_after),
        (1, Some(Duration::from_secs(1)))
    );
}

/// A denial by quota is kept under its key for a day: with the same key a place that has become free would never be found.
#[tokio::test]
async fn uploads_beyond_those_that_may_be_open_at_once_all_come_through() {
    let host = Host::with(|config| {
        config.uploads.max_open = 1;
        config.rate_limits.upload = rate(6_000, 1_000);
    });
    let host = host.await;
    let client = host.client();
    let uploads = host.gifs(6).into_iter().map(|path| {
        let client = client.clone();
        async move { client.upload(&Upload::new(path, MediaKind::Image)).await }
    });
    let stored: Vec<_> = futures::stream::iter(uploads)
        .buffer_unordered(6)
        .collect()
        .await;
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    let usage = client.usage().await.unwrap();
    assert_eq!(usage.uploads.day.used, 6);
}

#[tokio::test]
async fn a_key_of_the_callers_own_stores_once() {
    let host = Host::start().await;
    let upload = Upload::new(&host.gifs(1)[0], MediaKind::Image).idempotency_key("nightly-7");
    let first = host.client().upload(&upload).await.unwrap();
    let again = host.client().upload(&upload).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(host.client().usage().await.unwrap().uploads.day.used, 1);
    for bad in ["", "two words", "ü", &"k".repeat(201)] {
        let upload = Upload::new(&host.gifs(1)[0], MediaKind::Image).idempotency_key(bad);
        assert!(
            host.client()
                .upload(&upload)
                .await
                .unwrap_err()
                .to_string()
                .contains("idempotency key")
        );
    }
}

/// What the server writes is what the parser reads: both families alike, and resets as epochs within the minute.
#[tokio::test]
async fn the_servers_own_headers_are_read() {
    let host = Host::start().await;
    let request = reqwest::Client::new()
        .get(format!("{}/v1/auth/verify", host.url))
        .bearer_auth(&host.secret);
    let answer = request.send().await.unwrap();
    let said = RateLimits::of(answer.headers(), ResetStyle::Epoch);
    let triplet = said.standard.unwrap();
    assert_eq!(said.legacy, Some(triplet));
    assert_eq!((triplet.limit, triplet.remaining), (Some(600), Some(599)));
    let after = triplet.reset.unwrap().after(SystemClock.now());
    assert!(after <= Duration::from_secs(60), "{after:?}");
    assert_eq!(
        triplet.reset.unwrap(),
        RateLimits::of(answer.headers(), ResetStyle::ByMagnitude)
            .standard
            .unwrap()
            .reset
            .unwrap()
    );
}
