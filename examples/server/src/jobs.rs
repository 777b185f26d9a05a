//! What runs beside the requests: the janitor, the sweeping of staged files, the folding of served bytes, the mailing of alerts.

use std::sync::Arc;
use std::time::Duration;

use picora_core::{StoreError, Timestamp};
use picora_local::TiersSwept;
use picora_media::{Janitor, Scavenged, Scavenging, Tidied};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::alerts;
use crate::app::App;
use crate::{echo, egress};

/// Starts the jobs; they end when `stopping` becomes true.
///
/// Whatever the janitor and the books are at then is dropped: each of their steps is made to be cut off by a crash. Mails come to the end
/// of what they are at.
pub fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let seconds = Duration::from_secs;
    let settings = &app.config.jobs;
    let telling = {
        let stop = stopping.clone();
        every(
            seconds(app.config.mail.look_seconds),
            stopping.clone(),
            app.clone(),
            move |app| alerts::round(app, stop.clone()),
        )
    };
    if !app.config.database.shared_folder {
        // Whatever was last written before now was a dead process's: this one has the folder to itself and has not begun to serve.
        jobs.spawn(sweep(app.clone(), Duration::ZERO, app.clock.now()));
    }
    // Each has a task of its own, so that none waits for another's store.
    jobs.spawn(cut_off(
        app,
        seconds(settings.tidy_seconds),
        stopping,
        release,
    ));
    jobs.spawn(cut_off(app, seconds(settings.tidy_seconds), stopping, bury));
    jobs.spawn(cut_off(app, seconds(settings.fold_seconds), stopping, fold));
    jobs.spawn(cut_off(app, HOURLY, stopping, keep_books));
    jobs.spawn(cut_off(app, HOURLY, stopping, alerts::forget_old));
    jobs.spawn(cut_off(app, DAILY, stopping, scavenge));
    jobs.spawn(telling);
    jobs.spawn(echo::keep(app.clone(), stopping.clone()));
    jobs
}

/// Puts right what a crash or a failure left, all of it.
pub async fn tidy(app: Arc<App>) {
    release(app.clone()).await;
    bury(app).await;
}

/// Gives back what nobody holds any more. It waits for no object store.
async fn release(app: Arc<App>) {
    if let Err(error) = app.media.store().refresh(REFRESHED, app.clock.now()).await {
        tracing::warn!(%error, "limits that change by themselves could not be brought up to date");
    }
    told(Janitor::new(app.media.clone()).release().await);
}

/// Removes the bytes of what is gone.
async fn bury(app: Arc<App>) {
    told(Janitor::new(app.media.clone()).bury().await);
}

fn told(tidied: Result<Tidied, StoreError>) {
    match tidied {
        Ok(tidied) if tidied == Tidied::default() => {}
        Ok(tidied) if tidied.gave_up => tracing::warn!(
            ?tidied,
            "the store of the files seems to be away: bytes of removed files are left for the next run"
        ),
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
    let how = Scavenging {
        grace: DAILY,
        force: false,
    };
    match Janitor::new(app.media.clone()).scavenge(how).await {
        Ok(done) if done.strays == 0 => {}
        Ok(Scavenged {
            braked: true,
            seen,
            strays,
            ..
        }) => tracing::warn!(
            strays,
            seen,
            "so many objects belong to nobody that none was removed: is this the newest database? If they are to go, stop \
             the server and run `picora-server storage scavenge --force`"
        ),
        Ok(done) => tracing::warn!(?done, "removed objects that belonged to nobody"),
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

/// Runs a job at once and then at each interval, and drops what it is at when `stopping` becomes true.
fn cut_off<F: Future<Output = ()>, J: Fn(Arc<App>) -> F>(
    app: &Arc<App>,
    interval: Duration,
    stopping: &watch::Receiver<bool>,
    job: J,
) -> impl Future<Output = ()> + use<F, J> {
    let (app, stopping, mut stopped) = (app.clone(), stopping.clone(), stopping.clone());
    async move {
        tokio::select! {
            () = every(interval, stopping, app, job) => {}
            _ = stopped.wait_for(|stopping| *stopping) => {}
        }
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
pub(crate) const DAILY: Duration = Duration::from_secs(24 * 60 * 60);
