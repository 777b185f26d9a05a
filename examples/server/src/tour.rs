//! A scripted visit of what the server does, against a fresh one on a virtual clock.
//!
//! Each stop prints its request and its answer and says whether the answer is what the documents promise. The server is the one that
//! `serve` runs, on a loopback port and a folder of its own; only time is ours, so that a month passes in a moment.

use std::process::ExitCode;
use std::sync::Arc;

use picora_core::{ManualClock, PlanId, Timestamp};
use tokio::sync::watch;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::system::SystemEntropy;
use crate::{routes, serve};
use visit::Visit;

mod stops;
mod visit;

/// Visits everything; fails with exit code 1 when an answer is not as promised.
pub async fn run() -> Result<ExitCode, StartError> {
    let folder = tempfile::tempdir()
        .map_err(|error| StartError(format!("there is no temporary folder: {error}")))?;
    let listener = serve::listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let listen = listener
        .local_addr()
        .map_err(|error| StartError(format!("the listening address is unknown: {error}")))?;
    let config = Config {
        listen,
        data_dir: folder.path().join("data"),
        ..Config::default()
    };
    let clock = Arc::new(ManualClock::at(START));
    let app = App::open(config, clock.clone(), Arc::new(SystemEntropy)).await?;
    let (stop, stopping) = watch::channel(false);
    let served = tokio::spawn(serve::serve(app.clone(), listener, stopping));
    let mut visit = Visit::new(app.clone(), clock, new_key(&app).await?);
    let outcome = stops::all(&mut visit).await;
    let _ = stop.send(true); // the server may have ended by itself
    let _ = served.await;
    outcome.map_err(|error| StartError(format!("the visit ended early: {error}")))?;
    println!(
        "\n{} routes stand in the table. {} promises kept, {} broken.",
        routes::table().len(),
        visit.kept,
        visit.broken
    );
    Ok(if visit.broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn new_key(app: &App) -> Result<String, StartError> {
    let failed = |error| StartError(format!("the visitor's account cannot be made: {error}"));
    let account = app
        .media
        .open_account(app.plans.plan(PlanId::Trial), app.config.uploads.max_open)
        .await
        .map_err(failed)?;
    let (_, secret) = app
        .media
        .issue_key(account.id, "visitor")
        .await
        .map_err(failed)?;
    Ok(secret.reveal().to_owned())
}

/// 2026-11-21T10:00:00Z: any day will do that is not the last of its month.
const START: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
