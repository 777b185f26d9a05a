//! Media by their addresses: ranges, caches, and rights.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{Account, World, gif};

/// A stored image of these bytes, public or not; its `data`.
pub(crate) async fn image(world: &World, of: &Account, file: Vec<u8>, is_public: bool) -> Value {
    let uploaded = world.upload(of, "/v1/images", file).await;
    let path = format!("/v1/images/{}", uploaded.id());
    let request = world.request(of, Method::PATCH, &path);
    let change = request.json(&json!({ "is_public": is_public }));
    Answer::to(change).await.data()
}

pub(crate) fn url(resource: &Value) -> &str {
    resource["url"].as_str().unwrap()
}

/// Every byte tells its place.
fn numbered(bytes: u8) -> Vec<u8> {
    b"GIF89a".iter().copied().chain(6..bytes).collect()
}

#[tokio::test]
async fn one_range_is_sent_and_what_is_none_is_all() {
    let world = World::start().await;
    let account = world.trial().await;
    let file = numbered(100);
    let stored = image(&world, &account, file.clone(), true).await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 100),
        ("bytes=6-9", 6, 10),
        ("bytes=99-", 99, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-100", 0, 100),
        ("bytes=90-1000", 90, 100),
    ] {
        let request = world.anyone(Method::GET, url(&stored));
        let answer = Answer::to(request.header("Range", range)).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.bytes, file[from..to], "{range}");
        assert_eq!(answer.number("content-length"), (to - from) as u64);
        let told = format!("bytes {from}-{}/100", to - 1);
        assert_eq!(answer.header("content-range"), told);
    }
    // RFC 9110 §14.2 lets a server ignore what it does not serve.
    for range in [
        "bytes=100-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=9-6",
        "bytes=0-1,5-6",
        "bytes=x",
        "pages=1-2",
        "bytes=18446744073709551615-",
        "bytes=-18446744073709551616",
    ] {
        let request = world.anyone(Method::GET, url(&stored));
        let answer = Answer::to(request.header("Range", range)).await;
        assert_eq!(
            (answer.status, &answer.bytes[..]),
            (200, &file[..]),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), "", "{range}");
    }
    // A range of other bytes than the client has would be a patchwork.
    let etag = format!("\"{}\"", stored["sha256"].as_str().unwrap());
    for (condition, status) in [(etag.as_str(), 206), ("\"other\"", 200), ("W/\"x\"", 200)] {
        let request = world.anyone(Method::GET, url(&stored));
        let request = request
            .header("Range", "bytes=0-5")
            .header("If-Range", condition);
        assert_eq!(Answer::to(request).await.status, status, "{condition}");
    }
}

#[tokio::test]
async fn caches_are_told_what_they_may_keep() {
    let world = World::start().await;
    let account = world.trial().await;
    let stored = image(&world, &account, gif(100), true).await;
    let answer = Answer::to(world.anyone(Method::GET, url(&stored))).await;
    let etag = format!("\"{}\"", stored["sha256"].as_str().unwrap());
    for (name, value) in [
        ("etag", etag.as_str()),
        ("cache-control", "public, max-age=86400"),
        ("accept-ranges", "bytes"),
        ("content-type", "image/gif"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-length", "100"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(answer.triplet(), None, "delivery has no tier");
    for condition in [&etag, "*", &format!("W/{etag}"), &format!("\"a\", {etag}")] {
        for method in [Method::GET, Method::HEAD] {
            let request = world.anyone(method, url(&stored));
            let answer = Answer::to(request.header("If-None-Match", condition)).await;
            assert_eq!((answer.status, answer.bytes.len()), (304, 0), "{condition}");
            assert_eq!(answer.header("etag"), etag);
            assert_eq!(answer.header("cache-control"), "public, max-age=86400");
        }
    }
    let request = world.anyone(Method::GET, url(&stored));
    let other = Answer::to(request.header("If-None-Match", "\"a\"")).await;
    assert_eq!(other.status, 200);
    for range in [None, Some("bytes=0-5")] {
        let mut request = world.anyone(Method::HEAD, url(&stored));
        if let Some(range) = range {
            request = request.header("Range", range); // means something for GET alone
        }
        let head = Answer::to(request).await;
        let told = (head.status, head.header("content-length"), head.bytes.len());
        assert_eq!(told, (200, "100", 0), "{range:?}");
    }
}

#[tokio::test]
async fn what_is_private_is_its_owners_and_whom_he_invites() {
    let world = World::start().await;
    let (owner, stranger) = (world.trial().await, world.trial().await);
    let stored = image(&world, &owner, gif(100), false).await;
    let signed = url(&stored);
    let (plain, query) = signed.split_once('?').unwrap();
    let by = |account: &Account| world.request(account, Method::GET, plain);
    Answer::to(world.anyone(Method::GET, plain))
        .await
        .error(404, "NOT_FOUND");
    Answer::to(by(&stranger)).await.error(404, "NOT_FOUND");
    let own = Answer::to(by(&owner)).await;
    assert_eq!(
        (own.status, own.header("cache-control")),
        (200, "private, no-store")
    );
    let invited = Answer::to(world.anyone(Method::GET, signed)).await;
    assert_eq!(
        (invited.status, invited.header("cache-control")),
        (200, "private, no-store")
    );

    let other = image(&world, &owner, gif(101), false).await;
    let of_other = url(&other).split_once('?').unwrap().1;
    let last = if query.ends_with('0') { "1" } else { "0" };
    let flipped = format!("{}{last}", &query[..query.len() - 1]);
    let later = query.replacen("expires=1", "expires=2", 1);
    let (expires, signature) = query.split_once('&').unwrap();
    for forged in [
        &flipped,
        &later,
        of_other,
        expires,
        signature,
        "expires=&signature=",
        &format!("expires=soon&{signature}"),
        &format!("{expires}&signature=%ff"),
        &format!("expires=99999999999999999999&{signature}"),
        &format!("{expires}&signature={}", "0".repeat(64)),
    ] {
        let answer = Answer::to(world.anyone(Method::GET, &format!("{plain}?{forged}"))).await;
        assert_eq!(answer.status, 404, "{forged}: {answer:?}");
        answer.error(404, "NOT_FOUND");
    }
    world.clock.advance(Duration::from_secs(3_599));
    assert_eq!(
        Answer::to(world.anyone(Method::GET, signed)).await.status,
        200
    );
    world.clock.advance(Duration::from_secs(1));
    Answer::to(world.anyone(Method::GET, signed))
        .await
        .error(404, "NOT_FOUND");
    let stale = Answer::to(world.request(&owner, Method::GET, signed)).await;
    assert_eq!(stale.status, 200, "its owner needs no signature");
}

#[tokio::test]
async fn an_address_is_one_of_ours_or_of_nothing() {
    let world = World::start().await;
    let account = world.trial().await;
    let stored = image(&world, &account, gif(100), true).await;
    let id = stored["id"].as_str().unwrap();
    for (name, status) in [
        (format!("{id}.gif"), 200),
        (id.to_owned(), 200),
        (format!("{id}.gif?v=12345&expires=never"), 200),
        (format!("{id}.png"), 404),
        (format!("{id}.gif.gif"), 404),
        (id.to_uppercase(), 404),
        ("img_zzzzzzzzzzzzzzzzzzzzzzzzzz.gif".to_owned(), 404),
        ("%ff".to_owned(), 404),
        ("..%2fpicora.sqlite".to_owned(), 404),
        ("%2e%2e".to_owned(), 404),
        (String::new(), 404),
    ] {
        let answer = Answer::to(world.anyone(Method::GET, &format!("/media/{name}"))).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
    }
    world
        .delete(&account, format!("/v1/images/{id}"))
        .await
        .data();
    Answer::to(world.anyone(Method::GET, url(&stored)))
        .await
        .error(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_what_is_being_removed_has_it_or_does_not_find_it() {
    let world = World::with(|config| config.uploads.max_open = 64).await;
    let account = world.admin().await;
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(1));
        let uploaded = world.upload(&account, "/v1/images", gif(10)).await;
        let path = format!("/v1/images/{}", uploaded.id());
        let data = uploaded.success(201);
        let reads = (0..4).map(|_| Answer::to(world.anyone(Method::GET, url(&data))));
        let reads = futures::future::join_all(reads);
        let (read, removed) = tokio::join!(reads, world.delete(&account, path));
        removed.data();
        for answer in read {
            assert!([200, 404].contains(&answer.status), "{answer:?}");
        }
    }
}
