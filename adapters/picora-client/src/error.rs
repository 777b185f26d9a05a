//! How a call fails.

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

/// Why there is no result. Each is one sentence; none holds the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server says no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Something answers, but not as Picora does: a proxy, a portal, a server at fault.
    #[error(
        "the server answered {status} with {what}, which is no answer of Picora; is the address right?"
    )]
    Unreadable {
        /// The status of the answer.
        status: StatusCode,
        /// What the body is instead.
        what: String,
        /// The request's id, if the answer had one.
        request_id: Option<String>,
    },
    /// The server sends elsewhere. No redirect is followed: the key would go there, too.
    #[error("the server redirects to {to}; if you trust that address, use it")]
    Redirected {
        /// Where to.
        to: String,
    },
    /// Nothing moved for too long.
    #[error("the server did not answer within {} s", .within.as_secs_f32())]
    TimedOut {
        /// How long that was.
        within: Duration,
    },
    /// The server cannot be reached.
    #[error("the server cannot be reached: {}", causes(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The connection ended before the answer had come. What was done is not known.
    #[error("the connection was lost before the answer had come: {}", causes(.0))]
    Lost(#[source] reqwest::Error),
    /// A file cannot be read.
    #[error("the file {path:?} cannot be read: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A request cannot be made of what was given, such as tags that no form can hold.
    #[error("the request cannot be made: {0}")]
    Request(String),
}

/// What the server says when it says no.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message} ({code}{})", .request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default())]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The code to decide by, such as `QUOTA_EXCEEDED`. New ones may come.
    pub code: String,
    /// A sentence for people, in the server's words.
    pub message: String,
    /// The numbers, such as `used` and `limit`.
    pub meta: Map<String, Value>,
    /// The request's id, by which the operator finds it in the log.
    pub request_id: Option<String>,
    /// When the server says it is worth coming back.
    pub retry_after: Option<Duration>,
    /// How many attempts were made.
    pub attempts: u32,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingError {
    /// The address is none of HTTP.
    #[error(
        "the server's address must be a URL that starts with https:// or http://, such as https://media.example"
    )]
    Url,
    /// The address holds a user name, a password, a query or a fragment.
    #[error(
        "the server's address must not hold a user name, a password, a `?` or a `#`; the key is given apart"
    )]
    UrlParts,
    /// The key cannot be sent in a header. It is not shown.
    #[error("the API key must be 1 to 512 visible ASCII characters without spaces")]
    Key,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Error {
    /// The refusal, when the server said no.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The id by which the operator finds the request, if the answer had one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.request_id.as_deref(),
            Self::Unreadable { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the server limits requests or uploads of a time.
    #[must_use]
    pub fn is_rate_limit(&self) -> bool {
        self.refusal()
            .is_some_and(|it| it.status == StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether the key is not known, or may not do this.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.refusal()
            .is_some_and(|it| it.status == StatusCode::UNAUTHORIZED)
    }

    /// Whether the resource does not exist, or is not the caller's.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal()
            .is_some_and(|it| it.status == StatusCode::NOT_FOUND)
    }
}

/// The innermost cause: "error sending request" alone says nothing. Addresses are left out by [`reqwest::Error::without_url`] before.
fn causes(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
