//! A real browser: a page of another origin calls the API with a key, and its script reads every header that a client builds on.

use std::process::Command;
use std::time::Duration;

use axum::http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_EXPOSE_HEADERS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use picora_core::PlanId;
use picora_testkit::program;
use picora_testkit::server::{Ready, Server, Stop};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::child::Child;
use crate::stripping::Stripping;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_reads_all_headers_and_misses_each_that_is_not_exposed() {
    let server = Child::start(STRICT).await;
    let mut proxies = Vec::new();
    for name in EXPOSED {
        let hide =
            move |headers: &mut HeaderMap| hide(headers, ACCESS_CONTROL_EXPOSE_HEADERS, name);
        proxies.push(Stripping::before(&server.url, hide).await);
    }
    let forbid =
        |headers: &mut HeaderMap| hide(headers, ACCESS_CONTROL_ALLOW_HEADERS, "authorization");
    proxies.push(Stripping::before(&server.url, forbid).await);

    let urls = std::iter::once(&server.url).chain(proxies.iter().map(|it| &it.url));
    let apis = urls.map(|url| {
        let account = server.account(PlanId::Trial); // each with limits of its own
        json!({"url": format!("{url}/v1/user/me/usage"), "secret": account.secret})
    });
    let findings = browse(apis.collect()).await;

    assert_eq!(missing(&findings[0]), [""; 0], "{findings}");
    for (number, name) in EXPOSED.iter().enumerate() {
        assert_eq!(missing(&findings[number + 1]), [*name], "{findings}");
    }
    let without_preflight = &findings[EXPOSED.len() + 1];
    assert_eq!(
        without_preflight["error"], "TypeError: Failed to fetch",
        "{findings}"
    );
}

/// What a script could not read of an answer and of the refusal that it provoked. A wait is told with refusals only.
fn missing(finding: &Value) -> Vec<&'static str> {
    assert_eq!(finding["first"]["status"], 200, "{finding}");
    assert_eq!(finding["last"]["status"], 429, "{finding}");
    assert_eq!(finding["first"]["headers"]["retry-after"], Value::Null);
    let missing = EXPOSED.into_iter().filter(|name| {
        let answers = ["first", "last"].map(|answer| &finding[answer]["headers"][name]);
        let read = answers.map(|it| it.as_str().is_some_and(|text| is_of(name, text)));
        let wanted = if *name == "retry-after" {
            [false, true]
        } else {
            [true, true]
        };
        read != wanted
    });
    missing.collect()
}

fn is_of(name: &str, text: &str) -> bool {
    match name {
        "x-request-id" => text.starts_with("req_"),
        _ => text.parse::<u64>().is_ok(),
    }
}

/// Takes one name out of a list in a header.
fn hide(headers: &mut HeaderMap, list: HeaderName, name: &str) {
    let Some(names) = headers.get(&list) else {
        return;
    };
    let names = names.to_str().unwrap().split(',').map(str::trim);
    let others: Vec<_> = names.filter(|it| !it.eq_ignore_ascii_case(name)).collect();
    let others = HeaderValue::from_str(&others.join(",")).unwrap();
    headers.insert(list, others);
}

/// Opens the page in Chromium and answers what its script found at each API.
async fn browse(apis: Value) -> Value {
    let (tell, mut told) = mpsc::channel(1);
    let router = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/apis", get(move || async move { Json(apis) }))
        .route(
            "/findings",
            post(move |findings: String| async move { tell.send(findings).await.unwrap() }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let browser = tokio::task::spawn_blocking(move || open(&url))
        .await
        .unwrap();
    let findings = tokio::time::timeout(LONGEST, told.recv()).await;
    served.abort();
    let log = browser.log();
    tokio::task::spawn_blocking(move || drop(browser))
        .await
        .unwrap();
    let findings = findings.unwrap_or_else(|_| panic!("it found nothing in {LONGEST:?}:\n{log}"));
    serde_json::from_str(&findings.unwrap()).unwrap()
}

/// Chromium with a folder and a home of its own. It ends with this value, and takes both with it.
fn open(url: &str) -> Server {
    let mut browser = Server::new("chromium", None, Stop::Term);
    let folder = browser.folder().to_owned();
    let chromium = program::find("chromium", &["/usr/bin".into()]);
    let mut command: Command = browser.command(&chromium);
    command
        .args(QUIET)
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(url)
        .env("HOME", &folder);
    assert!(browser.run(command, |_| Ready::Yes), "{}", browser.log());
    browser
}

const EXPOSED: [&str; 8] = [
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
    "x-request-id",
];
const PAGE: &str = include_str!("browser.html");
/// So little that the page meets its end soon, and so slow to come back that a busy machine cannot miss it.
const STRICT: &str = "
[rate_limits]
read = { per_minute = 6, burst = 3 }
";
/// No window, no sandbox (which root may not have), and no traffic but the page's.
const QUIET: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
];
/// A page takes a second or two; a loaded machine many times that.
const LONGEST: Duration = Duration::from_secs(90);
