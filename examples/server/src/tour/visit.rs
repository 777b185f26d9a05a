//! A visitor: asks, prints, and compares with what is promised.

use std::sync::Arc;
use std::time::Duration;

use picora_core::ManualClock;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::app::App;

/// The visitor and his count of promises.
pub(super) struct Visit {
    pub(super) app: Arc<App>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) kept: u32,
    pub(super) broken: u32,
    client: Client,
    key: String,
}

/// An answer, as far as the promises speak of it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Visit {
    pub(super) fn new(app: Arc<App>, clock: Arc<ManualClock>, key: String) -> Self {
        Self {
            app,
            clock,
            kept: 0,
            broken: 0,
            client: Client::new(),
            key,
        }
    }

    /// Begins a part of the visit.
    pub(super) fn heading(&self, text: &str) {
        println!("\n── {text}");
    }

    /// Asks with the visitor's key and prints both sides.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(&format!("{method} {path}"), self.request(method, path))
            .await
    }

    /// Asks without printing, for what is repeated.
    pub(super) async fn ask_quietly(
        &self,
        method: Method,
        path: &str,
    ) -> Result<Answer, reqwest::Error> {
        read(self.request(method, path).send().await?).await
    }

    /// Asks without a key.
    pub(super) async fn ask_anonymously(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let shown = path.split_once('?').map_or(path, |(plain, _)| plain);
        self.send(
            &format!("GET {shown} (no key)"),
            self.client.get(self.url(path)),
        )
        .await
    }

    /// Follows a signed link as a mail program does for one click.
    pub(super) async fn click(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let shown = path.split_once('?').map_or(path, |(plain, _)| plain);
        let request = self.client.post(self.url(path));
        let request = request.body("List-Unsubscribe=One-Click");
        self.send(&format!("POST {shown} (no key)"), request).await
    }

    /// Sends JSON.
    pub(super) async fn change(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send(
            &format!("PATCH {path} {body}"),
            self.request(Method::PATCH, path).json(body),
        )
        .await
    }

    /// Uploads a file and prints both sides.
    pub(super) async fn upload(
        &self,
        path: &str,
        name: &str,
        file: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let asked = format!("POST {path} ({name}, {} bytes)", file.len());
        self.send(&asked, self.form(path, name, file)).await
    }

    /// Uploads without printing.
    pub(super) async fn upload_quietly(
        &self,
        path: &str,
        name: &str,
        file: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        read(self.form(path, name, file).send().await?).await
    }

    /// Counts a promise and says how it stands.
    pub(super) fn promise(&mut self, kept: bool, text: &str) {
        if kept {
            self.kept += 1;
            println!("   ✓ {text}");
        } else {
            self.broken += 1;
            println!("   ✗ BROKEN: {text}");
        }
    }

    /// Opens a stream of events.
    pub(super) async fn follow(&self, path: &str) -> Result<Events, reqwest::Error> {
        println!("→ GET {path}");
        let response = self.request(Method::GET, path).send().await?;
        Ok(Events {
            response,
            text: String::new(),
        })
    }

    /// Lets virtual time pass.
    pub(super) fn wait(&self, span: Duration) {
        self.clock.advance(span);
        println!("   … {} s pass", span.as_secs());
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, self.url(path))
            .bearer_auth(&self.key)
    }

    fn form(&self, path: &str, name: &str, file: Vec<u8>) -> RequestBuilder {
        let part = Part::bytes(file).file_name(name.to_owned());
        self.request(Method::POST, path)
            .multipart(Form::new().part("file", part))
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.app.public_url)
        }
    }

    async fn send(&self, asked: &str, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        println!("→ {asked}");
        let answer = read(request.send().await?).await?;
        println!("← {} {}", answer.status, answer.shown());
        Ok(answer)
    }
}

/// An open stream of events.
pub(super) struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    /// The data of the next event; null at the end.
    pub(super) async fn event(&mut self) -> Result<Value, reqwest::Error> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                let json = data.map(|data| serde_json::from_str(data).unwrap_or_default());
                if let Some(data) = data {
                    let shown: String = data.chars().take(LONGEST_SHOWN).collect();
                    println!("← event: {shown}…");
                }
                self.text = rest.to_owned();
                if let Some(json) = json {
                    return Ok(json);
                }
            }
            match self.response.chunk().await? {
                Some(chunk) => self.text += &String::from_utf8_lossy(&chunk),
                None => return Ok(Value::Null),
            }
        }
    }
}

impl Answer {
    /// A header's text, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body for a terminal: text shortened, anything else by its length.
    fn shown(&self) -> String {
        if self.json.is_null() {
            return format!(
                "({}, {} bytes)",
                self.header("content-type"),
                self.text.len()
            );
        }
        let shown: String = self.text.chars().take(LONGEST_SHOWN).collect();
        if shown.len() < self.text.len() {
            shown + "…"
        } else {
            shown
        }
    }

    /// The body without what C74 lets us add to the documents' members.
    pub(super) fn as_documented(&self) -> Value {
        let mut body = self.json.clone();
        if let Some(body) = body.as_object_mut() {
            body.remove("requestId");
        }
        if let Some(meta) = body["meta"].as_object_mut() {
            for ours in ["reserved", "requested", "upgradeUrl"] {
                meta.remove(ours);
            }
        }
        body
    }
}

async fn read(response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer {
        status,
        headers,
        text,
        json,
    })
}

const LONGEST_SHOWN: usize = 400;
