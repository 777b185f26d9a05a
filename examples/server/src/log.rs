//! The log: sentences for people, or JSON for machines, on standard error.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use picora_http::RequestId;
use std::io::IsTerminal;
use tracing::Instrument;

use tracing_subscriber::EnvFilter;

use crate::app::StartError;
use crate::config::Log;

/// Starts logging. **Errors**: [`StartError`] when the filter cannot be read.
pub fn start(log: &Log) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        StartError(format!(
            "the configuration cannot be used: `log.filter`: {error}"
        ))
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal()) // a file wants no colours
        .with_writer(std::io::stderr);
    let started = if log.json {
        lines.json().try_init()
    } else {
        lines.try_init()
    };
    started.map_err(|error| StartError(format!("the log cannot start: {error}")))
}

/// Puts everything that is logged for a request under its id, which its answer carries: the id finds the lines (#75).
///
/// Paths are logged without their query, which may hold a signature; headers and bodies never are.
pub async fn under_request_id(request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.as_str().to_owned())
        .unwrap_or_default();
    let span =
        tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    async move {
        let response = next.run(request).await;
        let status = response.status();
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), "answered");
        } else {
            tracing::debug!(status = status.as_u16(), "answered");
        }
        response
    }
    .instrument(span)
    .await
}
