//! Servers that answer what no store answers, byte by byte: an error that says so, within the deadline.

use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::{Amount, StoreErrorKind};
use picora_storage::Examine;
use picora_tiering::{Guard, ObjectHeaders, RestoreSpeed, Tier};

use super::{Opening, Store};
use crate::Cloud;
use crate::liar::{Liar, Then};

/// By which headers the vendors' answers are known.
const THEIRS: &str = "x-oss-request-id: 1\r\nx-cos-request-id: 1\r\nx-amz-request-id: 1\r\ncf-ray: 1\r\nconnection: close\r\n";

const DATED: &str = "last-modified: Sat, 21 Nov 2026 08:00:00 GMT\r\netag: \"1\"\r\n";

/// A lie, and whether it says that something was done: who writes has no way to know better.
struct Lie {
    name: &'static str,
    first: Vec<u8>,
    then: Then,
    says_done: bool,
}

fn lie(name: &'static str, status: &str, headers: &str, body: &str) -> Lie {
    Lie {
        name,
        first: format!("HTTP/1.1 {status}\r\n{headers}\r\n{body}").into_bytes(),
        then: Then::Ends,
        says_done: status.starts_with('2') && headers.contains(THEIRS),
    }
}

fn sized(body: &str) -> String {
    format!("content-length: {}\r\n", body.len())
}

fn lies() -> Vec<Lie> {
    let page = "<html><body>Please log in</body></html>";
    let html = sized(page);
    let theirs = |rest: &str| format!("{THEIRS}{rest}");
    let headers = |name, headers: &str| {
        let mut lie = lie(name, "200 OK", &theirs(headers), "");
        lie.says_done = false; // the answer does not even read
        lie
    };
    let bytes = |name, first: &[u8], then| Lie {
        name,
        first: first.to_vec(),
        then,
        says_done: false,
    };
    let then = |mut lie: Lie, then| {
        lie.then = then;
        lie
    };
    let chunked = theirs("transfer-encoding: chunked\r\n");
    vec![
        lie("a page", "200 OK", &html, page),
        lie("a refusal's page", "403 Forbidden", &html, page),
        lie("a missing page", "404 Not Found", &html, page),
        lie("a gateway's page", "502 Bad Gateway", &html, page),
        lie(
            "another's place",
            "302 Found",
            "location: http://127.0.0.1:1/\r\ncontent-length: 0\r\n",
            "",
        ),
        lie("the store's page", "200 OK", &theirs(&html), page),
        lie(
            "the store's silence",
            "200 OK",
            &theirs("content-length: 0\r\n"),
            "",
        ),
        lie("the store's 204", "204 No Content", THEIRS, ""),
        lie(
            "the store's refusing page",
            "403 Forbidden",
            &theirs(&html),
            page,
        ),
        lie(
            "the store's 404 that is a page",
            "404 Not Found",
            &theirs("content-length: 9\r\n"),
            "<Error/>!",
        ),
        lie(
            "the store's broken 500",
            "500 Oops",
            &theirs("content-length: 7\r\n"),
            "<Error>",
        ),
        headers("a negative length", "content-length: -1\r\n"),
        headers(
            "a length beyond all numbers",
            "content-length: 18446744073709551616\r\n",
        ),
        headers("a length that is a word", "content-length: many\r\n"),
        headers("two lengths", "content-length: 5\r\ncontent-length: 6\r\n"),
        bytes("nothing", b"", Then::Ends),
        bytes("silence", b"", Then::Silence),
        bytes("noise", b"\x16\x03\x01\x00\xff\xfe\r\n\r\n", Then::Ends),
        bytes(
            "a status beyond all",
            b"HTTP/1.1 99999 Oops\r\n\r\n",
            Then::Ends,
        ),
        bytes(
            "another protocol",
            b"220 mail.example.com ESMTP\r\n",
            Then::Silence,
        ),
        bytes(
            "half of a head",
            b"HTTP/1.1 200 OK\r\nx-oss-req",
            Then::Silence,
        ),
        bytes(
            "headers without end",
            b"HTTP/1.1 200 OK\r\n",
            Then::Repeats(b"x: y\r\n"),
        ),
        bytes(
            "a header without end",
            b"HTTP/1.1 200 OK\r\nx: ",
            Then::Repeats(b"yyyyyyyyyyyyyyyy"),
        ),
        bytes(
            "a promise without end",
            b"",
            Then::Repeats(b"HTTP/1.1 100 Continue\r\n\r\n"),
        ),
        then(
            lie("a body without end", "200 OK", &chunked, ""),
            Then::Repeats(b"9\r\n<a>b</a>\n\r\n"),
        ),
        then(
            lie("a body that drips", "200 OK", &chunked, ""),
            Then::Drips(b"1\r\n<\r\n", Duration::from_millis(50)),
        ),
        then(
            lie("a refusal without end", "403 Forbidden", &chunked, ""),
            Then::Repeats(b"9\r\n<a>b</a>\n\r\n"),
        ),
        then(
            lie("a chunk that is none", "200 OK", &chunked, "zz\r\n"),
            Then::Ends,
        ),
    ]
}

async fn opened<S: Store + Examine>(
    start: &impl Fn() -> Cloud,
    open: &impl Fn(&Cloud, Opening) -> S,
    liar: &Liar,
) -> S {
    let cloud = start();
    let opening = Opening {
        endpoint: liar.url(),
        read_timeout: Duration::from_millis(500),
        budget: Duration::from_secs(2),
        ..Opening::of(&cloud)
    };
    open(&cloud, opening)
}

pub async fn what_no_store_answers_is_an_error_within_the_deadline<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let all = join_all(lies().into_iter().map(async |lie| {
        let liar = Liar::start(lie.first.clone(), lie.then).await;
        let store = opened(&start, &open, &liar).await;
        let asked = tokio::time::timeout(Duration::from_secs(120), ask(&store, &lie));
        asked.await.map_err(|_| lie.name)
    }));
    for asked in all.await {
        asked.unwrap();
    }
}

/// Does everything; nothing is believed.
async fn ask(store: &(impl Store + Examine), lie: &Lie) {
    let (name, path) = (lie.name, Path::from("photo"));
    let guard = Guard {
        etag: "\"0\"".to_owned(),
        size: Amount::ZERO,
    };
    let read = async { store.get(&path).await?.bytes().await };
    assert!(read.await.is_err(), "{name}");
    let headed = store.head(&path).await;
    // What is in front of the store does not say that something is missing, and nothing says so without a word for it.
    assert!(headed.is_err(), "{name}: {headed:?}");
    let probed = store.probe(&path).await;
    let kind = probed.map_err(|error| error.kind());
    let known = [StoreErrorKind::Unavailable, StoreErrorKind::Internal];
    assert!(
        kind.as_ref().is_err_and(|kind| known.contains(kind)),
        "{name}: {kind:?}"
    );
    let listed: Result<Vec<_>, Error> = store.list(None).try_collect().await;
    assert!(listed.is_err(), "{name}: {listed:?}");
    assert!(store.list_with_delimiter(None).await.is_err(), "{name}");
    let copied = store.copy(&path, &Path::from("copy")).await;
    assert!(copied.is_err(), "{name}: {copied:?}");
    let headers = ObjectHeaders::default();
    let moved = store.set_tier(&path, Tier::Archive, &guard, &headers).await;
    assert!(moved.is_err(), "{name}: {moved:?}");
    assert!(store.put_multipart(&path).await.is_err(), "{name}");
    if lie.says_done {
        return;
    }
    assert!(store.put(&path, "bytes".into()).await.is_err(), "{name}");
    let removed = store.delete(&path).await;
    assert!(removed.is_err(), "{name}: {removed:?}");
    if store.caps().needs_restore {
        let asked = store.restore(&path, 1, RestoreSpeed::Expedited).await;
        assert!(asked.is_err(), "{name}: {asked:?}");
    }
    assert!(store.examine().await.is_err(), "{name}");
}

/// Bytes are never fewer than were announced, nor headers something that they are not.
pub async fn an_object_that_is_not_as_announced_is_an_error<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let path = Path::from("photo");
    let crc = "x-oss-hash-crc64ecma: many\r\nx-cos-hash-crc64ecma: many\r\n";
    for (name, headers, then) in [
        ("too short", "content-length: 10\r\n", Then::Ends),
        ("stops", "content-length: 10\r\n", Then::Silence),
        ("no length", "", Then::Ends),
        ("a digest that is none", "content-length: 4\r\n", Then::Ends),
    ] {
        let crc = if name.starts_with("a digest") {
            crc
        } else {
            ""
        };
        let head = format!("HTTP/1.1 200 OK\r\n{THEIRS}{DATED}{crc}{headers}\r\n0123");
        let liar = Liar::start(head.into_bytes(), then).await;
        let store = opened(&start, &open, &liar).await;
        let read = async { store.get(&path).await?.bytes().await };
        let read = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert!(read.unwrap().is_err(), "{name}");
    }
    // Not text, and so nothing that is known.
    let odd = [DATED.as_bytes(), b"etag: \xff\xfe\r\n"].concat();
    let dates: [&[u8]; 2] = [b"last-modified: \xff\r\n", b"last-modified: yesterday\r\n"];
    for headers in [&odd[..], dates[0], dates[1]] {
        let head = format!("HTTP/1.1 200 OK\r\n{THEIRS}content-length: 4\r\n");
        let first = [head.as_bytes(), headers, b"\r\n0123"].concat();
        let liar = Liar::start(first, Then::Ends).await;
        let store = opened(&start, &open, &liar).await;
        let seen = store.head(&path).await;
        // A name that does not read is none; a time must be one.
        assert_eq!(seen.is_ok(), headers == odd, "{seen:?}");
    }
}

/// A list that names itself as what comes next would never end.
pub async fn a_list_that_leads_nowhere_ends<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let object = "<Contents><Key>a</Key><LastModified>2026-11-21T08:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>1</Size></Contents>";
    let next = "<NextMarker>a</NextMarker><NextContinuationToken>a</NextContinuationToken>";
    let page = format!(
        "<ListBucketResult><IsTruncated>true</IsTruncated>{next}{object}</ListBucketResult>"
    );
    let head = format!("HTTP/1.1 200 OK\r\n{THEIRS}{}\r\n{page}", sized(&page));
    let liar = Liar::start(head.into_bytes(), Then::Ends).await;
    let store = opened(&start, &open, &liar).await;
    let all = store.list(None).take(1_000).try_collect::<Vec<_>>().await;
    assert!(matches!(all, Err(Error::Generic { .. })), "{all:?}");
    let folders = store.list_with_delimiter(None);
    let folders = tokio::time::timeout(Duration::from_secs(60), folders).await;
    assert!(folders.unwrap().is_err());
    assert!(liar.heard() <= 4, "{}", liar.heard());
}
