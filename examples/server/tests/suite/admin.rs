//! What operators may do, and how they come to be.

use std::time::Duration;

use picora_core::PlanId;
use picora_server::routes::{self, Access};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::child::Child;
use crate::world::{Account, World, gif};

async fn put(world: &World, by: &Account, path: &str, body: Value) -> Answer {
    let request = world.request(by, Method::PUT, path);
    Answer::to(request.json(&body)).await
}

#[tokio::test]
async fn nobody_else_gets_in() {
    let world = World::start().await;
    let account = world.trial().await;
    let mut asked = 0;
    for route in routes::table() {
        if route.access != Access::Admin {
            continue;
        }
        assert!(route.path.starts_with("/v1/admin/"), "{}", route.path);
        let path = route.path.replace("{id}", &account.id.to_string());
        let request = world.request(&account, route.method.clone(), &path);
        Answer::to(request.body("{")).await.error(403, "FORBIDDEN");
        let anonymous = Answer::to(world.anyone(route.method, &path)).await;
        anonymous.error(401, "UNAUTHENTICATED");
        asked += 1;
    }
    assert_eq!(asked, 5);
}

#[tokio::test]
async fn a_plan_changes_at_once() {
    let world = World::start().await;
    let (admin, account) = (world.admin().await, world.account(PlanId::None).await);
    let path = format!("/v1/admin/accounts/{}/plan", account.id);
    world
        .upload(&account, "/v1/images", gif(10))
        .await
        .error(403, "PLAN_REQUIRED");
    for (body, field) in [
        (json!({"plan": "trial", "reason": ""}), "reason"),
        (json!({"plan": "trial", "reason": " \n"}), "reason"),
        (
            json!({"plan": "trial", "reason": "x".repeat(501)}),
            "reason",
        ),
        (json!({"plan": "gold", "reason": "x"}), "plan"),
        (json!({"plan": "trial"}), "body"),
        (json!({"plan": "trial", "reason": "x", "more": 1}), "body"),
    ] {
        let meta = put(&world, &admin, &path, body)
            .await
            .error(400, "INVALID_REQUEST");
        assert_eq!(meta["field"], field);
    }
    world
        .upload(&account, "/v1/images", gif(10))
        .await
        .error(403, "PLAN_REQUIRED");
    let changed = put(
        &world,
        &admin,
        &path,
        json!({"plan": "trial", "reason": "a gift"}),
    )
    .await;
    let view = changed.data();
    assert_eq!(
        (&view["plan"], &view["role"]),
        (&json!("trial"), &json!("user"))
    );
    assert_eq!(view["usage"]["image"]["storage"]["limit"], 104_857_600);
    world
        .upload(&account, "/v1/images", gif(10))
        .await
        .success(201);
    let shown = world
        .get(&admin, format!("/v1/admin/accounts/{}", account.id))
        .await
        .data();
    assert_eq!(shown["usage"]["image"]["storage"]["used"], 10);
    put(
        &world,
        &admin,
        &path,
        json!({"plan": "pro", "reason": "paid"}),
    )
    .await
    .data();
    let mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    world.upload(&account, "/v1/videos", mp4).await.success(201);
    put(
        &world,
        &admin,
        &path,
        json!({"plan": "trial", "reason": "over"}),
    )
    .await
    .data();
    let late = world.upload(&account, "/v1/videos", gif(10)).await;
    late.error(403, "PLAN_FORBIDS");
    let expected = ["set_plan|a gift", "set_plan|paid", "set_plan|over"];
    assert_eq!(audited(&world, &account.id.to_string()).await, expected);
}

#[tokio::test]
async fn an_account_is_disabled_for_a_time() {
    let world = World::start().await;
    let (admin, account) = (world.admin().await, world.trial().await);
    let stored = world
        .upload(&account, "/v1/images", gif(10))
        .await
        .success(201);
    let path = format!("/v1/admin/accounts/{}/disabled", account.id);
    let body = json!({"seconds": 60, "reason": "abuse"});
    let view = put(&world, &admin, &path, body).await.data();
    assert_eq!(view["disabledUntil"], "2026-11-21T10:01:00.000000Z");
    for request in [
        world.request(&account, Method::GET, "/v1/images"),
        world.uploading(&account, "/v1/images", gif(10)),
    ] {
        let meta = Answer::to(request).await.error(403, "ACCOUNT_DISABLED");
        assert_eq!(meta["until"], "2026-11-21T10:01:00.000000Z");
    }
    let media = Answer::to(world.anyone(Method::GET, stored["url"].as_str().unwrap())).await;
    assert_eq!(media.status, 200, "what is public stays");
    world.clock.advance(Duration::from_secs(60));
    world.get(&account, "/v1/images").await.data();
    put(
        &world,
        &admin,
        &path,
        json!({"seconds": 60, "reason": "again"}),
    )
    .await
    .data();
    let view = put(
        &world,
        &admin,
        &path,
        json!({"seconds": 0, "reason": "a mistake"}),
    )
    .await;
    assert_eq!(view.data()["disabledUntil"], Value::Null);
    world.get(&account, "/v1/images").await.data();
    let expected = ["disable|abuse", "disable|again", "disable|a mistake"];
    assert_eq!(audited(&world, &account.id.to_string()).await, expected);
}

#[tokio::test]
async fn opening_a_resource_is_written_down_first() {
    let world = World::start().await;
    let (admin, owner) = (world.admin().await, world.trial().await);
    let uploaded = world.upload(&owner, "/v1/images", gif(10)).await;
    let id = uploaded.id();
    let request = world.request(&owner, Method::PATCH, &format!("/v1/images/{id}"));
    Answer::to(request.json(&json!({"is_public": false})))
        .await
        .data();
    let path = format!("/v1/admin/resources/{id}/access");
    let open = |reason: &str| {
        let request = world.request(&admin, Method::POST, &path);
        Answer::to(request.json(&json!({ "reason": reason })))
    };
    open(" ").await.error(400, "INVALID_REQUEST");
    assert!(audited(&world, &id).await.is_empty());
    let plain = format!("/media/{id}");
    Answer::to(world.request(&admin, Method::GET, &plain))
        .await
        .error(404, "NOT_FOUND");
    let opened = open("court order 7").await.data();
    let media = Answer::to(world.anyone(Method::GET, opened["url"].as_str().unwrap())).await;
    assert_eq!(media.status, 200);
    assert_eq!(audited(&world, &id).await, ["open_resource|court order 7"]);
}

/// The command line beside a running server, which knows within five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_made_and_unmade_on_the_host() {
    let child = Child::start("").await;
    let account = child.account(PlanId::Trial);
    let (id, path) = (
        account.id.to_string(),
        format!("/v1/admin/accounts/{}", account.id),
    );
    child.get(&account, &path).await.error(403, "FORBIDDEN");
    for (verb, status) in [("grant", 200), ("revoke", 403)] {
        let output = child.place.run(&["admin", verb, &id]);
        assert!(output.status.success(), "{output:?}");
        let mut seen = 0;
        for _ in 0..70 {
            seen = child.get(&account, &path).await.status;
            if seen == status {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(seen, status, "{verb}");
    }
    let moved = child.place.run(&["account", "plan", &id, "pro"]);
    assert!(moved.status.success(), "{moved:?}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let verified = child.get(&account, "/v1/auth/verify").await.data();
    assert_eq!(
        (&verified["plan"], &verified["role"]),
        (&json!("pro"), &json!("user"))
    );
}

/// What the audit says of a subject, the oldest first: action and reason.
async fn audited(world: &World, subject: &str) -> Vec<String> {
    use sqlx::Row;
    let file = world.app.config.database_file();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file)
        .read_only(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let query =
        sqlx::query("SELECT action, reason FROM picora_audit WHERE subject = ? ORDER BY number");
    let rows = query.bind(subject).fetch_all(&pool).await.unwrap();
    rows.iter()
        .map(|row| format!("{}|{}", row.get::<String, _>(0), row.get::<String, _>(1)))
        .collect()
}
