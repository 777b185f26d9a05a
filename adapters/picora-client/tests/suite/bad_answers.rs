//! What a client makes of answers that are none.

use std::path::PathBuf;
use std::time::Duration;

use picora_client::{Error, ListQuery, Upload};
use picora_core::{AssetId, MediaKind};
use tokio::time::Instant;

use crate::hostile::{Act, Hostile, answer, client};

const STORED: &str = r#"{"success":true,"data":{"id":"img_1","kind":"image","url":"u","fileName":null,"contentType":"image/gif","bytes":9,"sha256":"0","is_public":true,"tags":[],"createdAt":"t","later":1}}"#;
const IDENTITY: &str =
    r#"{"success":true,"data":{"accountId":"acc_1","keyId":"key_1","plan":"pro","role":"user"}}"#;

fn image(folder: &tempfile::TempDir) -> Upload {
    let path = folder.path().join("a.gif");
    std::fs::write(&path, b"GIF89a...").unwrap();
    Upload::new(path, MediaKind::Image)
}

fn id() -> AssetId {
    AssetId::from_bytes(MediaKind::Image, [7; 16])
}

#[tokio::test]
async fn what_is_no_answer_of_picora_is_told_in_a_sentence() {
    for (act, expected) in [
        (
            answer(
                "200 OK",
                "content-type: text/html\r\n",
                "<html>Log in</html>",
            ),
            "answered 200 OK with a body of the type \"text/html\"",
        ),
        (
            answer(
                "502 Bad Gateway",
                "content-type: text/html\r\nx-request-id: req_9\r\n",
                "<h1>Bad</h1>",
            ),
            "answered 502",
        ),
        (
            answer(
                "200 OK",
                "content-type: application/json\r\n",
                "{\"success\":true,",
            ),
            "a body of the type \"application/json\"",
        ),
        (
            answer("200 OK", "", "{\"success\":true,\"data\":{\"plan\":7}}"),
            "JSON of another shape",
        ),
        (answer("200 OK", "", "[]"), "JSON of another shape"),
        (answer("200 OK", "", ""), "an empty body"),
        (answer("204 No Content", "", ""), "an empty body"),
        (
            answer("200 OK", "", "\u{0}\u{1}\u{fffd}"),
            "a body of no type",
        ),
        (answer("403 Forbidden", "", "{\"error\":7}"), "answered 403"),
        (
            answer("418 I'm a teapot", "content-type: \x1b[31mred\r\n", "x"),
            "",
        ),
    ] {
        let server = Hostile::doing([act]).await;
        let error = server.client().verify().await.unwrap_err();
        let sentence = error.to_string();
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
    }
}

#[tokio::test]
async fn json_is_believed_whatever_its_content_type_says() {
    let server = Hostile::doing([answer("200 OK", "content-type: text/html\r\n", IDENTITY)]).await;
    assert_eq!(server.client().verify().await.unwrap().plan, "pro");
}

#[tokio::test]
async fn a_refusal_has_its_code_numbers_and_request_id() {
    let body = r#"{"success":false,"error":"Quota exceeded: img_storage","code":"QUOTA_EXCEEDED","meta":{"type":"img_storage","used":5,"limit":5},"requestId":"req_7"}"#;
    let server = Hostile::doing([answer("403 Forbidden", "", body)]).await;
    let error = server.client().verify().await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(
        (refusal.code.as_str(), refusal.attempts),
        ("QUOTA_EXCEEDED", 1)
    );
    assert_eq!(
        (refusal.meta["used"].as_u64(), error.request_id()),
        (Some(5), Some("req_7"))
    );
    assert_eq!(
        error.to_string(),
        "Quota exceeded: img_storage (QUOTA_EXCEEDED, request req_7)"
    );
    // An older server, or a proxy before it, has the id in the header alone.
    let bare = answer(
        "401 Unauthorized",
        "x-request-id: req_8\r\n",
        r#"{"error":"No","code":"UNAUTHENTICATED"}"#,
    );
    let error = Hostile::doing([bare])
        .await
        .client()
        .verify()
        .await
        .unwrap_err();
    assert!(
        error.is_unauthenticated() && error.request_id() == Some("req_8"),
        "{error}"
    );
}

#[tokio::test]
async fn a_truncated_or_lost_answer_is_asked_for_again_and_no_more_than_three_times() {
    for act in [
        Act::Close,
        Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"succ".to_vec()),
        Act::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"su".to_vec()),
        Act::Send(b"\x16\x03\x01\x02nonsense\r\n\r\n".to_vec()),
        Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n".to_vec()),
        Act::Send(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ] {
        let server = Hostile::doing([act.clone()]).await;
        let error = server.client().verify().await.unwrap_err();
        assert!(matches!(error, Error::Lost(_)), "{act:?}: {error}");
        assert_eq!(server.requests().len(), 4, "{act:?}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        let server = Hostile::doing([act, answer("200 OK", "", IDENTITY)]).await;
        assert_eq!(server.client().verify().await.unwrap().role, "user");
    }
}

#[tokio::test]
async fn a_repeated_upload_has_the_same_key_until_a_quota_denies_it() {
    let folder = tempfile::tempdir().unwrap();
    let limited = r#"{"success":false,"error":"Rate limit exceeded","code":"RATE_LIMITED","meta":{"retryAfterSec":0},"requestId":"req_1"}"#;
    let denied = r#"{"success":false,"error":"Rate limit exceeded","code":"RATE_LIMITED","meta":{"type":"open","used":1,"limit":1,"retryAfterSec":0},"requestId":"req_1"}"#;
    let busy = r#"{"success":false,"error":"The key is taken","code":"CONFLICT","meta":{},"requestId":"req_1"}"#;
    let server = Hostile::doing([
        answer("429 Too Many Requests", "retry-after: 0\r\n", limited),
        answer("429 Too Many Requests", "retry-after: 0\r\n", denied),
        Act::Close,
        answer("201 Created", "", STORED),
    ]);
    let server = server.await;
    let keys = |server: &Hostile| {
        let requests = server.requests();
        let keys = requests.iter().filter_map(|it| {
            it.lines()
                .find_map(|line| line.strip_prefix("idempotency-key: "))
        });
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    server.client().upload(&image(&folder)).await.unwrap();
    let sent = keys(&server);
    assert_eq!(sent.len(), 4);
    assert_eq!(sent[0].len(), 32);
    assert_eq!(
        sent[1..],
        [
            sent[0].clone(),
            format!("{}.1", sent[0]),
            format!("{}.1", sent[0])
        ]
    );
    server
        .client()
        .upload(&image(&folder).idempotency_key("mine"))
        .await
        .unwrap();
    assert_eq!(keys(&server).last().unwrap(), "mine");

    // A conflict after a lost attempt means that it is still at work; without one it means another's key.
    let server = Hostile::doing([
        Act::Close,
        answer("409 Conflict", "", busy),
        answer("200 OK", "", STORED),
    ])
    .await;
    server.client().upload(&image(&folder)).await.unwrap();
    let server = Hostile::doing([answer("409 Conflict", "", busy)]).await;
    assert_eq!(
        server
            .client()
            .upload(&image(&folder))
            .await
            .unwrap_err()
            .refusal()
            .unwrap()
            .code,
        "CONFLICT"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done_when_nothing_is_there() {
    let missing = || {
        answer(
            "404 Not Found",
            "",
            r#"{"success":false,"error":"Not found","code":"NOT_FOUND","meta":{},"requestId":"req_1"}"#,
        )
    };
    let server = Hostile::doing([Act::Close, missing()]).await;
    server.client().delete(id()).await.unwrap();
    let server = Hostile::doing([missing()]).await;
    assert!(
        server
            .client()
            .delete(id())
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn no_redirect_is_followed_so_that_the_key_stays_here() {
    let elsewhere = Hostile::doing([answer("200 OK", "", IDENTITY)]).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let headers = format!("location: {}/v1/auth/verify\r\n", elsewhere.url);
        let server = Hostile::doing([answer(status, &headers, "")]).await;
        let error = server.client().verify().await.unwrap_err();
        assert!(
            matches!(&error, Error::Redirected { to } if to.starts_with(&elsewhere.url)),
            "{error}"
        );
    }
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_drips_or_never_comes_ends_at_the_deadline() {
    for act in [
        Act::Hold,
        Act::Drip(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec()),
        Act::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{".to_vec()),
    ] {
        let server = Hostile::doing([act.clone()]).await;
        let start = Instant::now();
        let error = server.client().verify().await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{act:?}: {error}");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{act:?}: {:?}",
            start.elapsed()
        );
        let folder = tempfile::tempdir().unwrap();
        let error = server.client().upload(&image(&folder)).await.unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{act:?}: {error}");
    }
}

#[tokio::test]
async fn a_huge_body_is_not_kept() {
    for head in ["HTTP/1.1 500 Oops\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let mut bytes = head.as_bytes().to_vec();
        bytes.resize(1 << 20, b'x');
        let server = Hostile::doing([Act::Flood(bytes)]).await;
        let error = server.client().verify().await.unwrap_err();
        assert!(
            error.to_string().contains("longer than any of Picora's"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_cursor_that_stands_still_does_not_list_for_ever() {
    use futures::StreamExt;
    let page = r#"{"success":true,"data":{"items":[],"nextCursor":"same"}}"#;
    let server = Hostile::doing([answer("200 OK", "", page)]).await;
    let client = server.client();
    let all: Vec<_> = client
        .list_all(MediaKind::Image, ListQuery::default())
        .collect()
        .await;
    assert!(all.is_empty());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Hostile::doing([answer("201 Created", "", STORED)]).await;
    let empty = folder.path().join("empty.gif");
    std::fs::write(&empty, b"").unwrap();
    for (path, expected) in [
        (folder.path().join("missing.gif"), "No such file"),
        (folder.path().to_owned(), "no regular file"),
        (PathBuf::from("/dev/null"), "no regular file"),
        (empty, "is empty"),
        (PathBuf::from("a\0b"), "NUL byte"),
    ] {
        let error = server
            .client()
            .upload(&Upload::new(&path, MediaKind::Image))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_file_that_becomes_shorter_is_the_files_fault_and_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gif");
    std::fs::write(&path, vec![b'G'; 4 << 20]).unwrap();
    let server = Hostile::doing([answer("201 Created", "", STORED)]).await;
    let cut = path.clone();
    let upload = Upload::new(&path, MediaKind::Image).progress(move |sent, _| {
        if sent > 0 {
            std::fs::write(&cut, b"GIF").unwrap();
        }
    });
    let error = server.client().upload(&upload).await.unwrap_err();
    assert!(error.to_string().contains("became shorter"), "{error}");
    tokio::time::sleep(Duration::from_millis(200)).await; // a second attempt would have come after 20
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).verify().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    // TLS spoken to a server that has none.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let plain = async {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    let client = client(&url);
    let (error, _stream) = tokio::join!(client.verify(), plain);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn neither_the_client_nor_its_errors_show_the_key() {
    let server = Hostile::doing([answer("500 Oops", "", "sk_live")]).await;
    let client = server.client();
    let error = client.verify().await.unwrap_err();
    assert!(server.requests()[0].contains("authorization: bearer sk_live_secret"));
    let shown = format!("{client:?} {error} {error:?}");
    assert!(!shown.contains("sk_live_secret"), "{shown}");
}

#[tokio::test]
async fn an_upload_that_nobody_reads_ends_when_nothing_moves_any_more() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let deaf = async {
        let mut connections = Vec::new();
        loop {
            connections.push(listener.accept().await.unwrap());
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.gif");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(64 << 20)
        .unwrap();
    let (client, upload) = (client(&url), Upload::new(path, MediaKind::Image));
    let start = Instant::now();
    let error = tokio::select! {
        stored = client.upload(&upload) => stored.unwrap_err(),
        never = deaf => never,
    };
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}
