//! Keeps the echo of usage, in one process at a time: whoever holds the lease.

use std::sync::Arc;
use std::time::Duration;

use picora_bandwidth::VideoStatus;
use picora_core::{Amount, Entropy, Holder, Lease, LeaseName, Leases, Limit, StoreError};
use picora_kv::KvEcho;
use picora_quota::echo::{Echo, EchoSource, Keeper, Pace, Tick};
use picora_redis::RedisEcho;
use picora_sql::SqlStore;
use tokio::sync::watch;

use crate::app::{App, StartError};
use crate::config::{Config, EchoSettings};

/// The echo that this server keeps.
pub struct KeptEcho {
    place: Arc<dyn Echo>,
    /// How much is asked of it.
    pace: Pace,
    source: Arc<dyn EchoSource>,
    leases: Arc<dyn Leases>,
    settings: EchoSettings,
}

impl KeptEcho {
    /// The place that the configuration names, if it names one. Nothing is sent yet.
    ///
    /// **Errors**: [`StartError`] names the key at fault, and never a password or token.
    pub fn of(
        config: &Config,
        store: &SqlStore,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, StartError> {
        let settings = &config.echo;
        let kv = settings
            .kv
            .config()
            .map_err(|why| unusable("echo.kv", why))?;
        let (place, pace): (Arc<dyn Echo>, Pace) = match (settings.redis.exposed(), kv) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(unusable("echo", "one place is written to, not two")),
            (Some(url), None) => {
                let redis = RedisEcho::single(url, &settings.redis.config());
                let redis = redis.map_err(|error| unusable("echo.redis.url", error))?;
                (Arc::new(redis), settings.pace())
            }
            (None, Some(kv)) => {
                let pace = kv.pace();
                let mut run = [0; 8];
                entropy.fill(&mut run);
                let kv = KvEcho::new(kv, u64::from_be_bytes(run));
                (
                    Arc::new(kv.map_err(|error| unusable("echo.kv", error))?),
                    pace,
                )
            }
        };
        Ok(Some(Self {
            place,
            pace,
            source: Arc::new(store.clone()),
            leases: Arc::new(store.clone()),
            settings: settings.clone(),
        }))
    }

    fn keeper(&self, lease: &Lease) -> Keeper {
        Keeper::new(
            self.source.clone(),
            self.place.clone(),
            status,
            self.settings.rhythm(),
            self.pace,
            generation(lease),
        )
    }
}

fn unusable(key: &str, why: impl std::fmt::Display) -> StartError {
    StartError(format!("the configuration cannot be used: `{key}`: {why}"))
}

impl std::fmt::Debug for KeptEcho {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeptEcho").field(&self.place).finish()
    }
}

/// Keeps the echo whenever this process has the lease, until the server stops.
pub async fn keep(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let Some(echo) = &app.echo else { return };
    let holder = Holder::random(app.entropy.as_ref());
    loop {
        let taken = echo.leases.acquire(LEASE, holder, LENGTH, app.clock.now());
        match taken.await {
            Ok(Some(lease)) => {
                tracing::info!("this process keeps the echo");
                let kept = keep_under(&app, echo, lease, &mut stopping).await;
                match kept {
                    Ok(lease) => drop(echo.leases.give_back(&lease).await), // or it runs out by itself
                    Err(Lost::Another) => tracing::info!("another process keeps the echo"),
                    Err(Lost::Store(error)) => {
                        tracing::warn!(%error, "the lease of the echo is in doubt");
                    }
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the lease of the echo cannot be had"),
        }
        if pause(Duration::from_secs(2), &mut stopping).await {
            return;
        }
    }
}

/// Why a lease is not ours any more.
enum Lost {
    Another,
    Store(StoreError),
}

/// Ticks as long as the lease is ours; hands it back when the server stops.
async fn keep_under(
    app: &App,
    echo: &KeptEcho,
    mut lease: Lease,
    stopping: &mut watch::Receiver<bool>,
) -> Result<Lease, Lost> {
    let mut keeper = echo.keeper(&lease);
    let mut troubled = false;
    loop {
        let now = app.clock.now();
        if lease.until.saturating_since(now) < LENGTH / 2 {
            let renewed = echo.leases.renew(&lease, LENGTH, now).await;
            lease = renewed.map_err(Lost::Store)?.ok_or(Lost::Another)?;
        }
        let tick = keeper.tick(now).await;
        report(&tick, &mut troubled);
        let wait = tick.next.saturating_since(app.clock.now());
        if pause(wait.clamp(BREATH, LENGTH / 3), stopping).await {
            return Ok(lease);
        }
    }
}

/// Tells of trouble when it begins and when it ends, not each second.
fn report(tick: &Tick, troubled: &mut bool) {
    if tick.rebuilt {
        tracing::info!("the echo is whole");
    }
    match (&tick.trouble, *troubled) {
        (Some(trouble), false) => tracing::warn!(%trouble, "the echo is behind"),
        (None, true) if tick.published > 0 => tracing::info!("the echo is published to again"),
        (Some(_), true) => return,
        (None, _) => {}
    }
    *troubled = tick.trouble.is_some() || (*troubled && tick.published == 0);
}

/// Waits, and says whether the server stops.
async fn pause(span: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(span) => false,
        _ = stopping.wait_for(|stopping| *stopping) => true,
    }
}

/// The name that the bandwidth rule gives (C4).
fn status(played: Amount, limit: Limit) -> &'static str {
    VideoStatus::of(played, limit).name()
}

/// Another number each time that the lease is taken, by whichever process.
fn generation(lease: &Lease) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *lease.holder.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ lease.fence
}

const LEASE: LeaseName = LeaseName::new("quota.echo");
/// What a killed keeper's echo waits for the next one; far below the minute within which it must be right.
const LENGTH: Duration = Duration::from_secs(15);
/// Between two ticks, when there is more to do at once.
const BREATH: Duration = Duration::from_millis(1);
