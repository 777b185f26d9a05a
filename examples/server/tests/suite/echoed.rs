//! The echo of usage on a real Redis, beside a running server: it follows, it comes back when it was lost, and it never decides.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use picora_core::{CalendarMonth, Clock, PlanId};
use picora_server::system::SystemClock;
use picora_testkit::Redis;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::world::{Account, gif};

/// So long may an echo be behind (#46, and issue 4).
const A_MINUTE: Duration = Duration::from_secs(60);

fn place(redis: &Redis) -> Place {
    Place::new(&format!(
        "[uploads]\nmax_open = 500\n[rate_limits]\nhourly = 10000000\nread = {{ per_minute = 100000, burst = 10000 }}\n\
         upload = {{ per_minute = 100000, burst = 10000 }}\nmutation = {{ per_minute = 100000, burst = 10000 }}\n\
         [jobs]\nfold_seconds = 1\n[echo]\nread_ms = 200\nlook_ms = 500\n[echo.redis]\nurl = {:?}\n[log]\nfilter = \"info\"\n",
        redis.url()
    ))
}

fn month() -> CalendarMonth {
    CalendarMonth::of(SystemClock.now())
}

/// What the echo says of an account under the documents' keys; a missing key is an empty text.
fn echoed(redis: &Redis, of: &Account) -> Vec<(String, String)> {
    let (id, month) = (of.id, month());
    let keys = [
        format!("quota:img_storage:{id}"),
        format!("quota:img_bandwidth:{id}:{month}"),
        format!("quota:video_storage:{id}"),
        format!("quota:video_bandwidth:{id}:{month}"),
        format!("quota:audio_storage:{id}"),
        format!("quota:audio_bandwidth:{id}:{month}"),
        format!("quota:doc_count:{id}"),
    ];
    let said = keys.map(|key| {
        let value = redis.command(&["GET", &key]);
        (key, value)
    });
    said.into()
}

/// The same of the usage answer, which SQL gives.
async fn used(server: &Child, of: &Account) -> Vec<u64> {
    let usage = server.get(of, "/v1/user/me/usage").await.data();
    let number = |value: &Value| value["used"].as_u64().unwrap();
    let (video, audio) = (&usage["video"], &usage["audio"]);
    let without = |part: &str| number(&video[part]) - number(&audio[part]);
    vec![
        number(&usage["image"]["storage"]),
        number(&usage["image"]["bandwidth"]),
        without("storage"),
        without("bandwidth"),
        number(&audio["storage"]),
        number(&audio["bandwidth"]),
        number(&usage["doc"]["count"]),
    ]
}

/// Waits until the echo says of all accounts what SQL says; how long that took.
async fn comes_right(server: &Child, redis: &Redis, accounts: &[Account]) -> Duration {
    let begun = Instant::now();
    'again: loop {
        for account in accounts {
            let truth = used(server, account).await.into_iter();
            let truth: Vec<_> = truth.map(|it| it.to_string()).collect();
            let said = echoed(redis, account);
            if said.iter().map(|it| &it.1).ne(&truth) {
                assert!(begun.elapsed() < A_MINUTE, "{said:?} is not {truth:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue 'again;
            }
        }
        return begun.elapsed();
    }
}

async fn upload(server: &Child, by: &Account, path: &str, file: Vec<u8>) -> Answer {
    let form = Form::new().part("file", Part::bytes(file).file_name("a file"));
    let request = server.request(by, Method::POST, path).multipart(form);
    Answer::to(request).await
}

/// Rows #47, #187–#191, C7, C24: the keys and their lives, after uploads, deliveries and a removal.
#[tokio::test(flavor = "multi_thread")]
async fn the_echo_follows_under_the_documents_keys() {
    let redis = Redis::start();
    let server = place(&redis).serve().await;
    let account = server.account(PlanId::ProPlus);
    let image = upload(&server, &account, "/v1/images", gif(3_000)).await;
    let mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    let videos = mp4.len();
    upload(&server, &account, "/v1/videos", mp4)
        .await
        .success(201);
    let mp3 = [b"ID3\x03\0\0\0\0\0\0".to_vec(), vec![0; 500]].concat();
    let sounds = mp3.len();
    upload(&server, &account, "/v1/audio", mp3)
        .await
        .success(201);
    for text in ["# one", "# two"] {
        let stored = upload(&server, &account, "/v1/docs", text.into()).await;
        stored.success(201);
    }
    let url = image.success(201)["url"].as_str().unwrap().to_owned();
    let path = url.split_once("/media/").unwrap().1;
    let media = format!("{}/media/{path}", server.url);
    let served = Answer::to(server.client.get(media)).await;
    assert_eq!(served.bytes.len(), 3_000);
    tokio::time::sleep(Duration::from_secs(2)).await; // what was served is folded
    comes_right(&server, &redis, std::slice::from_ref(&account)).await;
    let said = echoed(&redis, &account);
    let numbers: Vec<&str> = said.iter().map(|it| it.1.as_str()).collect();
    let (videos, sounds) = (videos.to_string(), sounds.to_string());
    assert_eq!(numbers, ["3000", "3000", &videos, "0", &sounds, "0", "2"]);
    for (key, _) in &said {
        let life: i64 = redis.command(&["TTL", key]).parse().unwrap();
        match key.contains("bandwidth") {
            true => assert!((3_887_900..=3_888_000).contains(&life), "{key}: {life}"),
            false => assert_eq!(life, -1, "{key}"),
        }
    }
    let status = format!("quota:video_status:{}", account.id);
    assert_eq!(redis.command(&["GET", &status]), "ok");
    let life: i64 = redis.command(&["TTL", &status]).parse().unwrap();
    assert!((1..=60).contains(&life), "{life}");
    let id = image.id();
    let removed = server.request(&account, Method::DELETE, &format!("/v1/images/{id}"));
    Answer::to(removed).await.data();
    let behind = comes_right(&server, &redis, std::slice::from_ref(&account)).await;
    assert!(behind < Duration::from_secs(2), "{behind:?}"); // #46
    assert_eq!(echoed(&redis, &account)[0].1, "0");
}

/// Clients that upload and remove until they are told to stop. Every answer is as it would be without an echo.
fn load(
    server: &Child,
    accounts: &[Account],
    done: &Arc<AtomicBool>,
) -> (Vec<tokio::task::JoinHandle<()>>, Arc<AtomicUsize>) {
    let answered = Arc::new(AtomicUsize::new(0));
    let clients = (0..8).map(|nth| {
        let account = accounts[nth % accounts.len()].clone();
        let (url, done, answered) = (server.url.clone(), done.clone(), answered.clone());
        tokio::spawn(async move {
            let client = Client::new();
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                let form = Form::new().part("file", Part::bytes(gif(100 + round)).file_name("a"));
                let request = client.post(format!("{url}/v1/images")).multipart(form);
                let stored = Answer::to(request.bearer_auth(&account.secret)).await;
                stored.success(201);
                if round % 3 == 0 {
                    let id = stored.id();
                    let remove = client.delete(format!("{url}/v1/images/{id}"));
                    Answer::to(remove.bearer_auth(&account.secret)).await.data();
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    (clients.collect(), answered)
}

/// What the accounts list, in bytes: nobody was charged twice, nothing was lost.
async fn listed(server: &Child, of: &Account) -> u64 {
    let (mut bytes, mut more) = (0, String::new());
    loop {
        let path = format!("/v1/images?limit=100{more}");
        let page = server.get(of, path).await.data();
        let items = page["items"].as_array().unwrap();
        bytes += items
            .iter()
            .map(|it| it["bytes"].as_u64().unwrap())
            .sum::<u64>();
        match page["nextCursor"].as_str() {
            Some(cursor) => more = format!("&cursor={cursor}"),
            None => return bytes,
        }
    }
}

/// Loses the echo again and again under load: no upload is refused or miscounted, and afterwards all of it is right within a minute.
async fn loses(trouble: impl AsyncFn(&mut Redis)) {
    let mut redis = Redis::start();
    let server = place(&redis).serve().await;
    let accounts: Vec<_> = (0..4).map(|_| server.account(PlanId::ProPlus)).collect();
    let idle = server.account(PlanId::ProPlus);
    upload(&server, &idle, "/v1/images", gif(77))
        .await
        .success(201);
    let all: Vec<_> = accounts.iter().cloned().chain([idle]).collect();
    comes_right(&server, &redis, &all).await;
    let done = Arc::new(AtomicBool::new(false));
    let (clients, answered) = load(&server, &accounts, &done);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        trouble(&mut redis).await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let behind = comes_right(&server, &redis, &all).await;
    for account in &all {
        let listed = listed(&server, account).await;
        assert_eq!(used(&server, account).await[0], listed);
    }
    let uploads = answered.load(Ordering::Relaxed);
    println!("{uploads} uploads were answered; the echo was right again after {behind:?}");
    assert!(uploads > 50, "{uploads}");
    server.terminate();
    let (status, log, _place) = server.ended().await;
    assert!(status.success(), "{log}");
    assert!(log.matches("the echo is whole").count() >= 2, "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_echo_comes_back_and_no_upload_notices() {
    loses(async |redis| drop(redis.command(&["FLUSHALL"]))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_and_comes_back_empty_costs_nobody_anything() {
    loses(async |redis| {
        redis.kill();
        tokio::time::sleep(Duration::from_millis(400)).await;
        redis.restart();
    })
    .await;
}

/// Of two servers on one database one keeps the echo; when it is killed the other goes on, within the minute.
#[tokio::test(flavor = "multi_thread")]
async fn another_server_takes_over_when_the_keeper_is_killed() {
    let redis = Redis::start();
    let (one, other) = (place(&redis), place(&redis));
    let account = one.account(PlanId::ProPlus);
    std::fs::create_dir_all(other.data()).unwrap();
    symlink(
        one.data().join("picora.sqlite"),
        other.data().join("picora.sqlite"),
    )
    .unwrap();
    let keeper = one.serve().await;
    upload(&keeper, &account, "/v1/images", gif(100))
        .await
        .success(201);
    comes_right(&keeper, &redis, std::slice::from_ref(&account)).await;
    let second = other.serve().await;
    upload(&second, &account, "/v1/images", gif(50))
        .await
        .success(201);
    comes_right(&second, &redis, std::slice::from_ref(&account)).await;
    let place = keeper.kill().await;
    upload(&second, &account, "/v1/images", gif(25))
        .await
        .success(201);
    let behind = comes_right(&second, &redis, std::slice::from_ref(&account)).await;
    println!("the other had taken over after {behind:?}");
    assert_eq!(echoed(&redis, &account)[0].1, "175");
    second.terminate();
    let (_, log, _place) = second.ended().await;
    assert!(log.contains("this process keeps the echo"), "{log}");
    drop(place);
}

/// The same on Workers KV, as its own client reads it: within the quarter minute in which changes go together, and some.
#[tokio::test(flavor = "multi_thread")]
async fn workers_kv_follows_too() {
    let kv = picora_testkit::Miniflare::shared();
    let namespace = kv.fresh_namespace();
    let place = Place::new(&format!(
        "[echo]\nread_ms = 200\n[echo.kv]\naccount = {:?}\nnamespace = {namespace:?}\ntoken = {:?}\nbase_url = {:?}\n[log]\nfilter = \"info\"\n",
        picora_testkit::Miniflare::ACCOUNT,
        picora_testkit::Miniflare::TOKEN,
        kv.base()
    ));
    let server = place.serve().await;
    let account = server.account(PlanId::ProPlus);
    let stored = upload(&server, &account, "/v1/images", gif(3_000)).await;
    stored.success(201);
    let key = format!("quota:img_storage:{}", account.id);
    let begun = Instant::now();
    loop {
        let (namespace, key) = (namespace.clone(), key.clone());
        let read = tokio::task::spawn_blocking(move || {
            kv.official(&namespace, &serde_json::json!([["get", { "key": key }]]))
        });
        let said = read.await.unwrap();
        if said[0]["answer"]["value"] == "3000" {
            break;
        }
        assert!(begun.elapsed() < A_MINUTE, "{said:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    server.terminate();
    let (status, log, _place) = server.ended().await;
    assert!(status.success(), "{log}");
    assert!(!log.contains(picora_testkit::Miniflare::TOKEN), "{log}");
}
