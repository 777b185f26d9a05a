//! What stands between a client and KV: a place that shows what it has read for a minute more, the limits of the API, and whatever goes
//! wrong on the way. Its clock is the test's, so that nobody waits for a minute.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use futures::stream;
use picora_core::{Clock, ManualClock, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it does to each request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// This status, header `retry-after` and body; nobody else hears of the request.
    Answers(u16, Option<&'static str>, String),
    /// KV does it, and the answer breaks off in the middle.
    CutsTheAnswer,
    /// KV does it, and the answer comes too late.
    IsSlow(Duration),
    /// Of a bulk write KV does only the first half, and says so.
    WritesHalf,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) what: String,
    pub(crate) body: Value,
    pub(crate) at: Timestamp,
}

#[derive(Clone)]
pub(crate) struct Edge {
    port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    /// Up to `/client/v4`.
    kv: String,
    clock: Arc<ManualClock>,
    client: reqwest::Client,
    memory: Mutex<Memory>,
}

struct Memory {
    trouble: Trouble,
    came: Vec<Came>,
    /// What was read of a key, also that there was none, and when.
    read: HashMap<String, (Value, Timestamp)>,
    written: HashMap<String, Timestamp>,
    /// The calls of the last five minutes.
    calls: VecDeque<Timestamp>,
    blocked_until: Timestamp,
    /// How often somebody passed a limit.
    violations: u32,
}

impl Edge {
    /// To be called on a runtime.
    pub(crate) async fn before(kv: String, clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let memory = Memory {
            trouble: Trouble::None,
            came: Vec::new(),
            read: HashMap::new(),
            written: HashMap::new(),
            calls: VecDeque::new(),
            blocked_until: Timestamp::EPOCH,
            violations: 0,
        };
        let inner = Arc::new(Inner {
            kv,
            clock,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            memory: Mutex::new(memory),
        });
        let edge = Self { port, inner };
        let router = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(edge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        edge
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn makes(&self, trouble: Trouble) {
        self.inner.memory.lock().unwrap().trouble = trouble;
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.inner.memory.lock().unwrap().came.clone()
    }

    /// How many calls of this name came, such as `PUT bulk`.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.came().iter().filter(|it| it.what == what).count()
    }

    pub(crate) fn violations(&self) -> u32 {
        self.inner.memory.lock().unwrap().violations
    }
}

impl Memory {
    /// 1,200 calls in any five minutes; who passes that is not served for five minutes more.
    fn admit(&mut self, now: Timestamp) -> Result<(), Duration> {
        let five_minutes = Duration::from_secs(300);
        while self
            .calls
            .front()
            .is_some_and(|it| now.saturating_since(*it) >= five_minutes)
        {
            self.calls.pop_front();
        }
        if self.calls.len() >= 1_200 {
            self.blocked_until = now.saturating_add(five_minutes);
            self.violations += 1;
        }
        self.calls.push_back(now);
        let left = self.blocked_until.saturating_since(now);
        if left.is_zero() { Ok(()) } else { Err(left) }
    }
}

/// Where a request leads.
struct Asked {
    method: Method,
    url: String,
    token: HeaderValue,
}

async fn answer(
    State(edge): State<Edge>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let inner = &*edge.inner;
    let now = inner.clock.now();
    let what = uri.path().rsplit_once("/namespaces/").map_or("", |it| it.1);
    let what = format!("{method} {}", what.split_once('/').map_or("", |it| it.1));
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (trouble, admitted) = {
        let mut memory = inner.memory.lock().unwrap();
        let came = Came {
            what: what.clone(),
            body: body.clone(),
            at: now,
        };
        memory.came.push(came);
        (memory.trouble.clone(), memory.admit(now))
    };
    if let Err(left) = admitted {
        let left = left.as_secs().to_string();
        return respond(429, Some(&left), refusal(971, "rate limited"));
    }
    if let Trouble::Answers(status, retry_after, body) = &trouble {
        return respond(*status, *retry_after, body.clone());
    }
    let path = uri.path().strip_prefix("/client/v4").unwrap();
    let asked = Asked {
        method,
        url: format!("{}{path}", inner.kv),
        token: headers.get("authorization").unwrap().clone(),
    };
    let (status, text) = match what.as_str() {
        "PUT bulk" => match inner.put(&body, &trouble, now) {
            Ok((body, failed)) => {
                let (status, text) = inner.forward(&asked, &body).await;
                (status, with_failed(&text, &failed))
            }
            Err((status, text)) => (status, text),
        },
        "POST bulk/get" => inner.read(&asked, &body, now).await,
        _ => inner.forward(&asked, &body).await,
    };
    match trouble {
        Trouble::CutsTheAnswer => cut(text),
        Trouble::IsSlow(by) => {
            tokio::time::sleep(by).await;
            respond(status, None, text)
        }
        _ => respond(status, None, text),
    }
}

impl Inner {
    async fn forward(&self, asked: &Asked, body: &Value) -> (u16, String) {
        let request = self.client.request(asked.method.clone(), &asked.url);
        let request = request.header("authorization", asked.token.clone());
        let response = request.json(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The pairs that KV shall write, in whose time the test's clock is behind or before, and those it shall not.
    fn put(
        &self,
        body: &Value,
        trouble: &Trouble,
        now: Timestamp,
    ) -> Result<(Value, Vec<String>), (u16, String)> {
        let mut pairs = body.as_array().unwrap().clone();
        let key = |pair: &Value| pair["key"].as_str().unwrap().to_owned();
        let mut memory = self.memory.lock().unwrap();
        for pair in &mut pairs {
            let last = memory.written.get(&key(pair)).copied();
            if last.is_some_and(|at| now.saturating_since(at) < Duration::from_secs(1)) {
                memory.violations += 1;
                return Err((429, refusal(10429, "one write a second")));
            }
            let soonest = now.unix_seconds() + 60;
            let pair = pair.as_object_mut().unwrap();
            if let Some(ttl) = pair.remove("expiration_ttl") {
                let ttl = ttl.as_i64().unwrap();
                pair.insert("expiration".to_owned(), (now.unix_seconds() + ttl).into());
            }
            if pair
                .get("expiration")
                .is_some_and(|it| it.as_i64().unwrap() < soonest)
            {
                return Err((
                    400,
                    refusal(10147, "expiration is at least 60 seconds away"),
                ));
            }
        }
        let most = match trouble {
            Trouble::WritesHalf => pairs.len().div_ceil(2),
            _ => pairs.len(),
        };
        let failed = pairs.split_off(most).iter().map(key).collect();
        for pair in &pairs {
            memory.written.insert(key(pair), now);
        }
        Ok((pairs.into(), failed))
    }

    /// What this place has read in the last minute it shows again; the rest it reads.
    async fn read(&self, asked: &Asked, body: &Value, now: Timestamp) -> (u16, String) {
        let keys: Vec<String> = serde_json::from_value(body["keys"].clone()).unwrap();
        let fresh = |memory: &Memory, key: &String| {
            let read = memory.read.get(key);
            read.is_some_and(|(_, at)| now.saturating_since(*at) < LAG)
        };
        let unread: Vec<_> = {
            let memory = self.memory.lock().unwrap();
            keys.iter()
                .filter(|it| !fresh(&memory, it))
                .cloned()
                .collect()
        };
        if !unread.is_empty() {
            let missing = json!({"keys": unread, "type": "text"});
            let (status, text) = self.forward(asked, &missing).await;
            if status != 200 {
                return (status, text);
            }
            let said: Value = serde_json::from_str(&text).unwrap();
            let mut memory = self.memory.lock().unwrap();
            for (key, value) in said["result"]["values"].as_object().unwrap() {
                memory.read.insert(key.clone(), (value.clone(), now));
            }
        }
        let memory = self.memory.lock().unwrap();
        let shown = keys
            .iter()
            .map(|it| (it.clone(), memory.read[it].0.clone()));
        let values: serde_json::Map<_, _> = shown.collect();
        let said =
            json!({"success": true, "errors": [], "messages": [], "result": {"values": values}});
        (200, said.to_string())
    }
}

fn with_failed(text: &str, failed: &[String]) -> String {
    let mut said: Value = serde_json::from_str(text).unwrap();
    if let (false, Some(result)) = (failed.is_empty(), said["result"].as_object_mut()) {
        result.insert("unsuccessful_keys".to_owned(), failed.into());
    }
    said.to_string()
}

pub(crate) fn refusal(code: u32, message: &str) -> String {
    let errors = [json!({"code": code, "message": message})];
    json!({"success": false, "errors": errors, "messages": [], "result": null}).to_string()
}

fn respond(status: u16, retry_after: Option<&str>, body: String) -> Response<Body> {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    if let Some(wait) = retry_after {
        response = response.header("retry-after", wait);
    }
    response.body(body.into()).unwrap()
}

/// Half of it, and then the connection ends.
fn cut(text: String) -> Response<Body> {
    let half = Bytes::from(text[..text.len() / 2].to_owned());
    let pieces = [Ok(half), Err(std::io::Error::other("cut"))];
    Response::new(Body::from_stream(stream::iter(pieces)))
}

/// "Changes may take up to 60 seconds or more to be visible in other locations", also that there is a key at all.
const LAG: Duration = Duration::from_secs(60);
