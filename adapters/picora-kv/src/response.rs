//! What KV answers.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picora_core::Timestamp;
use picora_https::Answer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Failure, Wait};

/// What surrounds every result.
#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    #[serde(default)]
    errors: Vec<Fault>,
    result: Option<T>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: u32,
}

/// What became of a bulk call.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Done {
    /// They should be tried again.
    #[serde(default)]
    pub(crate) unsuccessful_keys: Vec<String>,
}

/// What bulk reading found.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    values: HashMap<String, Option<String>>,
}

impl Found {
    /// The value of a key that was asked for; none when there is no such key. **Errors**: the answer does not speak of it.
    pub(crate) fn take(&mut self, key: &str) -> Result<Option<String>, Failure> {
        self.values.remove(key).ok_or(Failure::Garbage(200))
    }
}

/// What a bulk call did; an answer without a result did all of it.
pub(crate) fn done(answer: &Answer) -> Result<Done, Failure> {
    Ok(read(answer)?.unwrap_or_default())
}

/// What was found.
pub(crate) fn found(answer: &Answer) -> Result<Found, Failure> {
    read(answer)?.ok_or(Failure::Garbage(answer.status))
}

/// The result of an answer that says success in every way.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<Option<T>, Failure> {
    let said: Option<Envelope<T>> = serde_json::from_slice(&answer.body).ok();
    match said {
        Some(said) if said.success && answer.status == 200 => Ok(said.result),
        _ => Err(failure(answer)),
    }
}

/// Why it is none. The status counts more than the body, which may come from somebody between.
fn failure(answer: &Answer) -> Failure {
    let status = answer.status;
    let said: Option<Envelope<serde::de::IgnoredAny>> = serde_json::from_slice(&answer.body).ok();
    let refused = said.filter(|it| !it.success);
    let codes: Option<Vec<u32>> = refused.map(|it| it.errors.iter().map(|it| it.code).collect());
    let retry_after = || answer.header("retry-after").and_then(wait);
    match (status, codes) {
        (429, codes) => Failure::Limited {
            codes: codes.unwrap_or_default(),
            retry_after: retry_after(),
        },
        (500.., _) => Failure::Trouble {
            status,
            retry_after: retry_after(),
        },
        (401 | 403 | 404, codes) => Failure::Forbidden {
            status,
            codes: codes.unwrap_or_default(),
        },
        (200 | 400.., Some(codes)) => Failure::Refused { status, codes },
        _ => Failure::Garbage(status),
    }
}

/// Seconds or a date (RFC 9110 §10.2.3).
fn wait(text: &str) -> Option<Wait> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Wait::For(Duration::from_secs(seconds)));
    }
    let at: SystemTime = httpdate::parse_http_date(text).ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    Some(Wait::Until(Timestamp::EPOCH.saturating_add(since)))
}

#[cfg(test)]
mod tests;
