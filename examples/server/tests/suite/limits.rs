//! Rate limits: what passes, what is refused, and what every answer tells.

use std::time::Duration;

use picora_core::PlanId;
use picora_server::config::Rate;
use reqwest::Method;

use crate::answer::Answer;
use crate::child::Child;
use crate::world::{Account, World, gif};

/// How many of `asked` reads pass at this instant; the refusals are the documents', to the letter (#241).
async fn passing(world: &World, by: &Account, asked: usize) -> usize {
    let mut passed = 0;
    for _ in 0..asked {
        let answer = world.get(by, "/v1/images").await;
        if answer.status == 200 {
            passed += 1;
        } else {
            is_documented(&answer);
        }
    }
    passed
}

fn is_documented(refused: &Answer) {
    let wait = refused.error(429, "RATE_LIMITED")["retryAfterSec"].clone();
    assert!(wait.as_u64().unwrap() >= 1);
    let documented = format!(
        r#"{{"success":false,"error":"Rate limit exceeded","code":"RATE_LIMITED","meta":{{"retryAfterSec":{wait}}}}}"#
    );
    assert_eq!(refused.as_documented(), documented);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert!(refused.triplet().is_some(), "{refused:?}");
}

#[tokio::test]
async fn at_one_instant_exactly_the_burst_passes() {
    let world = World::start().await;
    let account = world.trial().await;
    assert_eq!(passing(&world, &account, 31).await, 30);
    let other = world.trial().await;
    assert_eq!(
        passing(&world, &other, 1).await,
        1,
        "others are not touched"
    );
    // Two keys of one account share its budget (#223, C9).
    let second = Account {
        secret: world.key(account.id).await,
        ..account.clone()
    };
    assert_eq!(passing(&world, &second, 1).await, 0);
    // The other tiers have their own bursts (#227, #229).
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(world.upload(&account, "/v1/images", gif(10)).await.status);
    }
    assert_eq!(statuses, [201, 201, 201, 201, 201, 429]);
    for number in 0..11 {
        let answer = world.delete(&account, "/v1/images/unknown").await;
        assert_eq!(answer.status, if number < 10 { 404 } else { 429 });
    }
}

#[tokio::test]
async fn an_operator_has_ten_times_as_much() {
    let world = World::start().await;
    let admin = world.admin().await;
    let first = world.delete(&admin, "/v1/images/unknown").await;
    assert_eq!(first.triplet().unwrap()[..2], [1_200, 1_199]);
    assert_eq!(passing(&world, &admin, 301).await, 300);
    let shown = world.delete(&admin, "/v1/images/unknown").await;
    let ceiling = [50_000, 50_000 - 302]; // by now the scarcer one (C60)
    assert_eq!(shown.triplet().unwrap()[..2], ceiling);
}

#[tokio::test]
async fn whoever_waits_as_long_as_told_passes_and_a_second_less_does_not() {
    let world = World::start().await;
    let account = world.trial().await;
    let upload = || world.upload(&account, "/v1/docs", b"text".to_vec());
    for _ in 0..5 {
        assert!(upload().await.status < 300);
    }
    world.clock.advance(Duration::from_micros(1));
    for _ in 0..3 {
        let refused = upload().await;
        let wait = refused.number("retry-after");
        is_documented(&refused);
        world.clock.advance(Duration::from_secs(wait - 1));
        upload().await.error(429, "RATE_LIMITED");
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(upload().await.status, 200);
    }
}

#[tokio::test]
async fn the_minutes_window_ends_with_the_clock_minute() {
    let world = World::with(|config| {
        config.rate_limits.read = Rate {
            per_minute: 5,
            burst: 5,
        };
    })
    .await;
    let account = world.trial().await;
    world.clock.advance(Duration::from_millis(17_500));
    let minute = 1_795_255_200 + 60;
    for left in (0..5).rev() {
        let answer = world.get(&account, "/v1/images").await;
        assert_eq!(answer.triplet(), Some([5, left, minute]));
    }
    let refused = world.get(&account, "/v1/images").await;
    assert_eq!(refused.triplet(), Some([5, 0, minute]));
    assert_eq!(refused.number("retry-after"), 43, "42.5 s, rounded up");
}

/// C10, C83: a principal's answers tell his budget, whatever their status; who is nobody is told none.
#[tokio::test]
async fn errors_of_throttled_routes_tell_the_budget_too() {
    let world = World::start().await;
    let account = world.trial().await;
    let told = [
        (Method::GET, "/v1/images/unknown", 404),
        (Method::GET, "/v1/images?limit=0", 400),
        (Method::PATCH, "/v1/images/unknown", 400),
        (Method::POST, "/v1/images", 415),
        (Method::GET, "/v1/admin/accounts/unknown", 403),
        (Method::HEAD, "/v1/images", 200),
        (Method::GET, "/v1/auth/verify", 200),
        (Method::GET, "/v1/me/usage", 200),
    ];
    for (method, path, status) in told {
        let answer = Answer::to(world.request(&account, method.clone(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.triplet().is_some(), "{method} {path}: {answer:?}");
        let anonymous = Answer::to(world.anyone(method.clone(), path)).await;
        assert_eq!(anonymous.status, 401, "{method} {path}");
        assert_eq!(anonymous.triplet(), None, "{method} {path}");
    }
    for path in ["/nowhere", "/v1/nowhere", "/health", "/openapi.json"] {
        let answer = world.get(&account, path).await;
        assert_eq!(answer.triplet(), None, "{path}");
    }
    let wrong_verb = Answer::to(world.request(&account, Method::PUT, "/v1/images")).await;
    wrong_verb.error(404, "NOT_FOUND");
    assert_eq!(wrong_verb.triplet(), None);
}

/// #230, C9: the ceiling is a key's, over all tiers and to the end of the hour.
#[tokio::test]
async fn a_key_has_a_ceiling_in_each_hour() {
    let world = World::with(|config| config.rate_limits.hourly = 12).await;
    let account = world.trial().await;
    world.clock.advance(Duration::from_secs(600));
    for _ in 0..8 {
        assert_eq!(world.get(&account, "/v1/images").await.status, 200);
    }
    for _ in 0..4 {
        let answer = world.delete(&account, "/v1/images/unknown").await;
        answer.error(404, "NOT_FOUND");
    }
    let refused = world.get(&account, "/v1/docs").await;
    is_documented(&refused);
    let hour = 1_795_255_200 + 3_600;
    assert_eq!(refused.triplet(), Some([12, 0, hour]));
    assert_eq!(refused.number("retry-after"), 3_000);
    let second = Account {
        secret: world.key(account.id).await,
        ..account.clone()
    };
    assert_eq!(passing(&world, &second, 12).await, 12, "another key's own");
    world.clock.advance(Duration::from_secs(3_000));
    assert_eq!(world.get(&account, "/v1/docs").await.status, 200);
}

/// On the real clock, as a client sees it: no more pass than the burst and what flows in meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_get_no_more_than_their_share() {
    let child = Child::start("").await;
    let account = child.account(PlanId::Trial);
    let began = tokio::time::Instant::now();
    let reads = (0..60).map(|_| child.get(&account, "/v1/images"));
    let answers = futures::future::join_all(reads).await;
    let seconds = began.elapsed().as_secs_f64();
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|it| it.status != 200).collect();
    refused.iter().for_each(|answer| is_documented(answer));
    #[expect(clippy::cast_precision_loss, reason = "at most 60")]
    let passed = passed as f64;
    assert!(passed >= 30.0 && passed <= 30.0 + 10.0 * seconds + 1.0);
    if let Some(last) = refused.last() {
        tokio::time::sleep(Duration::from_secs(last.number("retry-after"))).await;
        let next = child.get(&account, "/v1/images").await;
        assert_eq!(next.status, 200, "{next:?}");
    }
}
