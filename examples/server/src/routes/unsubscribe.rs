//! The page behind the link of the mails at 80 %, and the one click that mail programs make themselves (RFC 8058).
//!
//! A GET changes nothing: programs that look into mails follow links. A POST ends the mails at 80 %, asks nothing, and can be repeated.
//! What it carries is not looked at: the link alone says who and what.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use picora_core::AccountId;
use serde::Deserialize;

use super::{Access, Route};
use crate::app::App;
use crate::failure::Failure;
use crate::input::Query;
use crate::unsubscribe::PATH;

/// The routes of the page. It is none of the API, so no document names it.
pub fn routes() -> Vec<Route> {
    let route = |method, handler| Route {
        method,
        path: PATH.to_owned(),
        access: Access::Everybody,
        doc: None,
        handler,
    };
    vec![
        route(Method::GET, get(ask)),
        route(Method::POST, post(unsubscribe)),
    ]
}

/// Who and by which right.
#[derive(Debug, Deserialize)]
struct Signed {
    #[serde(default)]
    account: String,
    #[serde(default)]
    signature: String,
}

async fn ask(State(app): State<Arc<App>>, link: Result<Query<Signed>, Failure>) -> Response {
    match whose(&app, link) {
        Some(_) => page(StatusCode::OK, "Turn early notices off?", ASKED),
        None => invalid(),
    }
}

async fn unsubscribe(
    State(app): State<Arc<App>>,
    link: Result<Query<Signed>, Failure>,
) -> Result<Response, Failure> {
    let Some(account) = whose(&app, link) else {
        return Ok(invalid());
    };
    // An account that is gone gets no mail, which is what was asked for.
    app.media.want_early_notices(account, false).await?;
    tracing::info!(%account, "early notices were turned off by a link");
    Ok(page(StatusCode::OK, "Early notices are off", DONE))
}

fn whose(app: &App, link: Result<Query<Signed>, Failure>) -> Option<AccountId> {
    let Query(Signed { account, signature }) = link.ok()?;
    app.unsubscriber.whose(&account, &signature)
}

fn invalid() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "This link is not complete",
        INCOMPLETE,
    )
}

/// A page without scripts, pictures or anything of the request's: its form goes back to its own address.
fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} — Picora</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (status, headers, html).into_response()
}

const ASKED: &str = "<p>Picora will no longer write to you when you have used 80% of a limit. Mails at 100% and above say that your service \
     changes; they stay on.</p>\n<form method=\"post\">\n<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\n\
     <button type=\"submit\">Turn early notices off</button>\n</form>";
const DONE: &str = "<p>Picora will no longer write to you when you have used 80% of a limit. You can turn these mails on again in your profile, \
     under Notifications.</p>";
const INCOMPLETE: &str = "<p>Perhaps your mail program has broken it in two. Open it from the mail again, or use your profile, under \
     Notifications.</p>";
const STYLE: &str = "body{margin:0 auto;max-width:36em;padding:24px;background:#fff;color:#1f1f1f;font:16px/1.5 sans-serif}\
     button{font:inherit;padding:.5em 1em;background:#0b3fa8;color:#fff;border:0;border-radius:4px}";
/// Styles of the page's own, a form to itself, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
