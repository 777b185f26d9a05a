//! Forms that are none: each is refused by its code, and nothing is charged or left behind.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method};

use crate::answer::Answer;
use crate::world::{Account, World, gif};

/// The `multipart/form-data` type that the forms below are written for.
pub(crate) const FORM: &str = "multipart/form-data; boundary=B";

/// One part of a form.
pub(crate) fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

pub(crate) fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--B--\r\n"].concat()
}

async fn post(world: &World, by: &Account, path: &str, body: impl Into<Body>) -> Answer {
    let request = world.request(by, Method::POST, path);
    Answer::to(request.header(CONTENT_TYPE, FORM).body(body)).await
}

#[tokio::test]
async fn each_broken_form_has_its_answer() {
    let world = World::start().await;
    let file = || part(r#"name="file"; filename="a""#, &gif(100));
    let tag = |content: &[u8]| part(r#"name="tags""#, content);
    let cut = |by: usize| {
        let whole = form(&[file()]);
        whole[..whole.len() - by].to_vec()
    };
    let many: Vec<_> = (0..65).map(|n| tag(format!("t{n}").as_bytes())).collect();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("no part at all", form(&[]), 400, "file"),
        ("no bytes at all", vec![], 400, "file"),
        ("no part `file`", form(&[tag(b"a")]), 400, "file"),
        (
            "an unknown field",
            form(&[part(r#"name="fil""#, b"x"), file()]),
            400,
            "file",
        ),
        (
            "a field without a name",
            form(&[part("x=y", b"x"), file()]),
            400,
            "file",
        ),
        (
            "an empty file",
            form(&[part(r#"name="file""#, b"")]),
            400,
            "file",
        ),
        (
            "a tag that is not UTF-8",
            form(&[tag(b"\xff\xfe"), file()]),
            400,
            "tags",
        ),
        ("an empty tag", form(&[tag(b" "), file()]), 400, "tags"),
        (
            "a tag with a line end",
            form(&[tag(b"a\nb"), file()]),
            400,
            "tags",
        ),
        (
            "a tag of 65 characters",
            form(&[tag(&[b'a'; 65]), file()]),
            400,
            "tags",
        ),
        (
            "a tag of 5 KB",
            form(&[tag(&[b'a'; 5_000]), file()]),
            400,
            "file",
        ),
        ("sixty-five fields", form(&many), 400, "file"),
        (
            "neither true nor false",
            form(&[part(r#"name="is_public""#, b"yes"), file()]),
            400,
            "is_public",
        ),
        (
            "a field after the file",
            form(&[file(), tag(b"late")]),
            400,
            "file",
        ),
        ("two files", form(&[file(), file()]), 400, "file"),
        ("cut in the end mark", cut(5), 400, "file"),
        ("cut before the end mark", cut(9), 400, "file"),
        ("cut in the file", cut(40), 400, "file"),
        ("cut in the head", cut(130), 400, "file"),
        (
            "another boundary",
            form(&[file()])
                .iter()
                .map(|b| if *b == b'B' { b'C' } else { *b })
                .collect(),
            400,
            "file",
        ),
        ("bytes of no form", vec![0; 10_000], 400, "file"),
        (
            "text in an image",
            form(&[part(r#"name="file""#, b"no image")]),
            415,
            "",
        ),
        (
            "a script as an image",
            form(&[part(r#"name="file""#, b"<svg onload='x'/>")]),
            415,
            "",
        ),
    ];
    for (name, body, status, field) in cases {
        let account = world.trial().await;
        let answer = post(&world, &account, "/v1/images", body).await;
        let code = if status == 415 {
            "UNSUPPORTED_MEDIA_TYPE"
        } else {
            "INVALID_REQUEST"
        };
        let meta = answer.error(status, code);
        assert_eq!(meta["field"].as_str().unwrap_or_default(), field, "{name}");
        world.nothing_is_left(&account).await;
    }
    // What stands before the first boundary and after the last is no part of a form (RFC 2046 §5.1.1).
    let account = world.trial().await;
    let padded = [b"preamble\r\n", &form(&[file()])[..], b"epilogue"].concat();
    let stored = post(&world, &account, "/v1/images", padded).await;
    assert_eq!(stored.success(201)["bytes"], 100);
}

#[tokio::test]
async fn a_document_is_text() {
    let world = World::start().await;
    let account = world.trial().await;
    for (content, status) in [(&b"a\0b"[..], 415), (b"\xff\xfe", 415), (b"", 400)] {
        let body = form(&[part(r#"name="file""#, content)]);
        let answer = post(&world, &account, "/v1/docs", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let late = form(&[
        part(r#"name="file""#, b"text"),
        part(r#"name="tags""#, b"late"),
    ]);
    let answer = post(&world, &account, "/v1/docs", late).await;
    answer.error(400, "INVALID_REQUEST");
    world.nothing_is_left(&account).await;
}

#[tokio::test]
async fn only_a_form_is_a_form() {
    let world = World::start().await;
    let account = world.trial().await;
    for wrong in [
        "",
        "image/gif",
        "multipart/form-data",
        "multipart/mixed; boundary=B",
        "application/json",
        "multipart/form-data; boundary=\u{fc}",
    ] {
        world.a_minute_passes();
        let request = world.request(&account, Method::POST, "/v1/images");
        let body = form(&[part(r#"name="file""#, &gif(100))]);
        let answer = Answer::to(request.header(CONTENT_TYPE, wrong).body(body)).await;
        answer.error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    world.nothing_is_left(&account).await;
}

/// A body that does not end by itself; it is bounded here, so that a server that reads all of it fails the test and nothing else.
fn stream_of(head: Vec<u8>, byte: u8, bytes: usize) -> impl Stream<Item = std::io::Result<Bytes>> {
    const CHUNK: usize = 64 << 10;
    let chunk = Bytes::from(vec![byte; CHUNK]);
    let rest = stream::iter((0..bytes / CHUNK).map(move |_| Ok(chunk.clone())));
    stream::once(async { Ok(Bytes::from(head)) }).chain(rest)
}

/// What has no length and is no form must not be gathered in memory: it is refused after a fraction of it.
#[tokio::test]
async fn an_endless_prelude_is_refused_early() {
    let world = World::start().await;
    let open_head = b"--B\r\nContent-Disposition: form-data; name=\"file\"\r\nX: ".to_vec();
    let after = form(&[part(r#"name="file""#, &gif(5_000))]);
    let after = [&after[..after.len() - 4], b"\r\nX: "].concat();
    for (name, head, byte) in [
        ("no boundary comes", vec![], 0),
        ("a head without an end", open_head, b'a'),
        ("another part after the file, without an end", after, b'a'),
    ] {
        let account = world.trial().await;
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = sent.clone();
        let body = stream_of(head, byte, 300 << 20).inspect(move |chunk| {
            let bytes = chunk.as_ref().map_or(0, Bytes::len);
            counter.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        });
        let answer = post(&world, &account, "/v1/images", Body::wrap_stream(body));
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
        answer.expect(name).error(400, "INVALID_REQUEST");
        let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!(sent < 100 << 20, "{name}: {sent} bytes were taken");
        world.nothing_is_left(&account).await;
    }
}

/// A file without a length is refused where the limit is, with its numbers: not before, and not much later.
#[tokio::test]
async fn an_endless_image_is_refused_at_the_limit() {
    let limit = 20 << 20;
    let line = format!("img_storage_bytes = {limit} ");
    let world = World::with_plans(&[("img_storage_bytes = 104_857_600 ", &line)]).await;
    let account = world.trial().await;
    let png = b"--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\x89PNG\r\n\x1a\n";
    let body = stream_of(png.to_vec(), 0, 300 << 20);
    let answer = post(&world, &account, "/v1/images", Body::wrap_stream(body)).await;
    let meta = answer.error(403, "QUOTA_EXCEEDED");
    assert_eq!(
        (&meta["type"], &meta["limit"]),
        (&"img_storage".into(), &limit.into())
    );
    assert_eq!(meta["used"], 0);
    world.nothing_is_left(&account).await;
    // The same, one byte over and exactly as large as the limit.
    for (bytes, status) in [(limit + 1, 403), (limit, 201)] {
        let content = gif(bytes);
        let whole = form(&[part(r#"name="file""#, &content)]);
        let chunks: Vec<_> = whole.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
        let body = Body::wrap_stream(stream::iter(chunks.into_iter().map(std::io::Result::Ok)));
        let answer = post(&world, &account, "/v1/images", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], limit);
}
