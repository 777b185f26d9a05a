//! What runs beside the requests: the janitor, the sweeping of staged files, the folding of served bytes, the mailing of alerts.

use std::sync::Arc;
use std::time::Duration;

use picora_core::Timestamp;
use picora_local::TiersSwept;
use picora_media::{Janitor, Tidied};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::alerts;
use crate::app::App;
use crate::{echo, egress};

/// Starts the jobs; they end when `stopping` becomes true.
pub fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let tidying = every(
        Duration::from_secs(app.config.jobs.tidy_seconds),
        stopping.clone(),
        app.clone(),
        tidy,
    );
    let folding = every(
        Duration::from_secs(app.config.jobs.fold_seconds),
        stopping.clone(),
        app.clone(),
        fold,
    );
    let keeping = every(HOURLY, stopping.clone(), app.clone(), keep_books);
    let telling = {
        let stop = stopping.clone();
        every(
            Duration::from_secs(app.config.mail.look_seconds),
            stopping.clone(),
            app.clone(),
            move |app| alerts::round(app, stop.clone()),
        )
    };
    let forgetting = every(HOURLY, stopping.clone(), app.clone(), alerts::forget_old);
    let scavenging = every(DAILY, stopping.clone(), app.clone(), scavenge);
    if !app.config.database.shared_folder {
        // Whatever was last written before now was a dead process's: this one has the folder to itself and has not begun to serve.
        jobs.spawn(sweep(app.clone(), Duration::ZERO, app.clock.now()));
    }
    jobs.spawn(tidying);
    jobs.spawn(folding);
    jobs.spawn(keeping);
    jobs.spawn(scavenging);
    jobs.spawn(telling);
    jobs.spawn(echo::keep(app.clone(), stopping.clone()));
    jobs.spawn(forgetting);
    jobs
}

/// Puts right what a crash or a failure left.
pub async fn tidy(app: Arc<App>) {
    if let Err(error) = app.media.store().refresh(REFRESHED, app.clock.now()).await {
        tracing::warn!(%error, "limits that change by themselves could not be brought up to date");
    }
    match Janitor::new(app.media.clone()).tidy().await {
        Ok(tidied) if tidied == Tidied::default() => {}
        Ok(tidied) => tracing::info!(?tidied, "tidied up"),
        Err(error) => tracing::warn!(%error, "could not tidy up"),
    }
}

/// Rolls old facts of usage up into days and months.
async fn keep_books(app: Arc<App>) {
    match app.media.store().roll_up(ROLLED_UP, app.clock.now()).await {
        Ok(0) => {}
        Ok(facts) => tracing::info!(facts, "rolled old usage up"),
        Err(error) => tracing::warn!(%error, "old usage could not be rolled up"),
    }
}

async fn fold(app: Arc<App>) {
    egress::fold(&app).await;
}

/// Removes staged files that nobody is writing, and objects that belong to nobody.
async fn scavenge(app: Arc<App>) {
    let now = app.clock.now();
    sweep(app.clone(), DAILY, now).await;
    match Janitor::new(app.media.clone()).scavenge(DAILY).await {
        Ok(0) => {}
        Ok(objects) => tracing::warn!(objects, "removed objects that belonged to nobody"),
        Err(error) => tracing::warn!(%error, "could not look for objects that belong to nobody"),
    }
}

/// In a bucket there is nothing that we could sweep: its lifecycle rule removes unfinished uploads.
async fn sweep(app: Arc<App>, older_than: Duration, now: Timestamp) {
    let Some(staged) = &app.parts.files.staged else {
        return;
    };
    match staged.sweep(older_than, now).await {
        Ok(swept) if swept.staged.files == 0 && swept.shadows == 0 => {}
        Ok(TiersSwept { staged, shadows }) => tracing::info!(
            files = staged.files,
            bytes = staged.bytes.get(),
            shadows,
            "removed what dead processes left"
        ),
        Err(error) => tracing::warn!(%error, "staged files could not be swept"),
    }
}

/// Runs a job at once and then at each interval, one run after another.
async fn every<F: Future<Output = ()>>(
    interval: Duration,
    mut stopping: watch::Receiver<bool>,
    app: Arc<App>,
    job: impl Fn(Arc<App>) -> F,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stopped = tokio::select! {
            _ = ticks.tick() => false,
            _ = stopping.wait_for(|stopping| *stopping) => true,
        };
        if stopped {
            return;
        }
        job(app.clone()).await;
    }
}

/// How many accounts one run brings up to date; reservations do it for themselves.
const REFRESHED: u32 = 1_000;

/// How many facts one run rolls up; the next goes on.
const ROLLED_UP: u32 = 100_000;

const HOURLY: Duration = Duration::from_secs(60 * 60);

/// A staged file or an orphan younger than this may be somebody's work under way.
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);
