//! When a captcha is due, and how hard it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{SeededEntropy, StoreError, StoreErrorKind};
use picora_ratelimit::captcha::{
    CaptchaLevel, CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier,
};
use picora_ratelimit::code_mail::{
    Captcha, CaptchaOutage, CodeMailAnswer, CodeMailCause, CodeMailEvent,
};

use super::world::{World, refusal};

/// Passes `good`, is down for `down`, refuses the rest; remembers who asked.
#[derive(Debug, Default)]
struct Provider {
    came: Mutex<Vec<(CaptchaLevel, [u8; 16])>>,
}

#[async_trait]
impl CaptchaVerifier for Provider {
    async fn verify(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError> {
        let mut came = self.came.lock().unwrap();
        came.push((request.level, request.idempotency_key));
        match request.token {
            "good" => Ok(CaptchaOutcome::Passed),
            "down" => Err(StoreError::new(
                StoreErrorKind::Unknown,
                "captcha",
                "verify",
            )),
            _ => Ok(CaptchaOutcome::Refused {
                reason: CaptchaRefusal::Failed,
            }),
        }
    }
}

fn world(outage: CaptchaOutage) -> (World, Arc<Provider>) {
    let provider = Arc::new(Provider::default());
    let captcha = Captcha::new(provider.clone(), Arc::new(SeededEntropy::new(1)));
    (
        World::new().with_captcha(captcha.during_outage(outage)),
        provider,
    )
}

/// A client that has asked three times for as many addresses.
fn busy(outage: CaptchaOutage) -> (World, Arc<Provider>) {
    let (world, provider) = world(outage);
    for nth in 0..3 {
        assert!(world.sends(&format!("user{nth}@example.com"), "client"));
    }
    (world, provider)
}

fn level(world: &World, token: Option<&str>) -> (u8, u64) {
    match world.ask_with("new@example.com", "client", token).unwrap() {
        CodeMailAnswer::CaptchaRequired { level, retry_after } => {
            (level.number(), retry_after.as_secs())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn row_16_the_fourth_request_within_an_hour() {
    let (world, provider) = busy(CaptchaOutage::Refuse);
    assert_eq!(level(&world, None), (1, 0));
    assert_eq!(level(&world, Some("")), (1, 0), "an empty token is none");
    assert!(world.sends("other@example.com", "other client"));
    assert!(provider.came.lock().unwrap().is_empty());
    let passed = world
        .ask_with("new@example.com", "client", Some("good"))
        .unwrap();
    assert!(matches!(passed, CodeMailAnswer::Send(_)));
    assert_eq!(provider.came.lock().unwrap().len(), 1);
}

#[test]
fn row_16_the_hour_is_counted_from_each_request() {
    let (world, _) = busy(CaptchaOutage::Refuse);
    world.clock.advance(Duration::from_micros(3_599_999_999));
    assert_eq!(level(&world, None), (1, 0));
    world.clock.advance(Duration::from_micros(1));
    // Three have left; the one that was turned away a microsecond ago counts.
    for nth in 0..2 {
        assert!(world.sends(&format!("later{nth}@example.com"), "client"));
    }
    assert_eq!(level(&world, None), (1, 0));
}

#[test]
fn c41_refused_requests_count_as_requests_and_not_as_mails() {
    let (world, _) = world(CaptchaOutage::Refuse);
    assert!(world.sends("bob@example.com", "client"));
    for _ in 0..2 {
        assert_eq!(
            refusal(world.ask("bob@example.com", "client")).cause,
            CodeMailCause::Address
        );
    }
    assert_eq!(level(&world, None), (1, 0));
    // Of the client's twenty mails an hour one is spent.
    for nth in 0..19 {
        let answer = world.ask_with(&format!("user{nth}@example.com"), "client", Some("good"));
        assert!(matches!(answer.unwrap(), CodeMailAnswer::Send(_)), "{nth}");
    }
    let answer = world
        .ask_with("last@example.com", "client", Some("good"))
        .unwrap();
    assert_eq!(
        refusal(answer).cause,
        CodeMailCause::Ip,
        "a solved captcha lifts no limit"
    );
}

#[test]
fn a_token_that_is_not_due_is_not_spent() {
    let (world, provider) = world(CaptchaOutage::Refuse);
    let answer = world
        .ask_with("bob@example.com", "client", Some("bad"))
        .unwrap();
    assert!(matches!(answer, CodeMailAnswer::Send(_)));
    assert!(provider.came.lock().unwrap().is_empty());
}

#[test]
fn row_18_each_failure_makes_it_harder_and_quiet_makes_it_easy() {
    let (world, provider) = busy(CaptchaOutage::Refuse);
    assert_eq!(level(&world, Some("bad")), (2, 0));
    assert_eq!(level(&world, Some("bad")), (3, 60));
    let calls = || provider.came.lock().unwrap().len();
    assert_eq!(
        (level(&world, Some("good")), calls()),
        ((3, 60), 2),
        "too early is not looked at"
    );
    world.advance(60);
    assert_eq!((level(&world, Some("bad")), calls()), ((3, 120), 3));
    for wait in [240, 480, 960, 1_920, 3_600] {
        let before = level(&world, None).1;
        world.advance(before);
        assert_eq!(level(&world, Some("bad")), (3, wait));
    }
    // The client goes on asking, or he would not be busy any more.
    for wait in [3_600, 1_800] {
        for _ in 0..3 {
            assert_eq!(level(&world, None), (3, wait));
        }
        world.advance(1_800);
    }
    let passed = world
        .ask_with("new@example.com", "client", Some("good"))
        .unwrap();
    assert!(matches!(passed, CodeMailAnswer::Send(_)));
    let asked: Vec<_> = provider
        .came
        .lock()
        .unwrap()
        .iter()
        .map(|(level, _)| level.number())
        .collect();
    assert_eq!(asked, [1, 2, 3, 3, 3, 3, 3, 3, 3]);
    world.advance(3_600);
    for nth in 0..3 {
        world.ask(&format!("again{nth}@example.com"), "client");
    }
    assert_eq!(
        level(&world, None),
        (1, 0),
        "two quiet hours after the last failure"
    );
    assert_eq!(
        world.count(|event| matches!(event, CodeMailEvent::CaptchaFailed { .. })),
        8
    );
}

#[test]
fn failures_are_the_clients_own() {
    let (world, _) = busy(CaptchaOutage::Refuse);
    assert_eq!(level(&world, Some("bad")), (2, 0));
    for nth in 0..3 {
        assert!(world.sends(&format!("else{nth}@example.com"), "else"));
    }
    let answer = world.ask("else@example.com", "else");
    let CodeMailAnswer::CaptchaRequired { level, .. } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(level, CaptchaLevel::Managed);
}

#[test]
fn each_attempt_has_a_name_of_its_own() {
    let (world, provider) = busy(CaptchaOutage::Refuse);
    for nth in 0..5 {
        world
            .ask_with(&format!("more{nth}@example.com"), "client", Some("good"))
            .unwrap();
    }
    let mut names: Vec<_> = provider
        .came
        .lock()
        .unwrap()
        .iter()
        .map(|(_, name)| *name)
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5);
}

#[test]
fn an_outage_refuses_unless_told_otherwise() {
    let (world, _) = busy(CaptchaOutage::default());
    let error = world
        .ask_with("new@example.com", "client", Some("down"))
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(level(&world, None), (1, 0), "an outage is no failure");
    let unanswered = |let_pass| CodeMailEvent::CaptchaUnanswered { let_pass };
    assert_eq!(world.count(|event| *event == unanswered(false)), 1);

    let (world, _) = busy(CaptchaOutage::LetPass);
    let answer = world
        .ask_with("new@example.com", "client", Some("down"))
        .unwrap();
    assert!(matches!(answer, CodeMailAnswer::Send(_)));
    let again = world
        .ask_with("new@example.com", "client", Some("down"))
        .unwrap();
    assert_eq!(
        refusal(again).cause,
        CodeMailCause::Address,
        "the limits hold all the same"
    );
    assert_eq!(world.count(|event| *event == unanswered(true)), 2);
    assert_eq!(level(&world, Some("bad")), (2, 0), "a verdict is a verdict");
}

#[test]
fn without_the_captcha_no_window_is_charged() {
    let (world, _) = busy(CaptchaOutage::Refuse);
    for _ in 0..50 {
        level(&world, None);
    }
    assert!(
        world.sends("new@example.com", "else"),
        "the address has been charged nothing"
    );
}
