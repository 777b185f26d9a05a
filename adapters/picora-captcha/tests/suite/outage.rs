//! Providers that give no verdict: an error each time, and never a pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picora_captcha::{Endpoint, Turnstile, TurnstileVerifier};
use picora_core::{Retry, StoreError, StoreErrorKind};
use picora_ratelimit::captcha::CaptchaVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::aliyun;
use crate::turnstile::request;

/// What a server sends to each connection, and how long it then holds it.
#[derive(Clone)]
struct Script {
    pieces: Vec<Vec<u8>>,
    pause: Duration,
}

impl Script {
    fn of(text: impl Into<Vec<u8>>) -> Self {
        Self {
            pieces: vec![text.into()],
            pause: Duration::ZERO,
        }
    }

    fn answer(status: &str, more: &str, body: &str) -> Self {
        let length = body.len();
        Self::of(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
        ))
    }

    async fn start(self) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let script = self.clone();
                tokio::spawn(async move {
                    let mut request = [0; 64 << 10];
                    let _ = stream.read(&mut request).await;
                    for piece in script.pieces {
                        if stream.write_all(&piece).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(script.pause).await;
                    }
                });
            }
        });
        Endpoint::new(&format!("http://{address}/")).unwrap()
    }
}

fn both(endpoint: &Endpoint) -> [Arc<dyn CaptchaVerifier>; 2] {
    let turnstile = Turnstile::new("a-secret".into(), "a-secret".into()).at(endpoint.clone());
    [
        Arc::new(TurnstileVerifier::new(turnstile).unwrap()),
        Arc::new(aliyun::verifier(endpoint.clone(), "LTAItest")),
    ]
}

/// Asks both verifiers, which must not have a verdict.
async fn errors(endpoint: &Endpoint) -> Vec<StoreError> {
    let mut errors = Vec::new();
    for verifier in both(endpoint) {
        let error = verifier.verify(&request("a-token")).await.unwrap_err();
        let said = format!("{error} {error:?}");
        let quiet = !said.contains("a-secret")
            && !said.contains("a-token")
            && !said.contains("a-key-secret");
        assert!(quiet, "{said}");
        errors.push(error);
    }
    errors
}

async fn kind(script: Script) -> StoreErrorKind {
    let errors = errors(&script.start().await).await;
    assert_eq!(errors[0].kind(), errors[1].kind());
    assert_eq!(errors[0].retry(), Retry::Temporary);
    errors[0].kind()
}

/// What each provider would pass.
const PASSES: [&str; 2] = [
    r#"{"success":true,"error-codes":[]}"#,
    r#"{"Success":true,"Code":"Success","Result":{"VerifyResult":true,"VerifyCode":"T001"}}"#,
];

#[tokio::test]
async fn nobody_there() {
    // Bound and not listening: nobody else can get the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let endpoint = Endpoint::new(&format!("http://{address}")).unwrap();
    for error in errors(&endpoint).await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn somebody_in_trouble() {
    for pass in PASSES {
        for status in ["500 x", "502 x", "503 x", "504 x"] {
            assert_eq!(
                kind(Script::answer(status, "", pass)).await,
                StoreErrorKind::Unknown
            );
        }
        assert_eq!(
            kind(Script::answer("429 x", "", pass)).await,
            StoreErrorKind::Unavailable
        );
        let moved = Script::answer("307 x", "location: http://127.0.0.1:1/\r\n", pass);
        assert_eq!(
            kind(moved).await,
            StoreErrorKind::Unknown,
            "redirects are not followed"
        );
    }
}

#[tokio::test]
async fn somebody_who_speaks_otherwise() {
    let html = "<!DOCTYPE html><title>success: true, T001</title>";
    let deep = "[".repeat(50_000);
    for body in ["", "null", "true", "{}", "[]", "{", html, &deep, "\u{0}"] {
        assert_eq!(
            kind(Script::answer("200 OK", "", body)).await,
            StoreErrorKind::Unknown,
            "{body:.20}"
        );
    }
    let noise = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n".as_slice(),
        b"\xff\xfe\xfd\xfc",
    ]
    .concat();
    assert_eq!(kind(Script::of(noise)).await, StoreErrorKind::Unknown);
    for nonsense in ["", "hello", "HTTP/1.1 two OK\r\n\r\n"] {
        assert_eq!(
            kind(Script::of(nonsense)).await,
            StoreErrorKind::Unknown,
            "{nonsense}"
        );
    }
}

#[tokio::test]
async fn somebody_who_stops_in_the_middle() {
    for pass in PASSES {
        // The whole verdict came, but not the whole answer.
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{pass}",
            pass.len() + 1
        );
        assert_eq!(kind(Script::of(head)).await, StoreErrorKind::Unknown);
        let chunk = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{pass}\r\n",
            pass.len()
        );
        assert_eq!(kind(Script::of(chunk)).await, StoreErrorKind::Unknown);
    }
}

#[tokio::test]
async fn somebody_who_does_not_end() {
    let mut pieces = vec![b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec()];
    pieces.extend(std::iter::repeat_n(vec![b' '; 32 << 10], 8));
    let script = Script {
        pieces,
        pause: Duration::ZERO,
    };
    for error in errors(&script.start().await).await {
        assert_eq!(error.kind(), StoreErrorKind::Unknown);
        assert!(
            error.to_string().contains("longer than 65536 bytes"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn somebody_slow() {
    let silent = Script {
        pieces: vec![Vec::new(); 100],
        pause: Duration::from_secs(1),
    };
    let mut dripping = vec![b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec()];
    dripping.extend(std::iter::repeat_n(b" ".to_vec(), 99));
    let dripping = Script {
        pieces: dripping,
        pause: Duration::from_millis(100),
    };
    for script in [silent, dripping] {
        let endpoint = script
            .start()
            .await
            .with_deadline(Duration::from_millis(300));
        for verifier in both(&endpoint) {
            let began = clock();
            let error = verifier.verify(&request("a-token")).await.unwrap_err();
            let took = began.elapsed();
            assert_eq!(error.kind(), StoreErrorKind::Unknown, "{error}");
            assert!(error.to_string().contains("in time"), "{error}");
            assert!(
                took >= Duration::from_millis(300) && took < Duration::from_secs(3),
                "{took:?}"
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadline is real time")]
fn clock() -> Instant {
    Instant::now()
}
