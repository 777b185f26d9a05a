//! Usage as it changes, over real connections.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use picora_core::PlanId;
#[cfg(feature = "real-servers")]
use picora_testkit::Postgres;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::answer::Answer;
use crate::child::{Child, Place};
#[cfg(feature = "real-servers")]
use crate::postgres::{beside, database, upload};
use crate::world::{Account, World, gif};

const PATH: &str = "/v1/user/me/usage/events";

/// What #46 gives a change to be seen.
const PROMPTLY: Duration = Duration::from_secs(2);

/// An open stream, read piece by piece.
struct Stream {
    response: Response,
    text: String,
}

#[derive(Debug)]
struct Event {
    id: String,
    data: Value,
}

impl Stream {
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().contains_key("ratelimit-remaining"));
        let text = String::new();
        Self { response, text }
    }

    /// The next block of lines, comments too; `None` at an end in order.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.response.chunk().await.expect("no broken end");
            self.text += std::str::from_utf8(&chunk?).unwrap();
        }
    }

    /// The next event, within that time.
    async fn within(&mut self, time: Duration) -> Event {
        let event = async {
            loop {
                let block = self.block().await.expect("the stream goes on");
                if let Some(event) = parse(&block) {
                    return event;
                }
            }
        };
        tokio::time::timeout(time, event)
            .await
            .expect("it comes in time")
    }

    /// Reads to the end, which comes within that time.
    async fn ends_within(&mut self, time: Duration) {
        let end = async { while self.block().await.is_some() {} };
        tokio::time::timeout(time, end)
            .await
            .expect("it ends in time");
    }
}

/// The event of a block; `None` for a comment.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim_start).map(str::to_owned)
    };
    let data = field("data:")?;
    assert_eq!(field("event:").as_deref(), Some("usage"), "{block}");
    Some(Event {
        id: field("id:").unwrap(),
        data: serde_json::from_str(&data).unwrap(),
    })
}

/// Without what changes by time alone.
fn numbers(mut usage: Value) -> Value {
    usage.as_object_mut().unwrap().remove("forecast").unwrap();
    usage
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_in_the_shape_of_the_usage() {
    let world = World::start().await;
    let (account, other) = (world.trial().await, world.trial().await);
    let mut stream = Stream::open(world.request(&account, Method::GET, PATH)).await;
    let first = stream.within(Duration::from_millis(200)).await;
    assert_eq!(first.data, world.usage(&account).await, "at once");
    world
        .upload(&other, "/v1/images", gif(9))
        .await
        .success(201);
    let uploaded = world.upload(&account, "/v1/images", gif(1_234)).await;
    let asked = Instant::now();
    loop {
        let event = stream.within(PROMPTLY).await; // what is reserved first is a change, too
        if event.data["image"]["storage"]["used"] == 1_234 {
            assert_eq!(numbers(event.data), numbers(world.usage(&account).await));
            break;
        }
    }
    assert!(asked.elapsed() < PROMPTLY, "{:?}", asked.elapsed());
    let path = format!("/v1/images/{}", uploaded.id());
    world.delete(&account, path).await.data();
    let event = stream.within(PROMPTLY).await;
    assert_eq!(event.data["image"]["storage"]["used"], 0);
    assert_eq!(event.data["uploads"]["day"]["used"], 1);
    assert_ne!(event.id, first.id);
    let quiet = tokio::time::timeout(PROMPTLY, stream.within(PROMPTLY * 2));
    assert!(quiet.await.is_err(), "no change, no event");
    let text = world.anyone(Method::GET, PATH).send().await.unwrap();
    assert_eq!(text.status(), 401);
}

/// Limits, too; and by another process, which here is the command line on the same SQLite.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_changes_is_told() {
    let child = Child::start("").await;
    let account = child.account(PlanId::Trial);
    let mut stream = Stream::open(child.request(&account, Method::GET, PATH)).await;
    stream.within(PROMPTLY).await;
    let id = account.id.to_string();
    let changed = child.place.run(&["account", "plan", &id, "pro"]);
    assert!(changed.status.success(), "{changed:?}");
    let event = stream.within(PROMPTLY).await;
    let expected = child.get(&account, "/v1/user/me/usage").await.data();
    assert_eq!(numbers(event.data), numbers(expected));
}

#[cfg(feature = "real-servers")]
#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_on_the_same_postgresql_changes_is_told() {
    let config = database(&Postgres::shared().fresh_database());
    let first = Place::new(&config).serve().await;
    let second = beside(&first, &config).await;
    let account = first.account(PlanId::Trial);
    let mut stream = Stream::open(first.request(&account, Method::GET, PATH)).await;
    stream.within(PROMPTLY).await;
    for round in 1..=3 {
        upload(&account, &second, gif(500)).await;
        let stored = Instant::now();
        while stream.within(PROMPTLY).await.data["image"]["storage"]["used"] != 500 * round {}
        assert!(stored.elapsed() < PROMPTLY, "{:?}", stored.elapsed());
    }
}

/// While the database is away nothing ends and nothing is lost.
#[cfg(feature = "real-servers")]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_ends_no_stream() {
    let mut server = Postgres::start();
    let child = Place::new(&database(&server.url())).serve().await;
    let account = child.account(PlanId::Trial);
    let mut stream = Stream::open(child.request(&account, Method::GET, PATH)).await;
    stream.within(PROMPTLY).await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.restart();
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let form = reqwest::multipart::Part::bytes(gif(700));
        let form = reqwest::multipart::Form::new().part("file", form);
        let request = child.request(&account, Method::POST, "/v1/images");
        if Answer::to(request.multipart(form)).await.status == 201 {
            break;
        }
        assert!(Instant::now() < until, "uploads pass again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    while stream.within(PROMPTLY * 3).await.data["image"]["storage"]["used"] != 700 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_told_what_he_has_not_seen() {
    let world = World::start().await;
    let account = world.trial().await;
    let open = async |seen: &str| {
        let request = world.request(&account, Method::GET, PATH);
        Stream::open(request.header("Last-Event-ID", seen)).await
    };
    let first = open("").await.within(PROMPTLY).await;
    let mut again = open(&first.id).await;
    let block = again.block().await.unwrap();
    assert!(parse(&block).is_none(), "a comment alone: {block}");
    assert!(block.starts_with("retry: "), "{block}");
    world
        .upload(&account, "/v1/images", gif(50))
        .await
        .success(201);
    while again.within(PROMPTLY).await.data["image"]["storage"]["used"] != 50 {}
    let missed = open(&first.id)
        .await
        .within(Duration::from_millis(200))
        .await;
    assert_eq!(missed.data["image"]["storage"]["used"], 50);
    let odd = open("grüße, no id")
        .await
        .within(Duration::from_millis(200))
        .await;
    assert_eq!(odd.id, missed.id, "the same numbers, the same id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_streams_and_no_task_runs_for_nobody() {
    let world = World::with(|config| config.events.per_account = 2).await;
    let (account, other) = (world.trial().await, world.trial().await);
    let followers = &world.app.followers;
    assert!(!followers.is_polling());
    let open = || Stream::open(world.request(&account, Method::GET, PATH));
    let (first, second) = (open().await, open().await);
    let refused = tokio::time::timeout(PROMPTLY, world.get(&account, PATH));
    let refused = refused.await.expect("no third stream opens");
    let meta = refused.error(429, "RATE_LIMITED");
    assert_eq!(meta["type"], "event_streams");
    assert_eq!((&meta["used"], &meta["limit"]), (&2.into(), &2.into()));
    assert_eq!(refused.number("retry-after"), 10);
    let third = Stream::open(world.request(&other, Method::GET, PATH)).await;
    assert_eq!((followers.count(), followers.is_polling()), (3, true));
    drop(first);
    let until = Instant::now() + PROMPTLY;
    while followers.count() > 2 {
        assert!(Instant::now() < until, "who has left is noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let fourth = open().await;
    drop((second, third, fourth));
    while followers.is_polling() {
        assert!(Instant::now() < until + PROMPTLY, "nobody is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(followers.count(), 0);
    open().await.within(PROMPTLY).await;
}

/// A reader who does not read makes nobody keep what he misses: he is told the newest numbers, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_the_newest_alone() {
    let world = World::start().await;
    let account = world.account(PlanId::Pro).await;
    let request = Request::get(PATH).header("authorization", format!("Bearer {}", account.secret));
    let router = picora_server::routes::router(&world.app);
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await;
    let mut body = answer.unwrap().into_body().into_data_stream();
    let mut next = async |time: Duration| {
        let piece = tokio::time::timeout(time, body.next()).await;
        piece.map(|it| String::from_utf8(it.unwrap().unwrap().to_vec()).unwrap())
    };
    let first = next(PROMPTLY).await.unwrap();
    assert_eq!(parse(&first).unwrap().data["uploads"]["day"]["used"], 0);
    for _ in 0..20 {
        let answer = world.upload(&account, "/v1/images", gif(10)).await;
        answer.success(201);
        world.a_minute_passes();
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let one = parse(&next(PROMPTLY).await.unwrap()).unwrap();
    assert_eq!(one.data["uploads"]["day"]["used"], 20);
    assert!(
        next(Duration::from_millis(1_500)).await.is_err(),
        "and no other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_server_and_do_not_hold_it() {
    let child = Child::start("").await;
    let account = child.account(PlanId::Trial);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::open(child.request(&account, Method::GET, PATH)).await;
        stream.within(PROMPTLY).await;
        streams.push(stream);
    }
    let asked = Instant::now();
    child.terminate();
    for stream in &mut streams {
        stream.ends_within(PROMPTLY).await;
    }
    let (status, log, _place) = child.ended().await;
    assert!(status.success() && !log.contains("cut off"), "{log}");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_their_credential_and_with_their_account() {
    let world = World::with(|config| config.events.keep_alive_seconds = 1).await;
    let (account, admin) = (world.trial().await, world.admin().await);
    let second = Account {
        secret: world.key(account.id).await,
        ..account.clone()
    };
    let mut of_first = Stream::open(world.request(&account, Method::GET, PATH)).await;
    let mut of_second = Stream::open(world.request(&second, Method::GET, PATH)).await;
    of_first.within(PROMPTLY).await;
    of_second.within(PROMPTLY).await;
    let verified = world.get(&account, "/v1/auth/verify").await.data();
    let key = verified["keyId"].as_str().unwrap().parse().unwrap();
    let (store, now) = (
        world.app.media.store(),
        picora_core::Clock::now(&*world.clock),
    );
    let mut tx = store.begin().await.unwrap();
    assert!(
        store
            .revoke_key_in(&mut tx, account.id, key, now)
            .await
            .unwrap()
    );
    store.finish(tx).await.unwrap();
    of_first.ends_within(Duration::from_secs(8)).await;
    let path = format!("/v1/admin/accounts/{}/disabled", account.id);
    let an_hour = serde_json::json!({"seconds": 3_600, "reason": "a test"});
    let disabled = world.request(&admin, Method::PUT, &path).json(&an_hour);
    Answer::to(disabled).await.data();
    of_second.ends_within(Duration::from_secs(8)).await;
}
