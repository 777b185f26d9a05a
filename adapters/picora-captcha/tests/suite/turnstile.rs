//! Turnstile over HTTP.

use picora_captcha::{Turnstile, TurnstileVerifier};
use picora_core::{StoreError, StoreErrorKind};
use picora_ratelimit::captcha::{
    CaptchaLevel, CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier,
};
use serde_json::{Value, json};

use crate::fake::Fake;

pub(crate) fn request(token: &str) -> CaptchaRequest<'_> {
    CaptchaRequest {
        token,
        remote: Some("203.0.113.9".parse().unwrap()),
        level: CaptchaLevel::Managed,
        idempotency_key: [1; 16],
    }
}

pub(crate) const fn refused(reason: CaptchaRefusal) -> CaptchaOutcome {
    CaptchaOutcome::Refused { reason }
}

fn verifier(fake: &Fake) -> TurnstileVerifier {
    let config = Turnstile::new("easy".into(), "hard".into())
        .with_hostnames(["picora.me"])
        .with_action("email_code")
        .at(fake.endpoint("/turnstile/v0/siteverify"));
    TurnstileVerifier::new(config).unwrap()
}

async fn ask(verifier: &TurnstileVerifier, token: &str) -> CaptchaOutcome {
    verifier.verify(&request(token)).await.unwrap()
}

#[tokio::test]
async fn the_right_fields_arrive() {
    let fake = Fake::turnstile().await;
    let outcome = ask(&verifier(&fake), "easy-1").await;
    assert_eq!(outcome, CaptchaOutcome::Passed);
    let [came] = &fake.came()[..] else {
        panic!("one call")
    };
    assert_eq!(came.path, "/turnstile/v0/siteverify");
    assert_eq!(came.headers["content-type"], "application/json");
    let asked: Value = serde_json::from_str(&came.body).unwrap();
    let expected = json!({"secret": "easy", "response": "easy-1", "remoteip": "203.0.113.9",
        "idempotency_key": "01010101-0101-4101-8101-010101010101"});
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_token_counts_once_but_its_repetition_as_the_first_time() {
    let fake = Fake::turnstile().await;
    let verifier = verifier(&fake);
    for _ in 0..2 {
        assert_eq!(
            ask(&verifier, "easy-1").await,
            CaptchaOutcome::Passed,
            "the same attempt"
        );
    }
    let other = CaptchaRequest {
        idempotency_key: [2; 16],
        ..request("easy-1")
    };
    let replayed = verifier.verify(&other).await.unwrap();
    assert_eq!(replayed, refused(CaptchaRefusal::Stale));
}

#[tokio::test]
async fn tokens_of_other_times_and_places_are_refused() {
    let fake = Fake::turnstile().await;
    let verifier = verifier(&fake);
    for (token, reason) in [
        ("easy-expired", CaptchaRefusal::Stale),
        ("easy-elsewhere", CaptchaRefusal::Elsewhere),
        ("easy-login", CaptchaRefusal::Elsewhere),
        ("XXXX.DUMMY.TOKEN.XXXX", CaptchaRefusal::Malformed),
    ] {
        assert_eq!(ask(&verifier, token).await, refused(reason), "{token}");
    }
    // A token of the easy widget does not answer the hard one.
    for level in [CaptchaLevel::Interactive, CaptchaLevel::CoolDown] {
        let asked = CaptchaRequest {
            level,
            ..request("easy-2")
        };
        let easy = verifier.verify(&asked).await.unwrap();
        assert_eq!(easy, refused(CaptchaRefusal::Malformed));
    }
    let asked = CaptchaRequest {
        level: CaptchaLevel::Interactive,
        ..request("hard-1")
    };
    assert_eq!(
        verifier.verify(&asked).await.unwrap(),
        CaptchaOutcome::Passed
    );
}

#[tokio::test]
async fn what_no_widget_makes_is_refused_without_a_call() {
    let fake = Fake::turnstile().await;
    let verifier = verifier(&fake);
    let (longest, longer) = (format!("easy{}", "x".repeat(2_044)), "x".repeat(2_049));
    for (token, reason) in [
        ("", CaptchaRefusal::Missing),
        (longer.as_str(), CaptchaRefusal::Malformed),
        ("a b", CaptchaRefusal::Malformed),
        ("a\0", CaptchaRefusal::Malformed),
        ("é", CaptchaRefusal::Malformed),
    ] {
        assert_eq!(ask(&verifier, token).await, refused(reason), "{token}");
    }
    assert!(fake.came().is_empty());
    assert_eq!(ask(&verifier, &longest).await, CaptchaOutcome::Passed);
}

#[tokio::test]
async fn the_documented_dummies_do_what_they_are_for() {
    let fake = Fake::turnstile().await;
    let with = |secret: &str| {
        let config = Turnstile::new(secret.into(), secret.into()).at(fake.endpoint("/"));
        TurnstileVerifier::new(config).unwrap()
    };
    let dummy = "XXXX.DUMMY.TOKEN.XXXX";
    let passes = with("1x0000000000000000000000000000000AA");
    assert_eq!(ask(&passes, dummy).await, CaptchaOutcome::Passed);
    let fails = with("2x0000000000000000000000000000000AA");
    assert_eq!(ask(&fails, dummy).await, refused(CaptchaRefusal::Malformed));
    let spent = with("3x0000000000000000000000000000000AA");
    assert_eq!(ask(&spent, dummy).await, refused(CaptchaRefusal::Stale));
}

#[tokio::test]
async fn a_secret_that_is_not_accepted_is_an_error_that_does_not_show_it() {
    let fake = Fake::turnstile().await;
    for secret in ["wrong-secret", ""] {
        let config = Turnstile::new(secret.into(), "hard".into()).at(fake.endpoint("/"));
        assert!(!format!("{config:?}").contains("wrong-secret"));
        let verifier = TurnstileVerifier::new(config).unwrap();
        let error: StoreError = verifier.verify(&request("easy-1")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Internal);
        let said = format!("{error} {error:?} {verifier:?}");
        assert!(
            said.contains("-input-secret") && !said.contains("wrong-secret"),
            "{said}"
        );
        assert!(!said.contains("easy-1"), "{said}");
    }
}
