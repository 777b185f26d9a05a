//! Mails with codes, as a client sees the answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use picora_core::{SeededEntropy, StoreError, Timestamp};
use picora_http::code_mail::receipt;
use picora_http::{AddressPrefix, ApiError, PrefixLengths};
use picora_ratelimit::captcha::{CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier};
use picora_ratelimit::code_mail::{
    BreakerOpening, Captcha, CodeMail, CodeMailAddress, CodeMailEvent, CodeMailObserver,
    CodeMailPolicies, CodeMailPorts, CodeMailPurpose, CodeMailRequest, OperatorNotices,
};
use picora_ratelimit::{MemoryLimiter, SubjectHasher};

const START: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

/// Nobody who listens.
#[derive(Debug)]
struct Deaf;

impl CodeMailObserver for Deaf {
    fn observe(&self, _: CodeMailEvent) {}
}

#[async_trait]
impl OperatorNotices for Deaf {
    async fn breaker_opened(&self, _: &BreakerOpening) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Takes everybody for a machine.
#[derive(Debug)]
struct Strict;

#[async_trait]
impl CaptchaVerifier for Strict {
    async fn verify(&self, _: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError> {
        let reason = CaptchaRefusal::Failed;
        Ok(CaptchaOutcome::Refused { reason })
    }
}

fn service() -> CodeMail {
    let ports = CodeMailPorts {
        limiter: Arc::new(MemoryLimiter::new()),
        notices: Arc::new(Deaf),
        observer: Arc::new(Deaf),
    };
    CodeMail::new(
        ports,
        CodeMailPolicies::standard(),
        &SubjectHasher::new([42; 16]),
    )
}

async fn ask(
    service: &CodeMail,
    address: &str,
    client: &str,
    token: Option<&str>,
) -> Result<(), ApiError> {
    let address = CodeMailAddress::new(address).unwrap();
    let remote = client.parse().unwrap();
    let client = AddressPrefix::of(remote, PrefixLengths::default());
    let request = CodeMailRequest {
        address: &address,
        client: client.as_bytes(),
        purpose: CodeMailPurpose::PasswordReset,
        token,
        remote: Some(remote),
    };
    let now = START.saturating_add(Duration::from_millis(500));
    receipt(service.admit(&request, now).await.unwrap()).map(drop)
}

fn seen(error: ApiError) -> (u16, Option<String>, String) {
    let response: Response<Bytes> = error.into_response(Some(&"req_1".parse().unwrap()));
    let retry_after = response.headers().get("Retry-After");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status().as_u16(), retry_after, body)
}

#[tokio::test]
async fn an_address_that_got_enough() {
    let service = service();
    ask(&service, "bob@example.com", "192.0.2.1", None)
        .await
        .unwrap();
    let error = ask(&service, "bob@example.com", "192.0.2.2", None)
        .await
        .unwrap_err();
    let body = r#"{"success":false,"error":"Too many e-mails","code":"EMAIL_RATE_LIMITED","meta":{"used":1,"limit":1,"windowSec":60,"retryAfterSec":60},"requestId":"req_1"}"#;
    assert_eq!(seen(error), (429, Some("60".to_owned()), body.to_owned()));
}

#[tokio::test]
async fn an_open_breaker() {
    let service = service();
    for nth in 0..100 {
        let (address, client) = (format!("u{nth}@example.com"), format!("192.0.2.{nth}"));
        ask(&service, &address, &client, None).await.unwrap();
    }
    let error = ask(&service, "new@example.com", "192.0.2.200", None)
        .await
        .unwrap_err();
    let body = r#"{"success":false,"error":"Too many e-mails at the moment","code":"EMAIL_CIRCUIT_OPEN","meta":{"retryAfterSec":60},"requestId":"req_1"}"#;
    assert_eq!(seen(error), (429, Some("60".to_owned()), body.to_owned()));
}

#[tokio::test]
async fn a_captcha_that_is_due() {
    let captcha = Captcha::new(Arc::new(Strict), Arc::new(SeededEntropy::new(1)));
    let service = service().with_captcha(captcha);
    for nth in 0..3 {
        ask(&service, &format!("u{nth}@example.com"), "192.0.2.1", None)
            .await
            .unwrap();
    }
    let rows = [
        (None, r#"{"level":1}"#, None),
        (Some("bad"), r#"{"level":2}"#, None),
        (
            Some("bad"),
            r#"{"level":3,"retryAfterSec":60}"#,
            Some("60".to_owned()),
        ),
    ];
    for (token, meta, wait) in rows {
        let error = ask(&service, "new@example.com", "192.0.2.1", token)
            .await
            .unwrap_err();
        let (status, retry_after, body) = seen(error);
        assert_eq!((status, retry_after), (403, wait));
        let expected = format!(r#""code":"CAPTCHA_REQUIRED","meta":{meta},"#);
        assert!(body.contains(&expected), "{body}");
    }
}

#[tokio::test]
async fn one_subscribers_network_is_one_client_and_the_next_is_another() {
    let service = service();
    for nth in 0..20 {
        let (address, client) = (
            format!("u{nth}@example.com"),
            format!("2001:db8:1:2::{nth:x}"),
        );
        ask(&service, &address, &client, None).await.unwrap();
    }
    let same = ask(&service, "new@example.com", "2001:db8:1:2:ffff::1", None)
        .await
        .unwrap_err();
    assert_eq!(same.meta()["limit"], 20);
    ask(&service, "new@example.com", "2001:db8:1:3::1", None)
        .await
        .unwrap();
}
