//! Those who have no key, a wrong one, or the id of another's resource.

use std::time::Duration;

use axum::http::Method;
use picora_core::{MediaKind, PlanId};
use picora_server::routes::{self, Access, resource::collection};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{Account, World, gif};

#[tokio::test]
async fn a_key_that_is_none_is_refused_and_then_held_off() {
    let world = World::with(|config| config.rate_limits.failed_credentials_per_minute = 12).await;
    let account = world.trial().await;
    let secret = &account.secret;
    let unknown = format!("sk_live_{}", "0".repeat(64));
    let mut wrong: Vec<Option<String>> = [
        format!("Bearer {unknown}"),
        format!("Bearer {}", secret.to_uppercase()),
        format!("Bearer {secret}0"),
        format!("Bearer {}", &secret[8..]),
        format!("Basic {secret}"),
        secret.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
        "Bearer sk_live_\u{e4}".to_owned(),
        format!("Bearer {secret} {secret}"),
    ]
    .map(Some)
    .to_vec();
    wrong.push(None);
    let ask = |credential: Option<String>| {
        let request = world.anyone(Method::GET, "/v1/auth/verify");
        Answer::to(match credential {
            Some(text) => request.header("Authorization", text),
            None => request,
        })
    };
    for credential in wrong {
        ask(credential).await.error(401, "UNAUTHENTICATED");
    }
    let held = ask(None).await;
    assert_eq!(held.error(429, "RATE_LIMITED")["retryAfterSec"], 60);
    assert_eq!(held.triplet(), None);
    // Who has a key passes from the same address, and the next minute is a new one.
    let passed = ask(Some(format!("bearer {secret}"))).await.data();
    let expected = json!({"accountId": account.id.to_string(), "keyId": passed["keyId"], "plan": "trial", "role": "user"});
    assert_eq!(passed, expected);
    world.clock.advance(Duration::from_secs(60));
    ask(None).await.error(401, "UNAUTHENTICATED");
}

/// One resource of each kind.
async fn resources(world: &World, of: &Account) -> Vec<(MediaKind, String)> {
    let mut ids = Vec::new();
    for kind in MediaKind::ALL {
        let file = match kind {
            MediaKind::Image => gif(100),
            MediaKind::Video => b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec(),
            MediaKind::Audio => b"RIFF\x24\0\0\0WAVEfmt ".to_vec(),
            MediaKind::Document => b"# text".to_vec(),
        };
        let path = format!("/v1/{}", collection(kind));
        let answer = world.upload(of, &path, file).await;
        answer.success(201);
        ids.push((kind, answer.id()));
    }
    ids
}

/// A body that the route takes, so that only the id is wrong.
fn fitting(path: &str) -> Value {
    match path.rsplit('/').next().unwrap() {
        "plan" => json!({"plan": "pro", "reason": "a test"}),
        "email" => json!({"email": null, "reason": "a test"}),
        "disabled" => json!({"seconds": 1, "reason": "a test"}),
        "access" => json!({"reason": "a test"}),
        _ => json!({"is_public": false}),
    }
}

/// #67, over the route table: whatever is not there, not of the kind, or not the caller's is not found, and stays as it was.
#[tokio::test]
async fn an_id_of_another_is_not_found_on_every_route() {
    let world = World::start().await;
    let owner = world.account(PlanId::Pro).await;
    let (stranger, admin) = (world.account(PlanId::Pro).await, world.admin().await);
    let theirs = resources(&world, &owner).await;
    let mut ids: Vec<String> = theirs.iter().map(|(_, id)| id.clone()).collect();
    let other_case = ids[0].to_uppercase();
    let flipped = ids[0].replacen("img_", "vid_", 1);
    ids.extend([
        other_case,
        flipped,
        "img_00000000000000000000000000".to_owned(),
        "img_zzzzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
        "img_".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
        "..%2f..%2fpicora.sqlite".to_owned(),
        owner.id.to_string().replace("acc_", "key_"),
        "x".repeat(4_000),
    ]);
    let mut asked = 0;
    for route in routes::table() {
        if !route.path.contains("{id}") {
            continue;
        }
        // An operator may open a resource by its id, and see an account: theirs are ids that nobody has.
        let caller = if route.access == Access::Admin {
            &admin
        } else {
            &stranger
        };
        let known = if route.access == Access::Admin { 4 } else { 0 };
        for id in &ids[known..] {
            world.a_minute_passes();
            let path = route.path.replace("{id}", id);
            let request = world.request(caller, route.method.clone(), &path);
            let request = request.json(&fitting(&route.path));
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 404, "{} {path}: {answer:?}", route.method);
            answer.error(404, "NOT_FOUND");
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
    for (kind, id) in theirs {
        let shown = world.get(&owner, format!("/v1/{}/{id}", collection(kind)));
        assert_eq!(shown.await.data()["is_public"], true, "{id}");
        let listed = world.get(&stranger, format!("/v1/{}", collection(kind)));
        assert_eq!(listed.await.data(), json!({"items": []}));
    }
}

#[tokio::test]
async fn a_change_that_is_none_is_refused() {
    let world = World::start().await;
    let account = world.trial().await;
    let uploaded = world.upload(&account, "/v1/images", gif(100)).await;
    let path = format!("/v1/images/{}", uploaded.id());
    for (body, field) in [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        (r#"{"is_public": "no"}"#, "body"),
        (r#"{"public": true}"#, "body"),
        (r#"{"is_public": true, "is_public": false}"#, "body"),
        (r#"{"tags": [""]}"#, "tags"),
        (r#"{"tags": ["a", 1]}"#, "body"),
        ("{\"tags\": [\"\u{0}\"]}", "body"),
        (r#"{"tags": ["\u0000"]}"#, "tags"),
    ] {
        world.a_minute_passes();
        let request = world.request(&account, Method::PATCH, &path).body(body);
        let meta = Answer::to(request).await.error(400, "INVALID_REQUEST");
        assert_eq!(meta["field"], field, "{body}");
    }
    let large = format!("{{\"tags\": [\"{}\"]}}", "a".repeat(70_000));
    let request = world.request(&account, Method::PATCH, &path).body(large);
    Answer::to(request).await.error(413, "PAYLOAD_TOO_LARGE");
    let deep = "[".repeat(60_000);
    let request = world.request(&account, Method::PATCH, &path).body(deep);
    Answer::to(request).await.error(400, "INVALID_REQUEST");
    assert_eq!(
        world.get(&account, &path).await.data(),
        uploaded.success(201)
    );
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1&limit=2",
        "page=2",
        "cursor=x",
        "cursor=doc_",
    ] {
        let answer = world.get(&account, format!("/v1/images?{query}")).await;
        answer.error(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn pages_lead_through_everything_once() {
    let world = World::start().await;
    let account = world.trial().await;
    let mut uploaded = Vec::new();
    for _ in 0..5 {
        uploaded.insert(0, world.upload(&account, "/v1/images", gif(10)).await.id());
        world.clock.advance(Duration::from_secs(1));
    }
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = world
            .get(&account, format!("/v1/images?{query}"))
            .await
            .data();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(cursor) => query = format!("limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, uploaded);
}
