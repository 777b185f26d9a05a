use picora_core::{StoreErrorKind, Timestamp};
use picora_ratelimit::captcha::CaptchaLevel;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use reqwest::header::HeaderMap;

use super::*;

/// Requests that Aliyun's own SDK has built and signed, with nonce and date fixed; the file says which SDK.
fn cases() -> Vec<Value> {
    let text = include_str!("../../tests/data/aliyun_requests.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// The instant of the SDK's date, found by its text: this crate reads no dates.
fn instant(date: &str) -> Timestamp {
    let number = |range: std::ops::Range<usize>| date[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19);
    Timestamp::from_unix_micros(seconds * 1_000_000 + 999_999)
}

#[test]
fn requests_are_signed_as_the_sdk_signs_them() {
    let cases = cases();
    assert!(cases.len() >= 50);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let secret: SecretString = text("key_secret").into();
        let config = Aliyun::new(text("key_id"), secret.clone(), text("scene"), "other").unwrap();
        let endpoint = Endpoint::new(&format!("https://{}", text("host"))).unwrap();
        let once = Once {
            at: instant(text("date")),
            nonce: text("nonce").to_owned(),
        };
        let request = CaptchaRequest {
            token: text("token"),
            remote: None,
            level: CaptchaLevel::Managed,
            idempotency_key: [0; 16],
        };
        let signed = config.at(endpoint).question(&request, &once);
        assert_eq!(signed.body, text("body"));
        let header = |name| {
            signed
                .headers
                .iter()
                .find(|(it, _)| *it == name)
                .unwrap()
                .1
                .as_str()
        };
        assert_eq!(header("authorization"), text("authorization"), "{case}");
        for (name, value) in &signed.headers {
            let theirs = case["sdk_headers"]
                .get(*name)
                .unwrap_or(&case["authorization"]);
            assert_eq!(theirs, value, "{name}");
        }
        // And the SDK's request as it went out, which has more headers.
        let theirs: Vec<_> = case["sdk_headers"].as_object().unwrap().iter().collect();
        let theirs: Vec<_> = theirs
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str().unwrap()))
            .collect();
        let digest = Sha256::digest(&signed.body);
        let whole = signature::authorization(&theirs, &digest, text("key_id"), &secret);
        assert_eq!(whole, text("sdk_authorization"));
    }
}

fn read(status: u16, body: &str) -> Result<CaptchaOutcome, StoreErrorKind> {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    };
    super::read(&answer).map_err(|why| why.told("aliyun").kind())
}

fn said(passed: bool, code: &str) -> String {
    json!({"RequestId": "r", "Success": true, "Code": "Success", "Message": "success",
        "Result": {"VerifyResult": passed, "VerifyCode": code, "CertifyId": "c"}})
    .to_string()
}

#[test]
fn each_verify_code_has_its_meaning() {
    for code in ["T001", "T005", "T006", "T999"] {
        assert_eq!(
            read(200, &said(true, code)),
            Ok(CaptchaOutcome::Passed),
            "{code}"
        );
        assert_eq!(
            read(200, &said(false, code)),
            Err(StoreErrorKind::Unknown),
            "{code}"
        );
    }
    for (code, reason) in [
        ("F001", CaptchaRefusal::Failed),
        ("F002", CaptchaRefusal::Missing),
        ("F003", CaptchaRefusal::Malformed),
        ("F004", CaptchaRefusal::Failed),
        ("F005", CaptchaRefusal::Elsewhere),
        ("F006", CaptchaRefusal::Elsewhere),
        ("F007", CaptchaRefusal::Stale),
        ("F008", CaptchaRefusal::Stale),
        ("F009", CaptchaRefusal::Failed),
        ("F010", CaptchaRefusal::Limited),
        ("F011", CaptchaRefusal::Limited),
        ("F012", CaptchaRefusal::Elsewhere),
        ("F013", CaptchaRefusal::Malformed),
        ("F999", CaptchaRefusal::Failed),
    ] {
        assert_eq!(read(200, &said(false, code)), Ok(refused(reason)), "{code}");
        assert_eq!(
            read(200, &said(true, code)),
            Err(StoreErrorKind::Unknown),
            "{code}"
        );
    }
}

#[test]
fn what_is_no_verdict_is_an_error() {
    let good = said(true, "T001");
    let fault = |code: &str| {
        json!({"RequestId": "r", "HostId": "h", "Code": code, "Message": "m"}).to_string()
    };
    for (status, body, kind) in [
        (200, "", StoreErrorKind::Unknown),
        (200, "<html>T001</html>", StoreErrorKind::Unknown),
        (200, &good[..good.len() - 1], StoreErrorKind::Unknown),
        (
            200,
            &good.replace("\"Success\":true", "\"Success\":\"true\""),
            StoreErrorKind::Unknown,
        ),
        (
            200,
            &good.replace("\"Code\":\"Success\"", "\"Code\":\"Odd\""),
            StoreErrorKind::Unknown,
        ),
        (200, &good.replace("T001", ""), StoreErrorKind::Unknown),
        (
            200,
            r#"{"Success":true,"Code":"Success"}"#,
            StoreErrorKind::Unknown,
        ),
        (302, &good, StoreErrorKind::Unknown),
        (404, &good, StoreErrorKind::Unknown),
        (400, &fault("MissingParameter"), StoreErrorKind::Internal),
        (
            400,
            &fault("SignatureDoesNotMatch"),
            StoreErrorKind::Internal,
        ),
        (
            404,
            &fault("InvalidAccessKeyId.NotFound"),
            StoreErrorKind::Internal,
        ),
        (
            403,
            &fault("Forbidden.RAMUserAccessDenied"),
            StoreErrorKind::Internal,
        ),
        (400, &fault("Throttling.User"), StoreErrorKind::Unavailable),
        (429, "", StoreErrorKind::Unavailable),
        (500, &fault("InternalError"), StoreErrorKind::Unknown),
        (503, &good, StoreErrorKind::Unknown),
    ] {
        assert_eq!(read(status, body), Err(kind), "{status} {body}");
    }
}

proptest! {
    #[test]
    fn nothing_but_a_pass_passes(status in 100_u16..1_000, body: Vec<u8>) {
        let answer = Answer { status, headers: HeaderMap::new(), body };
        prop_assert!(!matches!(super::read(&answer), Ok(CaptchaOutcome::Passed)));
    }

    /// Whatever the token is, it stays one field of two.
    #[test]
    fn a_token_cannot_leave_its_field(token: String) {
        let body = signature::form(&[("CaptchaVerifyParam", &token), ("SceneId", "s")]);
        prop_assert_eq!(body.matches('&').count(), 1);
        prop_assert_eq!(body.matches('=').count(), 2);
        prop_assert!(body.ends_with("&SceneId=s") && body.is_ascii());
        let field = body["CaptchaVerifyParam=".len()..body.len() - "&SceneId=s".len()].replace('+', " ");
        let back = percent_encoding::percent_decode_str(&field).decode_utf8().unwrap().into_owned();
        prop_assert_eq!(back, token);
    }
}
