use picora_core::StoreErrorKind;
use picora_ratelimit::captcha::CaptchaLevel;
use proptest::prelude::*;
use serde_json::{Value, json};

use reqwest::header::HeaderMap;

use super::*;

fn config() -> Turnstile {
    Turnstile::new("easy".into(), "hard".into())
        .with_hostnames(["picora.me", "www.picora.me"])
        .with_action("email_code")
}

fn request(token: &str) -> CaptchaRequest<'_> {
    CaptchaRequest {
        token,
        remote: None,
        level: CaptchaLevel::Managed,
        idempotency_key: [0xff; 16],
    }
}

fn read(status: u16, body: &str) -> Result<CaptchaOutcome, StoreErrorKind> {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    };
    let outcome = config().read(&answer);
    outcome.map_err(|why| why.told("turnstile").kind())
}

#[test]
fn the_question_has_the_documented_fields() {
    let question = |request: &CaptchaRequest<'_>| -> Value {
        serde_json::from_slice(&config().question(request).unwrap()).unwrap()
    };
    let bare = json!({"secret": "easy", "response": "t", "idempotency_key": "ffffffff-ffff-4fff-bfff-ffffffffffff"});
    assert_eq!(question(&request("t")), bare);
    for (level, secret) in CaptchaLevel::ALL
        .into_iter()
        .zip(["easy", "easy", "hard", "hard"])
    {
        let remote = Some("::ffff:203.0.113.9".parse().unwrap());
        let asked = question(&CaptchaRequest {
            level,
            remote,
            ..request("t")
        });
        assert_eq!(
            (&asked["secret"], &asked["remoteip"]),
            (&json!(secret), &json!("203.0.113.9"))
        );
    }
}

/// Every documented error code, alone.
#[test]
fn each_error_code_has_its_meaning() {
    let refused = |reason| Ok(CaptchaOutcome::Refused { reason });
    for (codes, meaning) in [
        (
            json!(["missing-input-secret"]),
            Err(StoreErrorKind::Internal),
        ),
        (
            json!(["invalid-input-secret"]),
            Err(StoreErrorKind::Internal),
        ),
        (json!(["bad-request"]), Err(StoreErrorKind::Internal)),
        (json!(["internal-error"]), Err(StoreErrorKind::Unavailable)),
        (
            json!(["missing-input-response"]),
            refused(CaptchaRefusal::Missing),
        ),
        (
            json!(["invalid-input-response"]),
            refused(CaptchaRefusal::Malformed),
        ),
        (
            json!(["timeout-or-duplicate"]),
            refused(CaptchaRefusal::Stale),
        ),
        (
            json!(["not-documented-yet"]),
            refused(CaptchaRefusal::Failed),
        ),
        (json!([]), refused(CaptchaRefusal::Failed)),
        (
            json!(["invalid-input-response", "invalid-input-secret"]),
            Err(StoreErrorKind::Internal),
        ),
    ] {
        let body = json!({"success": false, "error-codes": codes}).to_string();
        assert_eq!(read(200, &body), meaning, "{body}");
        assert_eq!(read(400, &body), meaning, "{body}");
    }
}

#[test]
fn a_pass_is_of_this_host_and_this_action() {
    let elsewhere = Ok(CaptchaOutcome::Refused {
        reason: CaptchaRefusal::Elsewhere,
    });
    for (hostname, action, outcome) in [
        ("picora.me", "email_code", Ok(CaptchaOutcome::Passed)),
        ("WWW.picora.me", "email_code", Ok(CaptchaOutcome::Passed)),
        ("picora.me.evil.example", "email_code", elsewhere),
        ("evil.example", "email_code", elsewhere),
        ("", "email_code", elsewhere),
        ("picora.me", "Email_code", elsewhere),
        ("picora.me", "login", elsewhere),
        ("picora.me", "", elsewhere),
    ] {
        let body = json!({"success": true, "error-codes": [], "challenge_ts": "2026-01-01T00:00:00.000Z",
            "hostname": hostname, "action": action, "cdata": ""});
        assert_eq!(read(200, &body.to_string()), outcome, "{body}");
    }
    assert_eq!(
        read(200, r#"{"success": true}"#),
        elsewhere,
        "what is not said does not match"
    );
    let unbound = Turnstile::new("easy".into(), "hard".into());
    let answer = Answer {
        status: 200,
        headers: HeaderMap::new(),
        body: br#"{"success": true}"#.to_vec(),
    };
    assert_eq!(unbound.read(&answer).unwrap(), CaptchaOutcome::Passed);
}

#[test]
fn what_contradicts_itself_is_no_verdict() {
    let good = r#"{"success":true,"hostname":"picora.me","action":"email_code"}"#;
    assert_eq!(read(200, good), Ok(CaptchaOutcome::Passed));
    for (status, body, kind) in [
        (200, "", StoreErrorKind::Unknown),
        (200, "<html>success: true</html>", StoreErrorKind::Unknown),
        (200, &good[..good.len() - 1], StoreErrorKind::Unknown),
        (200, r#"{"success":"true"}"#, StoreErrorKind::Unknown),
        (200, r#"{"success":1}"#, StoreErrorKind::Unknown),
        (200, "[]", StoreErrorKind::Unknown),
        (
            200,
            r#"{"success":false,"success":true}"#,
            StoreErrorKind::Unknown,
        ),
        (
            200,
            r#"{"success":true,"error-codes":["internal-error"]}"#,
            StoreErrorKind::Unknown,
        ),
        (302, good, StoreErrorKind::Unknown),
        (403, good, StoreErrorKind::Unknown),
        (429, good, StoreErrorKind::Unavailable),
        (500, good, StoreErrorKind::Unknown),
        (503, "", StoreErrorKind::Unknown),
    ] {
        assert_eq!(read(status, body), Err(kind), "{status} {body}");
    }
}

proptest! {
    #[test]
    fn nothing_but_a_pass_passes(status in 100_u16..1_000, body: Vec<u8>) {
        let answer = Answer { status, headers: HeaderMap::new(), body };
        prop_assert!(!matches!(config().read(&answer), Ok(CaptchaOutcome::Passed)));
    }

    #[test]
    fn no_token_brings_it_down(token: String) {
        let _ = impossible(&token);
        prop_assert!(config().question(&request(&token)).is_ok());
    }
}
