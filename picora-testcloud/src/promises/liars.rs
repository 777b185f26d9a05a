//! Servers that answer what no store answers, byte by byte: an error that says so, within the deadline.

use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use picora_core::{Amount, StoreErrorKind};
use picora_storage::Examine;
use picora_storage::error::is_corrupt;
use picora_tiering::{Guard, ObjectHeaders, RestoreSpeed, Tier};

use super::{Opening, Store};
use crate::liar::{Liar, NUMBER, Then};
use crate::{Cloud, Vendor};

/// The dialect in which is lied.
struct Dialect {
    /// By which headers the vendor's answers are known.
    theirs: &'static str,
    /// By which those of the others are.
    others: &'static str,
    /// The header that tells an object's digest.
    digest: &'static str,
    /// That of other bytes.
    of_others: &'static str,
    /// What is none.
    none: &'static [&'static str],
}

fn dialect(vendor: Vendor) -> Dialect {
    match vendor {
        Vendor::Oss => Dialect {
            theirs: "x-oss-request-id: 1\r\nconnection: close\r\n",
            others: "x-cos-request-id: 1\r\nx-amz-request-id: 1\r\ncf-ray: 1\r\n",
            digest: "x-oss-hash-crc64ecma",
            of_others: "1",
            none: NO_NUMBERS,
        },
        Vendor::Cos => Dialect {
            theirs: "x-cos-request-id: 1\r\nconnection: close\r\n",
            others: "x-oss-request-id: 1\r\nx-amz-request-id: 1\r\ncf-ray: 1\r\n",
            digest: "x-cos-hash-crc64ecma",
            of_others: "1",
            none: NO_NUMBERS,
        },
        Vendor::R2 => Dialect {
            theirs: "cf-ray: 1\r\nconnection: close\r\n",
            others: "x-oss-request-id: 1\r\nx-cos-request-id: 1\r\nx-amz-request-id: 1\r\n",
            digest: "x-amz-checksum-crc64nvme",
            of_others: "AAAAAAAAAAE=",
            // The last two are of parts, and of fewer bits.
            none: &["", "many", "1", "AAAAAAAAAAE", "AAAAAAAAAAE=-2", "AAAAAQ=="],
        },
    }
}

const NO_NUMBERS: &[&str] = &["", "many", "-1", "1.0", "18446744073709551616"];

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
        says_done: false,
    }
}

fn sized(body: &str) -> String {
    format!("content-length: {}\r\n", body.len())
}

fn lies(Dialect { theirs, others, .. }: Dialect) -> Vec<Lie> {
    let page = "<html><body>Please log in</body></html>";
    let html = sized(page);
    let theirs = |rest: &str| format!("{theirs}{rest}");
    let headers = |name, headers: &str| lie(name, "200 OK", &theirs(headers), "");
    let done = |mut lie: Lie| {
        lie.says_done = true;
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
        lie(
            "another store's page",
            "200 OK",
            &format!("{others}{DATED}{html}"),
            page,
        ),
        lie(
            "another store's missing page",
            "404 Not Found",
            &format!("{others}{html}"),
            page,
        ),
        done(lie("the store's page", "200 OK", &theirs(&html), page)),
        done(lie(
            "the store's silence",
            "200 OK",
            &theirs("content-length: 0\r\n"),
            "",
        )),
        done(lie("the store's 204", "204 No Content", &theirs(""), "")),
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
        done(then(
            lie("a body without end", "200 OK", &chunked, ""),
            Then::Repeats(b"9\r\n<a>b</a>\n\r\n"),
        )),
        done(then(
            lie("a body that drips", "200 OK", &chunked, ""),
            Then::Drips(b"1\r\n<\r\n", Duration::from_millis(50)),
        )),
        then(
            lie("a refusal without end", "403 Forbidden", &chunked, ""),
            Then::Repeats(b"9\r\n<a>b</a>\n\r\n"),
        ),
        done(then(
            lie("a chunk that is none", "200 OK", &chunked, "zz\r\n"),
            Then::Ends,
        )),
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
    let all = join_all(
        lies(dialect(start().vendor()))
            .into_iter()
            .map(async |lie| {
                let liar = Liar::start(lie.first.clone(), lie.then).await;
                let store = opened(&start, &open, &liar).await;
                let asked = tokio::time::timeout(Duration::from_secs(120), ask(&store, &lie));
                asked.await.map_err(|_| lie.name)
            }),
    );
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

/// Bytes are never fewer than were announced, nor others, nor headers something that they are not.
pub async fn an_object_that_is_not_as_announced_is_an_error<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let path = Path::from("photo");
    let dialect = dialect(start().vendor());
    let (theirs, digest) = (dialect.theirs, dialect.digest);
    for (name, headers, then) in [
        ("too short", "content-length: 10\r\n", Then::Ends),
        ("stops", "content-length: 10\r\n", Then::Silence),
        ("no length", "", Then::Ends),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{theirs}{DATED}{headers}\r\n0123");
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
        let head = format!("HTTP/1.1 200 OK\r\n{theirs}content-length: 4\r\n");
        let first = [head.as_bytes(), headers, b"\r\n0123"].concat();
        let liar = Liar::start(first, Then::Ends).await;
        let store = opened(&start, &open, &liar).await;
        let seen = store.head(&path).await;
        // A name that does not read is none; a time must be one.
        assert_eq!(seen.is_ok(), headers == odd, "{seen:?}");
    }
    // What the digest is not of, is not what was put, nor what is read; and one that does not read may not be passed over.
    let told = dialect.none.iter().chain([&dialect.of_others]);
    for told in told {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{theirs}{DATED}{digest}: {told}\r\ncontent-length: 4\r\n\r\n0123"
        );
        let liar = Liar::start(head.into_bytes(), Then::Ends).await;
        let store = opened(&start, &open, &liar).await;
        let read = async { store.get(&path).await?.bytes().await };
        let read = read.await.unwrap_err();
        let put = store.put(&path, "0123".into()).await.unwrap_err();
        let corrupt = *told == dialect.of_others;
        let known = (is_corrupt(&read), is_corrupt(&put));
        assert_eq!(known, (corrupt, corrupt), "{told}: {read}, {put}");
    }
}

/// A part of an object is the one that was asked for.
pub async fn another_part_than_was_asked_for_is_an_error<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let theirs = dialect(start().vendor()).theirs;
    for (status, headers) in [
        ("200 OK", ""),
        ("206 Partial Content", ""),
        ("206 Partial Content", "content-range: bytes 4-7/10\r\n"),
        ("206 Partial Content", "content-range: bytes 0-4/10\r\n"),
        ("206 Partial Content", "content-range: bytes 0-2/10\r\n"),
        ("206 Partial Content", "content-range: bytes 0-3/2\r\n"),
        ("206 Partial Content", "content-range: bytes 3-0/10\r\n"),
        ("206 Partial Content", "content-range: bytes */10\r\n"),
        (
            "206 Partial Content",
            "content-range: bytes 0-18446744073709551615/10\r\n",
        ),
    ] {
        let head =
            format!("HTTP/1.1 {status}\r\n{theirs}{DATED}{headers}content-length: 4\r\n\r\n0123");
        let liar = Liar::start(head.into_bytes(), Then::Ends).await;
        let store = opened(&start, &open, &liar).await;
        let read = store.get_range(&Path::from("photo"), 0..4).await;
        assert!(read.is_err(), "{status} {headers}: {read:?}");
    }
}

/// A list that names itself as what comes next, or that is the same under ever new names, would never end; one that goes on and does not say
/// where has not ended.
pub async fn a_list_that_leads_nowhere_ends<S: Store + Examine>(
    start: impl Fn() -> Cloud,
    open: impl Fn(&Cloud, Opening) -> S,
) {
    let object = "<Contents><Key>a</Key><LastModified>2026-11-21T08:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>1</Size></Contents>";
    let theirs = dialect(start().vendor()).theirs;
    for next in ["a", NUMBER, ""] {
        let next = format!(
            "<NextMarker>{next}</NextMarker><NextContinuationToken>{next}</NextContinuationToken>"
        );
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{next}{object}</ListBucketResult>"
        );
        let head = format!("HTTP/1.1 200 OK\r\n{theirs}{}\r\n{page}", sized(&page));
        let liar = Liar::start(head.into_bytes(), Then::Ends).await;
        let store = opened(&start, &open, &liar).await;
        let all = store.list(None).take(1_000).try_collect::<Vec<_>>().await;
        assert!(matches!(all, Err(Error::Generic { .. })), "{all:?}");
        let folders = store.list_with_delimiter(None);
        let folders = tokio::time::timeout(Duration::from_secs(60), folders).await;
        assert!(folders.unwrap().is_err());
        assert!(liar.heard() <= 4, "{}", liar.heard());
    }
}
