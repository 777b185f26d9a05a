//! Uploads of a day: a clock resets them, not a deletion (#207–#209).

use std::time::Duration;

use picora_core::{CalendarDay, Clock, Timestamp};

use crate::world::{START, World, gif};

async fn a_spent_day() -> (World, crate::world::Account, Vec<String>) {
    let world = World::with_plans(&[("uploadsPerDay = 200 ", "uploadsPerDay = 4 ")]).await;
    let account = world.trial().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let answer = world.upload(&account, "/v1/images", gif(10)).await;
        answer.success(201);
        ids.push(answer.id());
    }
    (world, account, ids)
}

#[tokio::test]
async fn the_wait_is_to_midnight_and_a_second_less_is_too_early() {
    let (world, account, _) = a_spent_day().await;
    let late_evening = CalendarDay::of(START)
        .end()
        .saturating_sub(Duration::from_micros(90_500_001));
    world.clock.set(late_evening);
    let refused = world.upload(&account, "/v1/images", gif(10)).await;
    let meta = refused.error(429, "RATE_LIMIT");
    assert_eq!(meta["type"], "uploads_per_day");
    assert_eq!((&meta["used"], &meta["limit"]), (&4.into(), &4.into()));
    assert_eq!(refused.number("retry-after"), 91, "90.500001 s, rounded up");
    world.clock.advance(Duration::from_secs(90));
    let early = world.upload(&account, "/v1/docs", b"text".to_vec()).await;
    assert_eq!(early.error(429, "RATE_LIMIT")["retryAfterSec"], 1);
    world.clock.advance(Duration::from_secs(1));
    assert!(world.clock.now() >= CalendarDay::of(START).end());
    let passed = world.upload(&account, "/v1/images", gif(10)).await;
    passed.success(201);
    let uploads = world.usage(&account).await["uploads"].clone();
    assert_eq!(uploads["day"]["used"], 1, "a new day");
    assert_eq!(uploads["month"]["used"], 5, "the same month");
}

#[tokio::test]
async fn a_deletion_gives_no_upload_back() {
    let (world, account, ids) = a_spent_day().await;
    for id in &ids {
        world
            .delete(&account, &format!("/v1/images/{id}"))
            .await
            .data();
    }
    world.a_minute_passes();
    let refused = world.upload(&account, "/v1/images", gif(10)).await;
    refused.error(429, "RATE_LIMIT");
    let usage = world.usage(&account).await;
    assert_eq!(usage["image"]["storage"]["used"], 0);
    assert_eq!(usage["uploads"]["day"]["used"], 4);
}

#[tokio::test]
async fn a_month_is_waited_for_to_its_end() {
    let world = World::with_plans(&[("uploadsPerMonth = 2_000 ", "uploadsPerMonth = 1 ")]).await;
    let account = world.trial().await;
    world
        .upload(&account, "/v1/images", gif(10))
        .await
        .success(201);
    let refused = world.upload(&account, "/v1/images", gif(10)).await;
    let meta = refused.error(429, "RATE_LIMIT");
    assert_eq!(meta["type"], "uploads_per_month");
    let december = Timestamp::from_unix_seconds(1_796_083_200); // 2026-12-01T00:00:00Z
    let wait = december.saturating_since(START).as_secs();
    assert_eq!(refused.number("retry-after"), wait);
    world.clock.advance(Duration::from_secs(wait));
    world
        .upload(&account, "/v1/images", gif(10))
        .await
        .success(201);
}
