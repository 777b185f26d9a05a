//! An answer as it came, and what it means.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Refusal};
use crate::retry_after::RetryAfter;

/// An answer whose body has come, or has turned out too long to be one of Picora's.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
    code: String,
    #[serde(default)]
    meta: Map<String, Value>,
    #[serde(rename = "requestId")]
    request_id: Option<String>,
}

impl Answer {
    /// Reads a response; no more of it is kept than an answer of Picora can have.
    ///
    /// **Errors**: reqwest's, when the body does not come to its end.
    pub(crate) async fn read(mut response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let most = if status.is_success() {
            LONGEST_SUCCESS
        } else {
            LONGEST_FAILURE
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > most {
                return Ok(Self {
                    status,
                    headers,
                    body: None,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            headers,
            body: Some(body),
        })
    }

    /// The `data` of a success, or the error. A body that parses is believed, whatever its content type says.
    pub(crate) fn data<T: DeserializeOwned>(&self, attempts: u32) -> Result<T, Error> {
        if self.status.is_redirection() {
            return Err(Error::Redirected {
                to: self
                    .told(LOCATION.as_str())
                    .unwrap_or_else(|| "nowhere".to_owned()),
            });
        }
        let body = self.body.as_deref();
        if !self.status.is_success() {
            return Err(match body.and_then(|it| serde_json::from_slice(it).ok()) {
                Some(failure) => Error::Refused(Box::new(self.refusal(failure, attempts))),
                None => self.unreadable(None),
            });
        }
        let body = body.ok_or_else(|| self.unreadable(None))?;
        serde_json::from_slice::<Success<T>>(body)
            .map(|success| success.data)
            .map_err(|error| self.unreadable(Some(&error)))
    }

    /// Whether it is a denial by quota: those carry numbers, and the limiter's do not.
    pub(crate) fn is_quota_denial(&self) -> bool {
        let failure = self
            .body
            .as_deref()
            .and_then(|it| serde_json::from_slice::<Failure>(it).ok());
        !self.status.is_success() && failure.is_some_and(|it| it.meta.contains_key("used"))
    }

    fn refusal(&self, failure: Failure, attempts: u32) -> Refusal {
        // The answer's own `Date` is the clock for a date; without one there is no telling here.
        let waits = RetryAfter::of(&self.headers, picora_core::Timestamp::MAX);
        let named = failure.meta.get("retryAfterSec").and_then(Value::as_u64);
        Refusal {
            status: self.status,
            code: failure.code,
            message: failure.error,
            meta: failure.meta,
            request_id: failure.request_id.or_else(|| self.told("x-request-id")),
            retry_after: match waits {
                RetryAfter::Wait(wait) => Some(wait),
                RetryAfter::Absent => named.map(Duration::from_secs),
            },
            attempts,
        }
    }

    fn unreadable(&self, error: Option<&serde_json::Error>) -> Error {
        let what = match (&self.body, error) {
            (None, _) => "a body that is longer than any of Picora's".to_owned(),
            (Some(body), _) if body.is_empty() => "an empty body".to_owned(),
            (Some(_), Some(error)) if error.is_data() => format!("JSON of another shape ({error})"),
            _ => match self.told(CONTENT_TYPE.as_str()) {
                Some(content_type) => format!("a body of the type {content_type:?}"),
                None => "a body of no type".to_owned(),
            },
        };
        Error::Unreadable {
            status: self.status,
            what,
            request_id: self.told("x-request-id"),
        }
    }

    /// A header for people, at most as long as they would read.
    fn told(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.headers.get(name)?.as_bytes()).into_owned();
        Some(
            text.chars()
                .filter(|it| !it.is_control())
                .take(LONGEST_TOLD)
                .collect(),
        )
    }
}

/// A page of a hundred resources with thirty-two tags each is below this.
const LONGEST_SUCCESS: usize = 4 << 20;
const LONGEST_FAILURE: usize = 64 << 10;
const LONGEST_TOLD: usize = 200;
