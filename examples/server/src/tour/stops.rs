//! The stops of the visit.

use std::time::Duration;

use picora_core::{CalendarDay, CalendarMonth, Clock};
use reqwest::Method;
use serde_json::{Value, json};

use super::visit::Visit;
use crate::egress;

type Stop = Result<(), reqwest::Error>;

/// Visits all stops, in the order of a first acquaintance.
pub(super) async fn all(visit: &mut Visit) -> Stop {
    credentials(visit).await?;
    images(visit).await?;
    full_account(visit).await?;
    documents(visit).await?;
    kinds(visit).await?;
    private_resources(visit).await?;
    delivery(visit).await?;
    history(visit).await?;
    events(visit).await?;
    notifications(visit).await?;
    rate_limits(visit).await?;
    daily_uploads(visit).await
}

async fn credentials(visit: &mut Visit) -> Stop {
    visit.heading("A key says who asks");
    let verified = visit.ask(Method::GET, "/v1/auth/verify").await?;
    visit.promise(
        verified.status == 200 && verified.json["data"]["plan"] == "trial",
        "the key belongs to a trial account",
    );
    let refused = visit.ask_anonymously("/v1/images").await?;
    let told = refused.json["requestId"] == refused.header("x-request-id");
    visit.promise(
        refused.status == 401 && told,
        "without a key 401, and the body carries the request's id (#75)",
    );
    Ok(())
}

async fn images(visit: &mut Visit) -> Stop {
    visit.heading("Images: a new id for every upload, quota free at once");
    let first = visit.upload("/v1/images", "../cat.gif", gif(1_000)).await?;
    let second = visit.upload("/v1/images", "cat.gif", gif(1_000)).await?;
    visit.promise(
        first.status == 201 && first.json["data"]["contentType"] == "image/gif",
        "201, and the content was looked at",
    );
    visit.promise(
        first.json["data"]["id"] != second.json["data"]["id"],
        "the same bytes twice are two resources (#55)",
    );
    let used = image_storage(visit).await?;
    visit.promise(used == 2_000, "usage is what is stored");
    for uploaded in [&first, &second] {
        visit
            .ask(
                Method::DELETE,
                &format!("/v1/images/{}", id(&uploaded.json)),
            )
            .await?;
    }
    let freed = image_storage(visit).await?;
    visit.promise(freed == 0, "deleting frees the quota at once (#46)");
    let wrong = visit
        .upload("/v1/images", "cat.png", b"not an image at all".to_vec())
        .await?;
    visit.promise(
        wrong.status == 415,
        "what is no image is refused, whatever its name says",
    );
    Ok(())
}

async fn full_account(visit: &mut Visit) -> Stop {
    visit.heading("A full trial: 100 MB and not a byte more");
    visit.wait(Duration::from_secs(60));
    let large = visit
        .upload("/v1/images", "large.gif", gif(TRIAL_IMAGES))
        .await?;
    visit.promise(large.status == 201, "exactly 100 MB fit an empty trial");
    let refused = visit.upload("/v1/images", "one more.gif", gif(10)).await?;
    let documented = json!({"success": false, "error": "Quota exceeded: img_storage", "code": "QUOTA_EXCEEDED",
        "meta": {"type": "img_storage", "used": TRIAL_IMAGES, "limit": TRIAL_IMAGES}});
    visit.promise(
        refused.status == 403 && refused.as_documented() == documented,
        "the refusal is the documents', to the letter (#214)",
    );
    visit
        .ask(Method::DELETE, &format!("/v1/images/{}", id(&large.json)))
        .await?;
    let again = visit.upload("/v1/images", "one more.gif", gif(10)).await?;
    visit.promise(
        again.status == 201,
        "after deleting, the same upload passes (#192)",
    );
    Ok(())
}

async fn documents(visit: &mut Visit) -> Stop {
    visit.heading("Documents: the same text is the same document");
    visit.wait(Duration::from_secs(60));
    let text = b"# Hello\n\n![cat](cat.png)\n".to_vec();
    let first = visit.upload("/v1/docs", "hello.md", text.clone()).await?;
    let again = visit.upload("/v1/docs", "other name.md", text).await?;
    visit.promise(
        (first.status, again.status) == (201, 200),
        "stored once, then found (C32)",
    );
    visit.promise(id(&first.json) == id(&again.json), "under one id (#56)");
    let usage = usage(visit).await?;
    visit.promise(usage["doc"]["count"]["used"] == 1, "and counted once");
    Ok(())
}

async fn kinds(visit: &mut Visit) -> Stop {
    visit.heading("What the plan hosts");
    let video = visit
        .upload(
            "/v1/videos",
            "clip.mp4",
            b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec(),
        )
        .await?;
    visit.promise(
        video.status == 403 && video.json["code"] == "PLAN_FORBIDS",
        "a trial hosts no video (#23)",
    );
    let audio = visit
        .upload("/v1/audio", "tone.wav", b"RIFF\x24\0\0\0WAVEfmt ".to_vec())
        .await?;
    visit.promise(audio.status == 201, "but a little audio (C1)");
    Ok(())
}

async fn private_resources(visit: &mut Visit) -> Stop {
    visit.heading("Private resources");
    let uploaded = visit.upload("/v1/images", "secret.gif", gif(100)).await?;
    let path = format!("/v1/images/{}", id(&uploaded.json));
    let hidden = visit
        .change(&path, &json!({"is_public": false, "tags": ["diary"]}))
        .await?;
    let signed = hidden.json["data"]["url"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let plain = signed.split('?').next().unwrap_or_default().to_owned();
    let stranger = visit.ask_anonymously(&plain).await?;
    visit.promise(
        stranger.status == 404,
        "for a stranger it does not exist (#163)",
    );
    let invited = visit.ask_anonymously(&signed).await?;
    visit.promise(invited.status == 200, "a signed address opens it");
    visit.wait(Duration::from_secs(60 * 60));
    let late = visit.ask_anonymously(&signed).await?;
    visit.promise(late.status == 404, "for an hour");
    Ok(())
}

async fn delivery(visit: &mut Visit) -> Stop {
    visit.heading("Delivery: what is sent is counted, and a new month begins at zero");
    let before = usage(visit).await?["image"]["bandwidth"]["used"]
        .as_u64()
        .unwrap_or_default();
    let uploaded = visit.upload("/v1/images", "shown.gif", gif(5_000)).await?;
    let url = uploaded.json["data"]["url"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let shown = visit.ask_anonymously(&url).await?;
    visit.promise(
        shown.status == 200 && shown.header("cache-control").contains("max-age=86400"),
        "cached for a day at the edge (#165)",
    );
    egress::fold(&visit.app).await;
    let bandwidth = &usage(visit).await?["image"]["bandwidth"];
    let counted = bandwidth["used"].as_u64().unwrap_or_default() - before;
    visit.promise(
        counted == 5_000 + 100,
        "every byte that left is in the usage, no more (#132)",
    );
    let month = bandwidth["monthYear"].clone();
    visit.promise(
        month == CalendarMonth::of(visit.clock.now()).to_string(),
        "under the month in UTC (#168)",
    );
    let next = CalendarMonth::of(visit.clock.now()).end();
    visit.wait(next.saturating_since(visit.clock.now()));
    let fresh = &usage(visit).await?["image"]["bandwidth"];
    visit.promise(
        fresh["used"] == 0 && fresh["monthYear"] != month,
        "on the 1st it counts from zero (#48)",
    );
    Ok(())
}

async fn history(visit: &mut Visit) -> Stop {
    visit.heading("How usage went: by the hour, the day and the month");
    let path = "/v1/user/me/usage/history?dimension=img_bandwidth&grain=month";
    let told = visit.ask(Method::GET, path).await?;
    let points = &told.json["data"]["points"];
    visit.promise(
        told.status == 200 && points[0]["moved"] == 5_000 + 100 && points[1].is_null(),
        "last month's traffic is a point of it, to the byte (#45, #161)",
    );
    let endless = visit
        .ask(Method::GET, &format!("{path}&from=1970-01-01T00:00:00Z"))
        .await?;
    visit.promise(
        endless.status == 400 && endless.json["meta"]["limitDays"] == 3_660,
        "a span that is too long is refused with the longest",
    );
    Ok(())
}

async fn events(visit: &mut Visit) -> Stop {
    visit.heading("Usage as it changes, without asking again");
    visit.wait(Duration::from_secs(60));
    let before = image_storage(visit).await?;
    let mut stream = visit.follow("/v1/user/me/usage/events").await?;
    let first = stream.event().await?;
    visit.promise(
        first["image"]["storage"]["used"] == before,
        "the first event comes at once, in the shape of the usage",
    );
    let begun = tokio::time::Instant::now();
    visit.upload("/v1/images", "new.gif", gif(3_000)).await?;
    let mut used = before;
    while used != before + 3_000 && begun.elapsed() < Duration::from_secs(4) {
        let event = stream.event().await?;
        used = event["image"]["storage"]["used"].as_u64().unwrap_or(0);
    }
    visit.promise(
        used == before + 3_000 && begun.elapsed() < Duration::from_secs(2),
        "an upload is seen within two seconds (#46)",
    );
    Ok(())
}

async fn notifications(visit: &mut Visit) -> Stop {
    visit.heading("Mails: the early ones can be turned off, by one click too");
    visit.wait(Duration::from_secs(60));
    let path = "/v1/user/me/notifications";
    let off = visit
        .change(path, &json!({"quotaAlertAt80": false}))
        .await?;
    visit.promise(
        off.status == 200 && off.json["data"]["quotaAlertAt80"] == false,
        "mails at 80 % of a limit are turned off (#157)",
    );
    let refused = visit
        .change(path, &json!({"quotaAlertAt100": false}))
        .await?;
    visit.promise(
        refused.status == 400 && refused.json["meta"]["field"] == "quotaAlertAt100",
        "those at 100 % stay on, and a sentence says why (#158, #220)",
    );
    visit.change(path, &json!({"quotaAlertAt80": true})).await?;
    let verified = visit.ask_quietly(Method::GET, "/v1/auth/verify").await?;
    let account = verified.json["data"]["accountId"].as_str();
    let account = account.and_then(|it| it.parse().ok());
    let link = account.map(|it| visit.app.unsubscriber.path(it));
    let link = link.unwrap_or_default();
    let page = visit.ask_anonymously(&link).await?;
    let still_on = visit.ask_quietly(Method::GET, path).await?;
    visit.promise(
        page.status == 200 && still_on.json["data"]["quotaAlertAt80"] == true,
        "the link of a mail shows a page and changes nothing",
    );
    let clicked = visit.click(&link).await?;
    let now_off = visit.ask_quietly(Method::GET, path).await?;
    visit.promise(
        clicked.status == 200 && now_off.json["data"]["quotaAlertAt80"] == false,
        "one click, by the mail program or on the page, turns them off (C58)",
    );
    Ok(())
}

async fn rate_limits(visit: &mut Visit) -> Stop {
    visit.heading("Rate limits: 600 a minute, 30 at one instant, and an honest Retry-After");
    visit.wait(Duration::from_secs(60 * 60));
    let mut passed = 0;
    let mut last = visit.ask_quietly(Method::GET, "/v1/images").await?;
    while last.status == 200 && passed < 100 {
        passed += 1;
        last = visit.ask_quietly(Method::GET, "/v1/images").await?;
    }
    println!(
        "→ GET /v1/images, again and again at one instant\n← {} {}",
        last.status, last.text
    );
    visit.promise(passed == 30, "exactly 30 of 31 pass at one instant (#225)");
    let seconds = last.header("retry-after").parse().unwrap_or(0);
    let documented = json!({"success": false, "error": "Rate limit exceeded", "code": "RATE_LIMITED", "meta": {"retryAfterSec": seconds}});
    visit.promise(
        last.status == 429 && last.as_documented() == documented,
        "the refusal is the documents', to the letter (#241)",
    );
    let same = ["limit", "remaining", "reset"].iter().all(|name| {
        let (new, old) = (
            last.header(&format!("ratelimit-{name}")),
            last.header(&format!("x-ratelimit-{name}")),
        );
        !new.is_empty() && new == old
    });
    visit.promise(same, "both header families tell the same (#236)");
    visit.wait(Duration::from_secs(seconds));
    let next = visit.ask_quietly(Method::GET, "/v1/images").await?;
    visit.promise(
        next.status == 200,
        "whoever waits as long as told passes (#242)",
    );
    Ok(())
}

async fn daily_uploads(visit: &mut Visit) -> Stop {
    visit.heading("Uploads of a day: a clock resets them, not a deletion");
    visit.wait(Duration::from_secs(24 * 60 * 60));
    let mut passed = 0;
    let refused = loop {
        visit.clock.advance(Duration::from_secs(2)); // the tier lets one pass each second
        let answer = visit
            .upload_quietly("/v1/images", "dot.gif", gif(10))
            .await?;
        if answer.status != 201 || passed > 1_000 {
            break answer;
        }
        passed += 1;
    };
    println!(
        "→ POST /v1/images, {} times\n← {} {}",
        passed + 1,
        refused.status,
        refused.text
    );
    visit.promise(passed == 200, "200 uploads fit a trial's day");
    visit.promise(
        refused.status == 429 && refused.json["code"] == "RATE_LIMIT",
        "then 429 RATE_LIMIT (#207)",
    );
    let midnight = CalendarDay::of(visit.clock.now()).end();
    let wait = Duration::from_secs(refused.header("retry-after").parse().unwrap_or(0));
    visit.promise(
        visit.clock.now().saturating_add(wait) >= midnight,
        "until midnight UTC (#208)",
    );
    visit.wait(wait);
    let next = visit.upload("/v1/images", "dot.gif", gif(10)).await?;
    visit.promise(next.status == 201, "and then the next passes");
    Ok(())
}

async fn usage(visit: &Visit) -> Result<Value, reqwest::Error> {
    let answer = visit.ask(Method::GET, "/v1/user/me/usage").await?;
    Ok(answer.json["data"].clone())
}

async fn image_storage(visit: &Visit) -> Result<u64, reqwest::Error> {
    Ok(usage(visit).await?["image"]["storage"]["used"]
        .as_u64()
        .unwrap_or(u64::MAX))
}

fn id(answer: &Value) -> &str {
    answer["data"]["id"].as_str().unwrap_or_default()
}

/// A GIF by its first bytes, of any length from 6 on.
fn gif(bytes: usize) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.resize(bytes.max(file.len()), 0);
    file
}

const TRIAL_IMAGES: usize = 104_857_600;
