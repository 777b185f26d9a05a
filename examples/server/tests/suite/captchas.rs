//! Which captcha a deployment has, and how its provider is asked (#17).

use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::any;
use picora_ratelimit::captcha::{CaptchaLevel, CaptchaOutcome, CaptchaRequest};
use picora_server::config::{AliyunKeys, Captcha, Config, TurnstileKeys};
use picora_testcloud::Vendor;

use crate::sky::Sky;
use crate::world::World;

type Asked = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A provider on loopback that gives one answer to all and keeps what it was asked.
async fn provider(answer: &'static str) -> (String, Asked) {
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let hear = move |State(asked): State<Asked>, headers: HeaderMap, body: Bytes| async move {
        let body = String::from_utf8(body.to_vec()).unwrap();
        asked.lock().unwrap().push((headers, body));
        answer
    };
    let router = Router::new()
        .route("/", any(hear))
        .with_state(asked.clone());
    tokio::spawn(async move {
        let hyper = hyper::server::conn::http1::Builder::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper.serve_connection(stream, service).await;
        }
    });
    (url, asked)
}

async fn verified(sky: &Sky, captcha: Captcha) -> CaptchaOutcome {
    let deploy = |config: &mut Config| {
        sky.deploy(config);
        config.captcha = captcha;
    };
    let world = World::with(deploy).await;
    let verifier = world.app.parts.captcha.clone().unwrap();
    let request = CaptchaRequest {
        token: "a-token",
        remote: Some("192.0.2.7".parse().unwrap()),
        level: CaptchaLevel::Managed,
        idempotency_key: [7; 16],
    };
    verifier.verify(&request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mainland_asks_aliyun() {
    let passed =
        r#"{"Code":"Success","Success":true,"Result":{"VerifyResult":true,"VerifyCode":"T001"}}"#;
    let (endpoint, asked) = provider(passed).await;
    let aliyun = AliyunKeys {
        access_key_id: "LTAI5tExample".to_owned(),
        secret: Some("hush".to_owned().into()),
        managed_scene: "easy".to_owned(),
        interactive_scene: "hard".to_owned(),
        endpoint,
        ..AliyunKeys::default()
    };
    let captcha = Captcha {
        aliyun: Some(aliyun),
        ..Captcha::default()
    };
    let outcome = verified(&Sky::of(Vendor::Oss), captcha).await;
    assert_eq!(outcome, CaptchaOutcome::Passed);
    let asked = asked.lock().unwrap();
    let [(headers, body)] = &asked[..] else {
        panic!("asked once: {asked:?}");
    };
    assert_eq!(body, "CaptchaVerifyParam=a-token&SceneId=easy");
    let signed = headers["authorization"].to_str().unwrap();
    assert!(signed.contains("Credential=LTAI5tExample") && !signed.contains("hush"));
    assert_eq!(headers["x-acs-action"], "VerifyIntelligentCaptcha");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_asks_turnstile() {
    let passed = r#"{"success":true,"hostname":"picora.me","action":"email_code"}"#;
    let (endpoint, asked) = provider(passed).await;
    let turnstile = TurnstileKeys {
        managed_secret: Some("hush".to_owned().into()),
        interactive_secret: Some("quiet".to_owned().into()),
        hostnames: vec!["picora.me".to_owned()],
        action: "email_code".to_owned(),
        endpoint,
        ..TurnstileKeys::default()
    };
    let captcha = Captcha {
        turnstile: Some(turnstile),
        ..Captcha::default()
    };
    let outcome = verified(&Sky::of(Vendor::R2), captcha).await;
    assert_eq!(outcome, CaptchaOutcome::Passed);
    let asked = asked.lock().unwrap();
    let [(_, body)] = &asked[..] else {
        panic!("asked once: {asked:?}");
    };
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    for (name, value) in [
        ("secret", "hush"),
        ("response", "a-token"),
        ("remoteip", "192.0.2.7"),
        ("idempotency_key", "07070707-0707-4707-8707-070707070707"),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
}

#[tokio::test]
async fn the_embedded_deployment_asks_nobody() {
    assert!(World::start().await.app.parts.captcha.is_none());
    let sky = Sky::of(Vendor::Cos);
    let world = World::with(|config| sky.deploy(config)).await;
    assert!(world.app.parts.captcha.is_none(), "none is configured");
}
