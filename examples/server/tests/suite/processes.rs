//! Several servers on one Redis, and a Redis that goes away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picora_core::PlanId;
use picora_ratelimit::Limit;
use picora_ratelimit::conformance::{Spend, over_admitted};
use picora_testkit::{Redis, RedisOptions};
use reqwest::{Client, Method};
use tokio::time::Instant;

use crate::child::{Child, Place};
use crate::world::Account;

const MINUTE: Duration = Duration::from_secs(60);

fn config(redis: &Redis) -> String {
    format!(
        "[rate_limits]\nread = {{ per_minute = 6000, burst = 300 }}\nhourly = 800\n\
         [rate_limits.redis]\nurls = [{:?}]\ndeadline_ms = 2000\n[log]\nfilter = \"info\"\n",
        redis.url()
    )
}

/// Three processes under 200 clients: no window and no span of the account's or of its key's limits admits too much, and neither is
/// charged without the other.
#[tokio::test(flavor = "multi_thread")]
async fn three_servers_keep_one_budget() {
    let redis = Redis::start();
    let place = Place::new("");
    let sink = place.path().join("spends");
    let account = place.account(PlanId::Pro);
    std::fs::write(place.data().join("signing.key"), [7; 32]).unwrap();
    let mut servers = Vec::new();
    for _ in 0..3 {
        // Each has its own copy of the accounts and of the key: what they share is in Redis alone.
        let own = Place::new(&config(&redis));
        copy(&place.data(), &own.data());
        let mut command = own.command();
        command.env("PICORA_SPENDS", &sink);
        servers.push(own.serve_as(command).await);
    }
    let seen = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let until = Instant::now() + Duration::from_secs(6);
    let clients = (0..200).map(|nth| {
        let (url, secret) = (servers[nth % 3].url.clone(), account.secret.clone());
        let (client, seen) = (Client::new(), seen.clone());
        tokio::spawn(async move {
            while Instant::now() < until {
                let request = client.get(format!("{url}/v1/images")).bearer_auth(&secret);
                let answer = request.send().await.unwrap();
                match answer.status().as_u16() {
                    200 => seen[0].fetch_add(1, Ordering::Relaxed),
                    429 => seen[1].fetch_add(1, Ordering::Relaxed),
                    other => panic!("{other}"),
                };
                let text = answer.headers().get("retry-after");
                let limited = text.is_some();
                drop(answer);
                if limited {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let text = std::fs::read_to_string(&sink).unwrap();
    let spends: Vec<Spend> = text
        .lines()
        .map(|line| Spend::from_line(line).unwrap())
        .collect();
    let [passed, refused] = [&seen[0], &seen[1]].map(|it| it.load(Ordering::Relaxed));
    println!(
        "{passed} passed, {refused} refused, {} charges",
        spends.len()
    );
    for limit in [
        Limit::window("minute", 6_000, MINUTE),
        Limit::gcra("burst", 6_000, MINUTE, 300),
        Limit::window("hour", 800, MINUTE * 60),
    ] {
        let limit = limit.unwrap();
        assert_eq!(over_admitted(&limit, &spends), 0, "{:?}", limit.name());
    }
    let mut subjects: Vec<_> = spends.iter().map(|it| it.subject).collect();
    subjects.sort();
    subjects.dedup();
    let charged = subjects
        .iter()
        .map(|subject| spends.iter().filter(|it| it.subject == *subject).count());
    assert_eq!(
        charged.collect::<Vec<_>>(),
        [passed; 2],
        "the account and its key, alike"
    );
    assert!(
        passed >= 700 && refused > 100,
        "{passed} passed, {refused} refused"
    );
    let mut processes: Vec<_> = spends.iter().map(|it| it.instance).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 3);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|it| (it.path(), it.file_name())).unwrap();
        if path.is_file() {
            std::fs::copy(path, to.join(name)).unwrap();
        }
    }
}

/// Killed under load with its append-only file on, for two seconds (30 in the soak): reads go on by this process' own part, changes are
/// refused with 503, all in time; when it is back, it is asked again, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_leaves_each_tier_its_mode() {
    let away = if std::env::var_os("PICORA_SOAK").is_some() {
        30
    } else {
        2
    };
    let mut redis = Redis::start_with(RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    });
    let text = config(&redis).replace("deadline_ms = 2000", "deadline_ms = 50");
    let place = Place::new(&text.replace("hourly = 800", "hourly = 1000000"));
    let account = place.account(PlanId::Pro);
    let server = place.serve().await;
    let (read, changed) = both(&server, &account).await;
    assert_eq!((read, changed), (200, 404));
    redis.kill();
    let until = Instant::now() + Duration::from_secs(away);
    while Instant::now() < until {
        let asked = Instant::now();
        let (read, changed) = both(&server, &account).await;
        assert!(
            asked.elapsed() < Duration::from_millis(700),
            "{:?}",
            asked.elapsed()
        );
        assert!(
            matches!(read, 200 | 429),
            "the process decides alone: {read}"
        );
        assert_eq!(changed, 503);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    redis.restart();
    let until = Instant::now() + Duration::from_secs(10);
    while both(&server, &account).await != (200, 404) {
        assert!(Instant::now() < until, "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The statuses of a read, and of the removal of what is not there.
async fn both(server: &Child, account: &Account) -> (u16, u16) {
    let read = server.request(account, Method::GET, "/v1/images").send();
    let remove = format!("/v1/images/img_{}", "0".repeat(26));
    let changed = server.request(account, Method::DELETE, &remove).send();
    let status = |answer: Result<reqwest::Response, _>| answer.unwrap().status().as_u16();
    (status(read.await), status(changed.await))
}
