//! Aliyun Captcha 2.0 over HTTP.

use std::sync::Arc;

use picora_captcha::{Aliyun, AliyunVerifier, Endpoint};
use picora_core::{ManualClock, SeededEntropy, StoreErrorKind, Timestamp};
use picora_ratelimit::captcha::{
    CaptchaLevel, CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier,
};

use crate::fake::Fake;
use crate::turnstile::{refused, request};

pub(crate) fn verifier(endpoint: Endpoint, key_id: &str) -> AliyunVerifier {
    let config = Aliyun::new(key_id, "a-key-secret".into(), "easy", "hard").unwrap();
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000));
    let entropy = SeededEntropy::new(1);
    AliyunVerifier::new(config.at(endpoint), Arc::new(clock), Arc::new(entropy)).unwrap()
}

#[tokio::test]
async fn the_right_fields_arrive() {
    let fake = Fake::aliyun().await;
    let verifier = verifier(fake.endpoint(""), "LTAItest");
    let token = r#"easy {"a":"b+c/d=="}"#;
    assert_eq!(
        verifier.verify(&request(token)).await.unwrap(),
        CaptchaOutcome::Passed
    );
    verifier.verify(&request("easy-2")).await.unwrap();
    let came = fake.came();
    let header = |n: usize, name: &str| came[n].headers[name].to_str().unwrap().to_owned();
    assert_eq!(came[0].path, "/");
    let body = "CaptchaVerifyParam=easy+%7B%22a%22%3A%22b%2Bc%2Fd%3D%3D%22%7D&SceneId=easy";
    assert_eq!(came[0].body, body);
    for (name, value) in [
        ("host", fake.address.to_string().as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-acs-action", "VerifyIntelligentCaptcha"),
        ("x-acs-version", "2023-03-05"),
        ("x-acs-date", "2026-04-24T03:06:40Z"),
    ] {
        assert_eq!(header(0, name), value);
        assert_eq!(came[0].headers.get_all(name).iter().count(), 1, "{name}");
    }
    assert_ne!(
        header(0, "x-acs-signature-nonce"),
        header(1, "x-acs-signature-nonce")
    );
    let signed = header(0, "authorization");
    let names = "SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,";
    assert!(
        signed.starts_with("ACS3-HMAC-SHA256 Credential=LTAItest,") && signed.contains(names),
        "{signed}"
    );
}

#[tokio::test]
async fn tokens_that_do_not_count_are_refused() {
    let fake = Fake::aliyun().await;
    let verifier = verifier(fake.endpoint(""), "LTAItest");
    let longer = "x".repeat((16 << 10) + 1);
    for (token, outcome) in [
        ("easy-1", CaptchaOutcome::Passed),
        ("easy-1", refused(CaptchaRefusal::Stale)),
        ("easy-expired", refused(CaptchaRefusal::Stale)),
        ("easy-machine", refused(CaptchaRefusal::Failed)),
        ("hard-1", refused(CaptchaRefusal::Elsewhere)),
        ("", refused(CaptchaRefusal::Missing)),
        (&longer, refused(CaptchaRefusal::Malformed)),
    ] {
        assert_eq!(
            verifier.verify(&request(token)).await.unwrap(),
            outcome,
            "{token}"
        );
    }
    assert_eq!(
        fake.came().len(),
        5,
        "what no widget makes is not asked about"
    );
    for level in [CaptchaLevel::Interactive, CaptchaLevel::CoolDown] {
        let asked = CaptchaRequest {
            level,
            ..request("easy-3")
        };
        let easy = verifier.verify(&asked).await.unwrap();
        assert_eq!(
            easy,
            refused(CaptchaRefusal::Elsewhere),
            "an easy token does not answer the hard scene"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_an_error_that_does_not_show_it() {
    let fake = Fake::aliyun().await;
    let verifier = verifier(fake.endpoint(""), "LTAIother");
    let error = verifier.verify(&request("easy-1")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    let said = format!("{error} {error:?} {verifier:?}");
    assert!(said.contains("InvalidAccessKeyId.NotFound"), "{said}");
    assert!(
        !said.contains("a-key-secret") && !said.contains("easy-1"),
        "{said}"
    );
    let config = Aliyun::new("LTAItest", "a-key-secret".into(), "easy", "hard").unwrap();
    assert!(!format!("{config:?}").contains("a-key-secret"));
    for key_id in ["", "a b", "a\nb", "a,b"] {
        assert!(
            Aliyun::new(key_id, "s".into(), "easy", "hard").is_err(),
            "{key_id}"
        );
    }
}
