//! Limits that challenge, and limits that are tried out.

use std::time::Duration;

use picora_http::Charge;
use picora_ratelimit::captcha::CaptchaLevel;
use picora_ratelimit::{Limit, Policy};

use crate::world::{Fixed, World, request, send, wanting_problems};

fn policy(limits: impl IntoIterator<Item = Limit>) -> Policy {
    Policy::new("codes", limits).unwrap()
}

fn hour(name: &str, limit: u64) -> Limit {
    Limit::window(name, limit, Duration::from_secs(3_600)).unwrap()
}

/// C41: who is challenged gets 403 and the level; who has solved it passes, and the other limits hold.
#[tokio::test]
async fn a_challenge_is_a_403_with_its_level_and_passes_when_solved() {
    let world = World::new();
    let Fixed(charge) = Fixed::of(
        [policy([hour("captcha", 3).challenging(), hour("all", 5)])],
        1,
    );
    let asking = |solved| {
        world.charging(Fixed(Charge {
            solved,
            challenge: CaptchaLevel::Interactive,
            ..charge.clone()
        }))
    };
    let (plain, solved) = (asking(false), asking(true));
    for _ in 0..3 {
        assert_eq!(send(&plain, request(None)).await.status, 200);
    }
    let challenged = send(&plain, request(None)).await;
    assert_eq!(challenged.status, 403);
    let start = r#"{"success":false,"error":"Captcha required","code":"CAPTCHA_REQUIRED","meta":{"level":2},"requestId":"req_"#;
    assert!(challenged.body.starts_with(start), "{}", challenged.body);
    assert_eq!(challenged.header("Retry-After"), None);
    assert_eq!(
        challenged.triplet().map(|it| it[..2].to_vec()),
        Some(vec![3, 0])
    );
    for _ in 0..2 {
        assert_eq!(send(&solved, request(None)).await.status, 200);
    }
    assert_eq!(
        send(&solved, request(None)).await.status,
        429,
        "no captcha lifts the other limit"
    );
    assert_eq!(world.served(), 5);

    let problem = send(&plain, wanting_problems(request(None))).await;
    assert_eq!(
        problem.header("Content-Type"),
        Some("application/problem+json")
    );
}

#[tokio::test]
async fn a_limit_that_is_tried_out_refuses_nobody_and_is_not_told() {
    let world = World::new();
    let service = world.charging(Fixed::of(
        [policy([hour("tried", 1).shadowed(), hour("all", 9)])],
        1,
    ));
    for left in (0..9).rev() {
        let answer = send(&service, request(None)).await;
        let told = answer.triplet().map(|it| [it[0], it[1]]);
        assert_eq!((answer.status, told), (200, Some([9, left])));
    }
    assert_eq!(send(&service, request(None)).await.status, 429);
}
