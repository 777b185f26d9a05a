//! A scripted visit of what the server does, against a fresh one on a virtual clock.
//!
//! Each stop prints its request and its answer and says whether the answer is what the documents promise. The server is the one that
//! `serve` runs, on a loopback port and a folder of its own; only time is ours, so that a month passes in a moment. Its files can be where
//! a deployment has them; then they are removed at the end.

use std::process::ExitCode;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStore;
use picora_core::{Entropy, ManualClock, PlanId, Timestamp};
use picora_storage::ObjectKey;
use tokio::sync::watch;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::system::SystemEntropy;
use crate::{routes, serve};
use visit::Visit;

mod stops;
mod visit;

/// Visits everything, with the files of this configuration's deployment and nothing else of it; fails with exit code 1 when an answer is
/// not as promised.
///
/// In a bucket it touches nothing but the objects of its own account. **Errors**: [`StartError`] when it cannot begin or go on.
pub async fn run(of: Config) -> Result<ExitCode, StartError> {
    let folder = tempfile::tempdir()
        .map_err(|error| StartError(format!("there is no temporary folder: {error}")))?;
    let listener = serve::listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let listen = listener
        .local_addr()
        .map_err(|error| StartError(format!("the listening address is unknown: {error}")))?;
    let mut storage = of.storage;
    if let Some(local) = &mut storage.local {
        // The folders of a living server are a pair, of which neither may be had alone.
        local.archive_dir = local
            .archive_dir
            .take()
            .map(|_| folder.path().join("archive"));
    }
    let config = Config {
        listen,
        data_dir: folder.path().join("data"),
        deployment: of.deployment,
        storage,
        ..Config::default()
    };
    let clock = Arc::new(ManualClock::at(START));
    let app = open(config, clock.clone()).await?;
    let (stop, stopping) = watch::channel(false);
    let served = tokio::spawn(serve::serve(app.clone(), listener, stopping));
    let mut visit = Visit::new(app.clone(), clock, new_key(&app).await?);
    let outcome = stops::all(&mut visit).await;
    let _ = stop.send(true); // the server may have ended by itself
    let _ = served.await;
    leave(&app).await?;
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

/// The server; where its files are was seen to work.
async fn open(config: Config, clock: Arc<ManualClock>) -> Result<Arc<App>, StartError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let parts = App::parts(&config, &entropy)?;
    parts.files.must_work().await?;
    println!("The files are in {}.", parts.files.place());
    App::as_guest(parts, config, clock, entropy).await
}

/// Removes what the visit has left: its database goes with its folder, and nobody would know of the objects.
async fn leave(app: &App) -> Result<(), StartError> {
    let failed = |why: String| StartError(format!("the visitor's files cannot be removed: {why}"));
    let accounts = app.media.store().list_accounts(None, VISITORS).await;
    let files = &app.parts.files.bytes;
    for account in accounts.map_err(|error| failed(error.to_string()))? {
        let prefix = ObjectKey::account_prefix(account);
        let found: Vec<_> = files
            .list(Some(&prefix))
            .map_ok(|it| it.location)
            .try_collect()
            .await
            .map_err(|error| failed(error.to_string()))?;
        for path in found {
            let removed = picora_storage::object::remove(files, &path).await;
            removed.map_err(|error| failed(error.to_string()))?;
        }
    }
    Ok(())
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

/// More than there are.
const VISITORS: u32 = 100;

/// 2026-11-21T10:00:00Z: any day will do that is not the last of its month.
const START: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
