//! An answer of the server, and what every answer must keep.

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer that has come whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// Sends a request and takes its answer.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        Self {
            status,
            headers,
            bytes,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.header(name).parse().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// What a success answers, with this status.
    pub(crate) fn success(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let json = self.json();
        assert_eq!(members(&json), ["success", "data"], "{json}");
        assert_eq!(json["success"], true);
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        json["data"].clone()
    }

    pub(crate) fn data(&self) -> Value {
        self.success(200)
    }

    pub(crate) fn id(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap().to_owned()
    }

    /// An error of the one table: its shape, its order, and its request's id in header and body (C74). Answers `meta`.
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let json = self.json();
        let expected = ["success", "error", "code", "meta", "requestId"];
        assert_eq!(members(&json), expected, "{json}");
        assert_eq!(
            (&json["success"], &json["code"]),
            (&false.into(), &code.into())
        );
        let id = self.header("x-request-id");
        assert!(!id.is_empty() && json["requestId"] == id, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let wait = &json["meta"]["retryAfterSec"];
        let told = self.headers.contains_key("retry-after");
        assert_eq!(told, wait.is_u64(), "{self:?}");
        assert!(!told || *wait == self.number("retry-after"), "{self:?}");
        json["meta"].clone()
    }

    /// The body without what C74 lets us add, as text: names, values and order of the documents.
    pub(crate) fn as_documented(&self) -> String {
        let mut body = self.json();
        let members = body.as_object_mut().unwrap();
        members.shift_remove("requestId");
        let meta = members["meta"].as_object_mut().unwrap();
        for ours in ["reserved", "requested", "upgradeUrl"] {
            meta.shift_remove(ours);
        }
        body.to_string()
    }

    /// Limit, remaining and reset, when the answer carries them: both families, with the same numbers.
    pub(crate) fn triplet(&self) -> Option<[u64; 3]> {
        let family = |prefix: &str| {
            ["limit", "remaining", "reset"].map(|name| {
                let value = self.headers.get(format!("{prefix}-{name}"));
                value.map(|value| value.to_str().unwrap().parse::<u64>().unwrap())
            })
        };
        let (ours, older) = (family("ratelimit"), family("x-ratelimit"));
        assert_eq!(ours, older, "{self:?}");
        match ours {
            [Some(limit), Some(remaining), Some(reset)] => Some([limit, remaining, reset]),
            [None, None, None] => None,
            _ => panic!("a part of the triplet: {self:?}"),
        }
    }
}

fn members(json: &Value) -> Vec<&str> {
    let object = json.as_object();
    object
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}
