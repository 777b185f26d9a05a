//! Fakes of both providers on the loopback, as real HTTP servers. They remember what came, and which tokens are spent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use picora_captcha::Endpoint;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A provider. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<Memory>>,
    answers: fn(&mut Memory, &Came) -> (StatusCode, Value),
}

/// What a provider remembers.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) came: Vec<Came>,
    /// By token: the idempotency key under which it was spent.
    spent: HashMap<String, String>,
}

impl Fake {
    pub(crate) async fn turnstile() -> Self {
        Self::start(siteverify).await
    }

    pub(crate) async fn aliyun() -> Self {
        Self::start(verify_intelligent_captcha).await
    }

    async fn start(answers: fn(&mut Memory, &Came) -> (StatusCode, Value)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            answers,
        };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(crate) fn endpoint(&self, path: &str) -> Endpoint {
        Endpoint::new(&format!("http://{}{path}", self.address)).unwrap()
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.state.lock().unwrap().came.clone()
    }
}

async fn answer(
    State(fake): State<Fake>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let came = Came {
        path: uri.to_string(),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let mut memory = fake.state.lock().unwrap();
    let (status, said) = (fake.answers)(&mut memory, &came);
    memory.came.push(came);
    (
        status,
        [("content-type", "application/json")],
        said.to_string(),
    )
}

/// Cloudflare as documented: its dummy secrets, and real ones (`easy`, `hard`) that know which tokens are theirs.
fn siteverify(memory: &mut Memory, came: &Came) -> (StatusCode, Value) {
    let asked: Value = serde_json::from_str(&came.body).unwrap();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let (secret, token, key) = (text("secret"), text("response"), text("idempotency_key"));
    let failed = |code: &str| json!({"success": false, "error-codes": [code], "messages": []});
    let passed = |hostname: &str, action: &str| {
        json!({"success": true, "error-codes": [], "challenge_ts": "2026-11-25T07:00:00.000Z",
            "hostname": hostname, "action": action, "cdata": "", "metadata": {"interactive": false}})
    };
    let dummy = token == "XXXX.DUMMY.TOKEN.XXXX";
    let said = match secret.as_str() {
        "1x0000000000000000000000000000000AA" => passed("example.com", ""),
        "2x0000000000000000000000000000000AA" => failed("invalid-input-response"),
        "3x0000000000000000000000000000000AA" => failed("timeout-or-duplicate"),
        "" => failed("missing-input-secret"),
        "easy" | "hard" if dummy || !token.starts_with(&secret) => failed("invalid-input-response"),
        "easy" | "hard" if token.contains("expired") => failed("timeout-or-duplicate"),
        "easy" | "hard" => match memory
            .spent
            .entry(token.clone())
            .or_insert_with(|| key.clone())
        {
            first if *first != key => failed("timeout-or-duplicate"),
            _ if token.contains("elsewhere") => passed("evil.example", "email_code"),
            _ if token.contains("login") => passed("picora.me", "login"),
            _ => passed("picora.me", "email_code"),
        },
        _ => failed("invalid-input-secret"),
    };
    (StatusCode::OK, said)
}

/// Aliyun as documented; the token says for which scene it was solved.
fn verify_intelligent_captcha(memory: &mut Memory, came: &Came) -> (StatusCode, Value) {
    if !came.headers["authorization"]
        .to_str()
        .unwrap()
        .contains("Credential=LTAItest,")
    {
        let fault = json!({"RequestId": "r", "HostId": "h", "Code": "InvalidAccessKeyId.NotFound", "Message": "m"});
        return (StatusCode::NOT_FOUND, fault);
    }
    let (token, scene) = came.body.split_once("&SceneId=").unwrap();
    let token = token.strip_prefix("CaptchaVerifyParam=").unwrap();
    let code = if !token.starts_with(scene) {
        "F012"
    } else if token.contains("expired") {
        "F007"
    } else if memory
        .spent
        .insert(token.to_owned(), String::new())
        .is_some()
    {
        "F008"
    } else if token.contains("machine") {
        "F001"
    } else {
        "T001"
    };
    let result =
        json!({"VerifyResult": code.starts_with('T'), "VerifyCode": code, "CertifyId": "c"});
    let said = json!({"RequestId": "r", "Success": true, "Code": "Success", "Message": "success", "Result": result});
    (StatusCode::OK, said)
}
