//! What everybody may ask: whether the server lives, and whether it can work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use picora_core::AccountId;
use picora_http::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Access, Route};
use crate::answer;
use crate::app::App;
use crate::failure::Failure;
use crate::openapi::Doc;

/// The routes of everybody.
pub fn routes() -> Vec<Route> {
    let route = |path: &str, doc, handler| Route {
        method: Method::GET,
        path: path.to_owned(),
        access: Access::Everybody,
        doc: Some(doc),
        handler,
    };
    vec![
        route(
            "/health",
            Doc::new("health", "Whether the server lives").answers::<Health>(StatusCode::OK),
            get(|| async { answer::ok(Health { status: "ok" }) }),
        ),
        route(
            "/health/ready",
            Doc::new("ready", "Whether the server can work")
                .internal()
                .answers::<Health>(StatusCode::OK)
                .fails([ErrorCode::Unavailable]),
            get(ready),
        ),
    ]
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always ok.
    status: &'static str,
}

/// Asks the ledger something small; a server without its ledger cannot work. The place of the files is not asked: while it is away all
/// servers are alike, each answers what needs no bytes, and 503 to the rest.
async fn ready(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    app.media
        .store()
        .usage(AccountId::from_bytes([0; 16]), app.clock.now())
        .await?;
    Ok(answer::ok(Health { status: "ok" }))
}
