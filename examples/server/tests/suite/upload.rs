//! Uploading within and beyond the limits of a plan.

use picora_core::PlanId;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::load::hex_sha256;
use crate::world::{World, gif};

const MEGABYTE: usize = 1 << 20;

#[tokio::test]
async fn a_file_in_the_field_file_becomes_a_resource() {
    let world = World::start().await;
    let account = world.trial().await;
    let part = Part::bytes(gif(1_000)).file_name("../../etc/cat.gif");
    let form = Form::new()
        .text("tags", " cats ")
        .text("tags", "pets")
        .text("is_public", "false")
        .part("file", part);
    let request = world.request(&account, Method::POST, "/v1/images");
    let answer = Answer::to(request.multipart(form)).await;
    let data = answer.success(201);
    let names: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "id",
        "kind",
        "url",
        "fileName",
        "contentType",
        "bytes",
        "sha256",
        "is_public",
        "tags",
        "createdAt",
    ];
    assert_eq!(names, expected);
    for (name, value) in [
        ("kind", json!("image")),
        ("fileName", json!("../../etc/cat.gif")),
        ("contentType", json!("image/gif")),
        ("bytes", json!(1_000)),
        ("sha256", json!(hex_sha256(&gif(1_000)))),
        ("is_public", json!(false)),
        ("tags", json!(["cats", "pets"])),
        ("createdAt", json!("2026-11-21T10:00:00.000000Z")),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    let shown = world.get(&account, format!("/v1/images/{}", answer.id()));
    assert_eq!(shown.await.data(), data);
    let listed = world.get(&account, "/v1/images?tag=pets").await.data();
    assert_eq!(listed, json!({"items": [data]}));
    // A name that climbs is shown, and nothing else: the only file lies where its id says.
    let files: Vec<_> = crate::world::files_below(&world.app.config.objects_dir()).collect();
    assert_eq!(files.len(), 1);
    let id = answer.id();
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert!(name.contains(id.as_str()), "{files:?}");
}

/// The one test with files as large as the documents' numbers; 100 MB are hashed once.
#[tokio::test]
async fn a_trial_holds_a_hundred_megabytes_and_not_a_byte_more() {
    let world = World::start().await;
    let account = world.trial().await;
    let large = world.upload(&account, "/v1/images", gif(101 * MEGABYTE));
    let meta = large.await.error(403, "QUOTA_EXCEEDED");
    assert_eq!(
        (&meta["type"], &meta["used"], &meta["limit"]),
        (&json!("img_storage"), &json!(0), &json!(104_857_600))
    );
    assert!(
        meta["requested"].as_u64().unwrap() > 104_857_600,
        "the reason is told: {meta}"
    );
    world.nothing_is_left(&account).await;

    let first = world.upload(&account, "/v1/images", gif(99 * MEGABYTE));
    let first = first.await;
    assert_eq!(first.success(201)["bytes"], 99 * MEGABYTE);
    let rest = world.upload(&account, "/v1/images", gif(MEGABYTE)).await;
    let rest = rest.success(201);
    let refused = world.upload(&account, "/v1/images", gif(6)).await;
    refused.error(403, "QUOTA_EXCEEDED");
    let documented = r#"{"success":false,"error":"Quota exceeded: img_storage","code":"QUOTA_EXCEEDED","meta":{"type":"img_storage","used":104857600,"limit":104857600}}"#;
    assert_eq!(refused.as_documented(), documented);

    // What failed passes right after a deletion (#46), and as many bytes as were freed, to the last.
    let path = format!("/v1/images/{}", rest["id"].as_str().unwrap());
    assert_eq!(
        world.delete(&account, &path).await.data()["deleted"],
        json!(true)
    );
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 99 * MEGABYTE);
    world.a_minute_passes();
    let again = world.upload(&account, "/v1/images", gif(MEGABYTE)).await;
    again.success(201);
    let more = world.upload(&account, "/v1/images", gif(6)).await;
    more.error(403, "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn equal_images_are_two_and_equal_documents_are_one() {
    let world = World::start().await;
    let (account, other) = (world.trial().await, world.trial().await);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = world.upload(&account, "/v1/images", gif(50)).await;
        answer.success(201);
        ids.push(answer.id());
    }
    assert_ne!(ids[0], ids[1]);

    let text = b"# Hello\n".to_vec();
    let first = world.upload(&account, "/v1/docs", text.clone()).await;
    first.success(201);
    let before = world.usage(&account).await;
    let again = world.upload(&account, "/v1/docs", text.clone()).await;
    assert_eq!(again.data(), first.success(201));
    assert_eq!(world.usage(&account).await, before, "nothing was charged");
    let elsewhere = world.upload(&other, "/v1/docs", text).await;
    elsewhere.success(201);
    assert_ne!(elsewhere.id(), first.id(), "per account, not global");
}

#[tokio::test]
async fn documents_have_three_limits_of_their_own() {
    let changes = [
        ("doc_count_limit = 20 ", "doc_count_limit = 2 "),
        ("doc_max_file_bytes = 1_048_576", "doc_max_file_bytes = 64"),
        ("doc_max_images_per_doc = 50", "doc_max_images_per_doc = 1"),
    ];
    let world = World::with_plans(&changes).await;
    let account = world.trial().await;
    let doc = |text: &str| world.upload(&account, "/v1/docs", text.as_bytes().to_vec());
    let mut at_most = "x".repeat(64);
    doc(&at_most).await.success(201);
    at_most.push('x');
    let denied = [
        (doc(&at_most).await, "doc_max_file", 64),
        (doc("![](a)![](b)").await, "doc_max_images_per_doc", 1),
    ];
    doc("![](a)").await.success(201);
    let full = doc("one more").await;
    for (answer, kind, limit) in denied.iter().chain([&(full, "doc_count", 2)]) {
        let meta = answer.error(403, "QUOTA_EXCEEDED");
        assert_eq!(
            (&meta["type"], &meta["limit"]),
            (&json!(kind), &json!(limit))
        );
        let told = format!("Quota exceeded: {kind}");
        assert_eq!(answer.json()["error"], told);
    }
    let usage = world.usage(&account).await;
    assert_eq!(usage["doc"]["count"], json!({"used": 2, "limit": 2}));
    assert_eq!(usage["uploads"]["day"]["used"], 2);
}

#[tokio::test]
async fn a_plan_says_what_it_hosts() {
    let world = World::start().await;
    let mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    let trial = world.trial().await;
    let refused = world.upload(&trial, "/v1/videos", mp4.clone()).await;
    let meta = refused.error(403, "PLAN_FORBIDS");
    assert_eq!(meta["type"], "video");
    world.nothing_is_left(&trial).await;
    let none = world.account(PlanId::None).await;
    for path in ["/v1/images", "/v1/videos", "/v1/audio", "/v1/docs"] {
        let refused = world.upload(&none, path, gif(50)).await;
        let meta = refused.error(403, "PLAN_REQUIRED");
        assert!(meta["upgradeUrl"].is_string(), "{meta}");
    }
    world.nothing_is_left(&none).await;
    let pro = world.account(PlanId::Pro).await;
    let stored = world.upload(&pro, "/v1/videos", mp4).await.success(201);
    assert_eq!(stored["contentType"], "video/mp4");
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_attempt() {
    let world = World::start().await;
    let account = world.trial().await;
    let with_key = |path: &'static str, key: &'static str, bytes: usize| {
        let request = world.uploading(&account, path, gif(bytes));
        Answer::to(request.header("Idempotency-Key", key))
    };
    let first = with_key("/v1/images", "one", 100).await;
    first.success(201);
    let again = with_key("/v1/images", "one", 100).await;
    assert_eq!(again.data(), first.success(201));
    with_key("/v1/images", "two", 100).await.success(201);
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 200);
    assert_eq!(usage["uploads"]["day"]["used"], 2);
    // The same key with another name is another request.
    let part = Part::bytes(gif(100)).file_name("another");
    let request = world.request(&account, Method::POST, "/v1/images");
    let request = request.header("Idempotency-Key", "one");
    let other = Answer::to(request.multipart(Form::new().part("file", part))).await;
    other.error(409, "CONFLICT");
    // Another account's key is its own.
    let stranger = world.trial().await;
    let request = world.uploading(&stranger, "/v1/images", gif(100));
    let theirs = Answer::to(request.header("Idempotency-Key", "one")).await;
    theirs.success(201);
    assert_ne!(theirs.id(), first.id());
}

#[tokio::test]
async fn usage_has_the_documents_shape() {
    let world = World::start().await;
    let account = world.trial().await;
    let usage = world.usage(&account).await;
    let monthly = |limit: u64| json!({"used": 0, "limit": limit, "monthYear": "2026-11"});
    let expected: Value = json!({
        "image": {"storage": {"used": 0, "limit": 104_857_600}, "bandwidth": monthly(2_147_483_648)},
        "video": {"storage": {"used": 0, "limit": 52_428_800}, "bandwidth": monthly(1_073_741_824), "status": "ok"},
        "doc": {"count": {"used": 0, "limit": 20}, "maxFileBytes": 1_048_576, "maxImagesPerDoc": 50},
        "audio": {"storage": {"used": 0}, "bandwidth": {"used": 0}},
        "uploads": {"day": {"used": 0, "limit": 200}, "month": {"used": 0, "limit": 2_000}},
        "forecast": {"imageBandwidthReachedAt": null, "videoBandwidthReachedAt": null, "uploadsReachedAt": null},
        "upgradeUrl": "https://picora.me/plans",
    });
    assert_eq!(usage.to_string(), expected.to_string(), "names, order");
    let alias = world.get(&account, "/v1/me/usage").await.data();
    assert_eq!(alias, usage);
}
