//! How usage went, as the API tells it.

use std::time::Duration;

use picora_core::{CalendarMonth, Clock, PlanId};
use reqwest::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::world::{Account, World, gif};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn points(world: &World, of: &Account, query: &str) -> Vec<(String, i64, i64)> {
    let path = format!("/v1/user/me/usage/history?{query}");
    let data = world.get(of, path).await.data();
    let number = |value: &Value| value.as_i64().unwrap();
    let point = |point: &Value| {
        let start = point["start"].as_str().unwrap().to_owned();
        (start, number(&point["moved"]), number(&point["level"]))
    };
    data["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(point)
        .collect()
}

async fn upload(world: &World, by: &Account, bytes: usize) -> String {
    let answer = world.upload(by, "/v1/images", gif(bytes)).await;
    answer.success(201);
    answer.id()
}

/// 26 hours and 14 months of an account, before and after old facts are rolled up: the sums are the ledger's.
#[tokio::test]
async fn hours_and_months_add_up_to_what_is_used() {
    let world = World::start().await;
    let account = world.account(PlanId::Pro).await;
    let stranger = world.account(PlanId::Pro).await;
    for hour in 1..=26 {
        upload(&world, &account, 100 * hour).await;
        upload(&world, &stranger, 7).await;
        world.clock.advance(HOUR);
    }
    let hours = points(&world, &account, "dimension=img_storage&grain=hour").await;
    assert_eq!(hours.len(), 26);
    let used = world.usage(&account).await["image"]["storage"]["used"].clone();
    assert_eq!(hours.iter().map(|it| it.1).sum::<i64>(), used);
    assert_eq!(hours.last().unwrap().2, used, "the level is what there is");
    let days = points(&world, &account, "dimension=img_storage").await;
    assert_eq!(days.iter().map(|it| it.1).sum::<i64>(), used);
    assert_eq!(days.len(), 2, "a day is the grain that nobody names");
    let first = hours[0].0.clone();
    let span = format!(
        "dimension=img_storage&grain=hour&from={first}&to={}",
        hours[3].0
    );
    let some = points(&world, &account, &span).await;
    assert_eq!(some, &hours[..3], "from is inclusive, to is not");

    let mut expected = vec![(26, used.as_i64().unwrap())];
    for month in 1..=13_i64 {
        let next = CalendarMonth::of(world.clock.now()).end();
        world
            .clock
            .advance(next.saturating_since(world.clock.now()));
        upload(&world, &account, 10_000).await;
        expected.push((1, expected[0].1 + month * 10_000));
    }
    let ask = async |dimension: &str| {
        let span = "from=2026-11-01T00:00:00Z";
        let query = format!("dimension={dimension}&grain=month&{span}");
        points(&world, &account, &query).await
    };
    for rolled_up in [false, true] {
        if rolled_up {
            let store = world.app.media.store();
            let rolled = store.roll_up(10_000, world.clock.now()).await.unwrap();
            assert!(rolled > 26, "{rolled} facts are old enough");
        }
        let (levels, uploads) = (ask("img_storage").await, ask("uploads_per_month").await);
        let seen = uploads.iter().zip(&levels);
        let seen: Vec<_> = seen.map(|(uploads, level)| (uploads.1, level.2)).collect();
        assert_eq!(seen, expected, "rolled up: {rolled_up}");
        assert_eq!(uploads[0].0, "2026-11-01T00:00:00.000000Z");
    }
    let usual = points(&world, &account, "dimension=img_storage&grain=month").await;
    assert_eq!(usual.len(), 13, "a year ago is in the thirteenth month");
}

#[tokio::test]
async fn what_is_removed_moves_down_and_the_level_with_it() {
    let world = World::start().await;
    let account = world.trial().await;
    upload(&world, &account, 300).await;
    world.clock.advance(HOUR);
    let id = upload(&world, &account, 50).await;
    world.clock.advance(HOUR);
    world
        .delete(&account, format!("/v1/images/{id}"))
        .await
        .data();
    let audio = b"RIFF\x24\0\0\0WAVEfmt ".to_vec();
    world
        .upload(&account, "/v1/audio", audio)
        .await
        .success(201);
    let moved: Vec<_> = points(&world, &account, "dimension=img_storage&grain=hour").await;
    let moved: Vec<_> = moved.iter().map(|it| (it.1, it.2)).collect();
    assert_eq!(moved, [(300, 300), (50, 350), (-50, 300)]);
    for part in ["media_storage", "audio_storage_bytes"] {
        let point = points(&world, &account, &format!("dimension={part}")).await;
        assert_eq!((point[0].1, point[0].2), (16, 16), "{part}");
    }
    let uploads = points(&world, &account, "dimension=uploads_per_day").await;
    assert_eq!((uploads.len(), uploads[0].1), (1, 3), "uploads stay");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_by_name() {
    let world = World::start().await;
    let account = world.trial().await;
    let by = "dimension=img_storage";
    for (query, field, numbers) in [
        ("", "query", None),
        ("dimension=images", "dimension", None),
        ("dimension=doc_max_file", "dimension", None),
        ("dimension=open_reservations", "dimension", None),
        (&format!("{by}&grain=week"), "grain", None),
        (&format!("{by}&from=yesterday"), "from", None),
        (&format!("{by}&from=2026-11-20"), "from", None),
        (&format!("{by}&to=2026-11-20T00:00:00"), "to", None),
        (&format!("{by}&from=2026-11-22T00:00:00Z"), "from", None),
        (
            &format!("{by}&from=2026-11-20T00:00:00Z&to=2026-11-20T00:00:00Z"),
            "from",
            None,
        ),
        (
            &format!("{by}&grain=hour&from=2026-10-17T09:59:59Z"),
            "from",
            Some(("limitDays", Value::from(35))),
        ),
        (
            &format!("{by}&grain=hour&from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00Z"),
            "from",
            Some(("keptSince", "2026-10-17T10:00:00.000000Z".into())),
        ),
        (
            &format!("{by}&from=2025-10-01T00:00:00Z"),
            "from",
            Some(("limitDays", 400.into())),
        ),
        (
            &format!("{by}&grain=month&from=2016-10-01T00:00:00Z"),
            "from",
            Some(("limitDays", 3_660.into())),
        ),
        (&format!("{by}&until=2026-11-22T00:00:00Z"), "query", None),
    ] {
        let path = format!("/v1/user/me/usage/history?{query}");
        let answer = world.get(&account, path).await;
        let meta = answer.error(400, "INVALID_REQUEST");
        assert_eq!(meta["field"], field, "{query}");
        if let Some((name, value)) = numbers {
            assert_eq!(meta[name], value, "{query}");
        }
    }
    let edge = format!("{by}&grain=hour&from=2026-10-17T10:00:00Z");
    assert_eq!(points(&world, &account, &edge).await, []);
    for path in ["/v1/user/me/usage/history", "/v1/me/usage/history"] {
        let path = format!("{path}?{by}");
        world.get(&account, &path).await.data();
        let nobody = Answer::to(world.anyone(Method::GET, &path)).await;
        assert_eq!(nobody.status, 401);
    }
}
