//! An account's usage as it changes, by server-sent events (#46, #196).
//!
//! Every event is the whole usage, so that nothing is lost with a connection, and a reader who pauses gets the newest one alone. An
//! event's id is a digest of the numbers: the same at every server, and for the same numbers.
//!
//! **Source**: HTML standard, "Server-sent events"; design decision 13.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use picora_core::{StoreError, Timestamp};
use picora_http::{ApiError, ErrorCode};
use picora_quota::UsageLine;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::account::shape;
use super::{Access, Route};
use crate::answer::{Forecast, Usage};
use crate::app::App;
use crate::credential::{Caller, holder};
use crate::failure::Failure;
use crate::followers::{Follower, TooMany, Waited};
use crate::openapi::{Doc, Parameter};

/// The one route.
pub fn routes() -> Vec<Route> {
    let doc = Doc::new("follow_usage", "What is used, now and whenever it changes")
        .with(Parameter::header(
            "Last-Event-ID",
            "The id of the last event that was seen: the first event is left out when it would be the same.",
            Parameter::text(),
        ))
        .streams::<Usage>(EVENT);
    vec![Route {
        method: Method::GET,
        path: "/v1/user/me/usage/events".to_owned(),
        access: Access::Caller,
        doc: Some(doc),
        handler: get(events),
    }]
}

async fn events(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    // Before the usage is read, so that no change falls between both.
    let follower = app.followers.follow(caller.account.id);
    let follower = follower.map_err(|many| too_many(&app, many))?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let mut telling = Telling {
        caller,
        follower,
        told: seen.unwrap_or_default().to_owned(),
        behind: false,
        quiet_since: Instant::now(),
        app,
    };
    let first = telling.event().await?;
    let first = format!(
        "retry: {RECONNECT_MILLIS}\n{}",
        first.unwrap_or(COMMENT.to_owned())
    );
    let later = stream::unfold(telling, async |mut telling| {
        let text = telling.next().await?;
        Some((text, telling))
    });
    let texts = stream::StreamExt::chain(stream::iter([first]), later);
    let body = Body::from_stream(stream::StreamExt::map(texts, Ok::<_, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"), // nginx would hold events back
    ];
    Ok((headers, body).into_response())
}

/// One open stream. It is asked for its next text only when the last one has left, so it holds no more than that.
struct Telling {
    app: Arc<App>,
    caller: Caller,
    follower: Follower,
    /// The id of the last event.
    told: String,
    /// Whether there may be something that could not be read.
    behind: bool,
    quiet_since: Instant,
}

impl Telling {
    /// The next text to send; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let patience = match self.behind {
                true => TRY_AGAIN,
                false => self.app.config.events.keep_alive(),
            };
            tokio::select! {
                waited = self.follower.next() => match waited {
                    Waited::Closed => return None,
                    Waited::Changed => self.behind = true,
                },
                () = sleep_until(self.quiet_since + patience) => self.quiet_since = Instant::now(),
            }
            if !self.may_go_on().await {
                return None;
            }
            if !self.behind {
                return Some(COMMENT.to_owned());
            }
            match self.event().await {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "usage could not be told"),
            }
        }
    }

    /// The event of the usage as it is now; `None` when it has been told.
    async fn event(&mut self) -> Result<Option<String>, StoreError> {
        let now = self.app.clock.now();
        let store = self.app.media.store();
        let lines = store.usage(self.caller.account.id, now).await?;
        self.behind = false;
        let (id, data) = told(&lines, &self.app.config.upgrade_url, now);
        if id == self.told {
            return Ok(None);
        }
        let event = format!("id: {id}\nevent: {EVENT}\ndata: {data}\n\n");
        self.told = id;
        self.quiet_since = Instant::now();
        Ok(Some(event))
    }

    /// Whether the credential still counts. A store that does not answer ends no stream.
    async fn may_go_on(&self) -> bool {
        match holder(&self.app, &self.caller.key.secret_hash).await {
            Ok(Some(caller)) => caller.account.disabled_at(self.app.clock.now()).is_none(),
            Ok(None) => false,
            Err(_) => true,
        }
    }
}

/// The usage as JSON, and a digest of it without what changes by time alone.
fn told(lines: &[UsageLine], upgrade_url: &str, now: Timestamp) -> (String, String) {
    let mut usage = shape(lines, upgrade_url, now);
    let text = |usage: &Usage| serde_json::to_string(usage).unwrap_or_default(); // numbers and names
    let data = text(&usage);
    usage.forecast = Forecast {
        image_bandwidth_reached_at: None,
        video_bandwidth_reached_at: None,
        uploads_reached_at: None,
    };
    let digest = Sha256::digest(text(&usage).as_bytes());
    let id = digest[..8].iter().map(|byte| format!("{byte:02x}"));
    (id.collect(), data)
}

/// 429: so many are open, and so many may be.
fn too_many(app: &App, many: TooMany) -> ApiError {
    let error = ApiError::new(ErrorCode::RateLimited, "Too many open event streams");
    error
        .with_meta("type", "event_streams")
        .with_meta("used", many.used)
        .with_meta("limit", many.limit)
        .with_retry_after(app.config.events.keep_alive_seconds)
}

/// A line that readers skip.
const COMMENT: &str = ":\n\n";
const EVENT: &str = "usage";
/// How long a reader is asked to wait before he connects again.
const RECONNECT_MILLIS: u32 = 2_000;
/// When a change that could not be read is looked for again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
