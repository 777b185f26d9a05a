//! The promises of the service, against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use picora_testkit::Postgres;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// The service with a database, and one account in it.
struct World {
    pool: PgPool,
    service: Router,
    account: String,
}

impl World {
    async fn start(url: &str, max_notes: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .connect(url)
            .await
            .unwrap();
        quota_postgres::migrate(&pool).await.unwrap();
        let mut world = Self {
            service: quota_postgres::router(pool.clone()),
            pool,
            account: String::new(),
        };
        let new = json!({ "name": "Ada", "maxNotes": max_notes, "maxNoteBytes": 100 });
        let (status, made) = world.call("POST", "/accounts", None, &new).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        world.account = made["id"].as_str().unwrap().to_owned();
        world
    }

    async fn fresh(max_notes: u32) -> Self {
        Self::start(&Postgres::shared().fresh_database(), max_notes).await
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        assert!(response.headers().contains_key("X-Request-Id"));
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        (status, body)
    }

    async fn post(&self, title: &str, key: Option<&str>) -> (StatusCode, Value) {
        let path = format!("/accounts/{}/notes", self.account);
        let note = json!({ "title": title, "body": "two litres" });
        self.call("POST", &path, key, &note).await
    }

    async fn delete(&self, id: &Value) -> StatusCode {
        let path = format!("/notes/{id}");
        self.call("DELETE", &path, None, &Value::Null).await.0
    }

    /// What is used, after looking that it is what the rows say and that nothing is left reserved.
    async fn used(&self) -> i64 {
        let path = format!("/accounts/{}/usage", self.account);
        let (status, usage) = self.call("GET", &path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{usage}");
        let used = usage["notes"]["used"].as_i64().unwrap();
        assert_eq!(used, self.count("SELECT count(*) FROM notes").await);
        let reserved = "SELECT sum(reserved)::bigint FROM picora_usage";
        assert_eq!(self.count(reserved).await, 0);
        used
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let counted: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        counted.unwrap_or(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_exactly_the_limit_is_admitted() {
    let world = Arc::new(World::fresh(10).await);
    let mut requests = JoinSet::new();
    for number in 0..64 {
        let world = world.clone();
        requests.spawn(async move { world.post(&format!("note {number}"), None).await });
    }
    let answers = requests.join_all().await;
    let admitted = answers.iter().filter(|it| it.0 == StatusCode::CREATED);
    assert_eq!(admitted.count(), 10);
    for (_, body) in answers.iter().filter(|it| it.0 != StatusCode::CREATED) {
        assert_eq!(body["code"], "QUOTA_EXCEEDED", "{body}");
        let meta = &body["meta"];
        assert_eq!(
            (&meta["type"], &meta["used"], &meta["limit"]),
            (&json!("doc_count"), &json!(10), &json!(10))
        );
    }
    assert_eq!(world.used().await, 10);
}

#[tokio::test]
async fn what_the_schema_refuses_leaves_no_charge() {
    let world = World::fresh(10).await;
    let (status, body) = world.post("", None).await;
    assert_eq!(
        (status, &body["meta"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("title"))
    );
    assert_eq!(world.post("a\0b", None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.used().await, 0);

    assert_eq!(world.post("milk", None).await.0, StatusCode::CREATED);
    assert_eq!(world.post("milk", None).await.0, StatusCode::CONFLICT);
    assert_eq!(world.used().await, 1);
    let of_notes = "SELECT count(*) FROM picora_reservation";
    assert_eq!(world.count(of_notes).await, 1, "no trace of what failed");
}

#[tokio::test]
async fn an_account_and_its_limits_are_made_together_or_not_at_all() {
    let world = World::fresh(1).await;
    let nameless = json!({ "name": "", "maxNotes": 1, "maxNoteBytes": 1 });
    let (status, body) = world.call("POST", "/accounts", None, &nameless).await;
    assert_eq!(
        (status, &body["meta"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("name"))
    );
    let limited = "SELECT count(DISTINCT account) FROM picora_account_limit";
    assert_eq!(world.count(limited).await, 1);
}

#[tokio::test]
async fn a_note_that_is_too_large_takes_nothing() {
    let world = World::fresh(1).await;
    let path = format!("/accounts/{}/notes", world.account);
    for (bytes, expected) in [(101, StatusCode::FORBIDDEN), (100, StatusCode::CREATED)] {
        let note = json!({ "title": "long", "body": "x".repeat(bytes) });
        let (status, body) = world.call("POST", &path, None, &note).await;
        assert_eq!(status, expected, "{body}");
    }
    let huge = json!({ "title": "huge", "body": "x".repeat(1 << 20) });
    let (status, body) = world.call("POST", &path, None, &huge).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
    assert_eq!(world.used().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_frees_at_once_and_once() {
    let world = Arc::new(World::fresh(2).await);
    let (_, first) = world.post("milk", None).await;
    assert_eq!(world.post("bread", None).await.0, StatusCode::CREATED);
    assert_eq!(world.post("eggs", None).await.0, StatusCode::FORBIDDEN);

    let mut deletions = JoinSet::new();
    for _ in 0..8 {
        let (world, id) = (world.clone(), first["id"].clone());
        deletions.spawn(async move { world.delete(&id).await });
    }
    let mut answers = deletions.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers[0], StatusCode::NO_CONTENT);
    assert!(answers[1..].iter().all(|it| *it == StatusCode::NOT_FOUND));
    assert_eq!(world.delete(&first["id"]).await, StatusCode::NOT_FOUND);
    assert_eq!(world.used().await, 1);
    assert_eq!(world.post("eggs", None).await.0, StatusCode::CREATED);
    assert_eq!(world.used().await, 2);
}

/// One writes what the other removes: were the ledger not locked first, the unique title would close a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_and_deleting_the_same_title_never_deadlocks() {
    let world = Arc::new(World::fresh(1_000).await);
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        workers.spawn(async move {
            for _ in 0..25 {
                let (status, made) = world.post("milk", None).await;
                assert!(
                    [StatusCode::CREATED, StatusCode::CONFLICT].contains(&status),
                    "{made}"
                );
                let any: Option<i64> = sqlx::query_scalar("SELECT id FROM notes")
                    .fetch_optional(&world.pool)
                    .await
                    .unwrap();
                if let Some(id) = any {
                    let status = world.delete(&json!(id)).await;
                    assert!([StatusCode::NO_CONTENT, StatusCode::NOT_FOUND].contains(&status));
                }
            }
        });
    }
    workers.join_all().await;
    world.used().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(world.count(deadlocks).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_key_makes_one_note() {
    let world = Arc::new(World::fresh(1).await);
    let mut requests = JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        requests.spawn(async move { world.post("milk", Some("k1")).await });
    }
    let answers = requests.join_all().await;
    assert!(
        answers
            .iter()
            .all(|it| it.0 == StatusCode::CREATED && it.1 == answers[0].1),
        "{answers:?}"
    );
    assert_eq!(world.used().await, 1);

    assert_eq!(
        world.post("other", Some("k1")).await.0,
        StatusCode::CONFLICT
    );
    let denied = world.post("eggs", Some("k2")).await;
    assert_eq!(denied.0, StatusCode::FORBIDDEN);
    let id = answers[0].1["id"].clone();
    assert_eq!(world.delete(&id).await, StatusCode::NO_CONTENT);
    // There is room now, but the key stands for a request that was denied, and another for a note that is gone.
    assert_eq!(
        world.post("eggs", Some("k2")).await.1["meta"],
        denied.1["meta"]
    );
    assert_eq!(world.post("milk", Some("k1")).await.0, StatusCode::CONFLICT);
    assert_eq!(world.post("eggs", Some("k3")).await.0, StatusCode::CREATED);
    let spaced = world.post("eggs", Some("two words")).await;
    assert_eq!(spaced.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.used().await, 1);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_leaves_nothing() {
    let mut world = World::fresh(1).await;
    let (status, body) = world.call("GET", "/nowhere", None, &Value::Null).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("NOT_FOUND"))
    );
    assert_eq!(world.delete(&json!(7)).await, StatusCode::NOT_FOUND);
    assert_eq!(world.delete(&json!("x")).await, StatusCode::NOT_FOUND);
    for stranger in ["acc_00000000000000000000000000", "me"] {
        world.account = stranger.to_owned();
        assert_eq!(world.post("milk", None).await.0, StatusCode::NOT_FOUND);
        let path = format!("/accounts/{stranger}/usage");
        let (status, _) = world.call("GET", &path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let limited = "SELECT count(DISTINCT account) FROM picora_account_limit";
    assert_eq!(world.count(limited).await, 1);
}

#[tokio::test]
async fn both_migrations_live_side_by_side_and_run_again_harmlessly() {
    let world = World::fresh(3).await;
    assert_eq!(world.post("milk", None).await.0, StatusCode::CREATED);
    let applied = "SELECT (SELECT count(*) FROM _sqlx_migrations) * 100 + (SELECT count(*) FROM picora_quota_migrations)";
    let before = world.count(applied).await;
    assert_eq!(before, 103);
    quota_postgres::migrate(&world.pool).await.unwrap();
    let (a, b) = tokio::join!(
        quota_postgres::migrate(&world.pool),
        quota_postgres::migrate(&world.pool)
    );
    a.and(b).unwrap();
    assert_eq!(world.count(applied).await, before);
    assert_eq!(world.used().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_start_at_once_on_an_empty_database() {
    let url = Postgres::shared().fresh_database();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        starts.spawn(async move { World::start(&url, 1).await.used().await });
    }
    assert_eq!(starts.join_all().await, [0; 4]);
}

/// PostgreSQL is killed under load and started again, three times over. Whoever got no answer repeats his request with its key: in the end
/// every note is there once, and is paid for once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_leaves_no_drift() {
    let mut server = Postgres::start();
    let world = Arc::new(World::start(&server.url(), 100_000).await);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let (world, stopping) = (world.clone(), stopping.clone());
        workers.spawn(async move {
            let mut number = 0;
            while !*stopping.borrow() {
                write_and_remove(&world, &format!("{worker}-{number}"), number % 3 == 0).await;
                number += 1;
            }
            number - (number + 2) / 3 // those that were not removed
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.restart();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send(true).unwrap();
    let kept: i64 = workers.join_all().await.into_iter().sum();
    assert!(kept > 50, "{kept} is no load");
    assert_eq!(world.used().await, kept);
}

/// Repeats each of the two until it has an answer.
async fn write_and_remove(world: &World, title: &str, removes: bool) {
    let id = loop {
        match world.post(title, Some(title)).await {
            (StatusCode::CREATED, made) => break made["id"].clone(),
            (StatusCode::SERVICE_UNAVAILABLE, _) => tokio::time::sleep(PAUSE).await,
            other => panic!("{other:?}"),
        }
    };
    if !removes {
        return;
    }
    loop {
        match world.delete(&id).await {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => return,
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(PAUSE).await,
            other => panic!("{other}"),
        }
    }
}

const PAUSE: Duration = Duration::from_millis(20);
