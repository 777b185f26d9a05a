//! The parts of a running server, assembled.

use std::sync::Arc;

use futures::future::BoxFuture;
use picora_bandwidth::{MeterId, OriginMeter};
use picora_core::{Clock, Entropy, Outbox, PlanCatalogue};
use picora_http::{Fallback, Live, PrefixLengths, TierBudgets, TrustedProxies};
use picora_media::Media;
use picora_ratelimit::{Limiter, MemoryLimiter, Policy, SubjectHasher, Tier, Tiers};
use picora_redis::RedisLimiter;
use picora_sql::{SqlStore, SqlTx, Tables, postgres};
use tracing::Instrument;

use crate::alerts::{AlertSender, Mailing, Ports};
use crate::config::{Config, ConfigError, Rate, WhenGone};
use crate::credential::KeyCache;
use crate::deployment::Parts;
use crate::deployment::owner::{self, Known};
use crate::echo::KeptEcho;
use crate::followers::Followers;
use crate::signature::Signer;
use crate::system::SystemClock;
use crate::unsubscribe::Unsubscriber;

/// The transaction of this server's store.
pub type Tx = SqlTx;

/// What every handler and job shares.
pub struct App {
    /// What the operator decided.
    pub config: Config,
    /// How clients reach this server.
    pub public_url: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The plans.
    pub plans: PlanCatalogue,
    /// The database, which is closed last.
    pub store: SqlStore,
    /// The use cases.
    pub media: Media<Tx>,
    /// What its deployment brought along.
    pub parts: Parts,
    /// What is being served, until it is in the ledger.
    pub meter: OriginMeter,
    /// Who may ask how often.
    pub limiter: Arc<dyn Limiter>,
    /// Who decides in its place while its store does not answer.
    pub fallback: Fallback,
    /// The budgets of the tiers; they can be replaced while the server runs.
    pub budgets: Arc<Live<TierBudgets>>,
    /// How subjects that are not accounts become keys of the limiter.
    pub hasher: SubjectHasher,
    /// Who may say whom he speaks for.
    pub proxies: TrustedProxies,
    /// How much of an address stands for one client.
    pub prefixes: PrefixLengths,
    /// Counts the wrong credentials of addresses, in this process alone: strangers never reach the shared store.
    pub addresses: MemoryLimiter,
    /// How many wrong credentials an address may try.
    pub failed_credentials: Policy,
    /// Credentials that were seen a moment ago.
    pub keys: KeyCache,
    /// Signs addresses of private media.
    pub signer: Signer,
    /// Who follows his usage live.
    pub followers: Arc<Followers>,
    /// Signs links by which one click ends mails.
    pub unsubscriber: Unsubscriber,
    /// What must leave.
    pub outbox: Arc<dyn Outbox>,
    /// Mails alerts.
    pub alerts: AlertSender,
    /// The echo of usage, where there is one.
    pub echo: Option<KeptEcho>,
}

/// Ports do not print.
impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("config", &self.config)
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}

/// Why a server cannot start: one sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl App {
    /// Opens the stores and assembles the parts.
    ///
    /// **Errors**: [`StartError`], a sentence that names the folder, file or key at fault.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Self>, StartError> {
        let parts = Self::parts(&config, &entropy)?;
        Self::with(parts, config, clock, entropy).await
    }

    /// What the deployment brings along. What goes to vendors is signed by the machine's clock, also where rules have another one.
    ///
    /// **Errors**: [`StartError`] names the folder, file or key at fault. Nothing was sent.
    pub fn parts(config: &Config, entropy: &Arc<dyn Entropy>) -> Result<Parts, StartError> {
        Parts::open(config, &(Arc::new(SystemClock) as Arc<dyn Clock>), entropy)
    }

    /// Assembles the same from parts that are open already. The place of the files becomes this server's, if it was nobody's.
    ///
    /// **Errors**: as [`App::open`]; the files are another server's, or another database's.
    pub async fn with(
        parts: Parts,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Self>, StartError> {
        let store = open_database(&config).await?;
        let database = Known::ask(&store, entropy.as_ref()).await?;
        let app = Self::assembled(parts, config, store, clock, entropy)?;
        owner::claim(&app.parts.files, &app.signer, database).await?;
        Ok(app)
    }

    /// The same in a bucket that may be another server's: whoever does so removes nothing but what is his, and runs no jobs.
    ///
    /// **Errors**: as [`App::open`].
    pub async fn as_guest(
        parts: Parts,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Self>, StartError> {
        let store = open_database(&config).await?;
        Self::assembled(parts, config, store, clock, entropy)
    }

    fn assembled(
        parts: Parts,
        config: Config,
        store: SqlStore,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Self>, StartError> {
        let plans = read_plans(&config)?;
        let signer =
            Signer::open(&config.signing_key_file(), entropy.as_ref()).map_err(StartError)?;
        let hasher = SubjectHasher::new(signer.derived("subjects of the limiter"));
        let media = Media::new(
            Arc::new(store.clone()),
            parts.files.bytes.clone(),
            clock.clone(),
            entropy.clone(),
            Arc::new(|saga: BoxFuture<'static, ()>| drop(tokio::spawn(saga.in_current_span()))),
            config.uploads.policy(),
        );
        let public_url = match config.public_url.as_str() {
            "" => format!("http://{}", config.listen),
            url => url.to_owned(),
        };
        let ports = Ports {
            outbox: Arc::new(store.clone()),
            contacts: Arc::new(store.clone()),
            clock: clock.clone(),
        };
        let mailing = Mailing::of(&config, &public_url, &signer, &clock)?;
        Ok(Arc::new(Self {
            unsubscriber: Unsubscriber::new(&signer),
            alerts: AlertSender::new(ports, config.mail.telling(), mailing),
            echo: KeptEcho::of(&config, &store, entropy.as_ref())?,
            outbox: Arc::new(store.clone()),
            meter: OriginMeter::new(MeterId::generate(clock.now(), entropy.as_ref())),
            budgets: Arc::new(Live::new(budgets(&config, hasher.clone())?)),
            fallback: Fallback::in_memory(config.rate_limits.replicas),
            failed_credentials: failed_credentials(&config)?,
            proxies: config.proxies().map_err(unusable_value)?,
            prefixes: config.prefixes().map_err(unusable_value)?,
            limiter: limiter(&config)?,
            addresses: MemoryLimiter::new(),
            followers: Followers::new(Arc::new(store.clone()), clock.clone(), config.events),
            keys: KeyCache::new(),
            store,
            config,
            public_url,
            clock,
            entropy,
            plans,
            media,
            parts,
            hasher,
            signer,
        }))
    }
}

/// Opens the database alone, for commands that need no more; makes its tables when there are none.
///
/// **Errors**: [`StartError`], a sentence that names the database without its password, and what is wrong with it.
pub async fn open_database(config: &Config) -> Result<SqlStore, StartError> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| unusable(&config.data_dir, &error))?;
    let (name, store) = connect_database(config).await?;
    let failed = |error| StartError(format!("the database {name} cannot be used: {error}"));
    store.migrate().await.map_err(failed)?;
    Ok(store)
}

/// Connects to it and changes nothing, beside a server of whatever version; `doctor` looks so.
///
/// **Errors**: as [`open_database`]; its tables are of another version.
pub async fn look_at_database(config: &Config) -> Result<SqlStore, StartError> {
    let (name, store) = connect_database(config).await?;
    let failed = |error| StartError(format!("the database {name} cannot be used: {error}"));
    let whose = match store.tables().await.map_err(failed)? {
        Tables::Current => return Ok(store),
        Tables::Earlier => {
            "an earlier version, which a start of this one's server brings up to date"
        }
        Tables::Foreign => "another version",
    };
    Err(StartError(format!(
        "the database {name} has the tables of {whose}: nothing was looked at; run the command of the version that serves from it"
    )))
}

async fn connect_database(config: &Config) -> Result<(String, SqlStore), StartError> {
    let (name, opened) = match config.database.url() {
        Some(url) => (postgres::name(url), SqlStore::postgres(url).await),
        None => {
            let file = config.database_file();
            (file.display().to_string(), SqlStore::sqlite(&file).await)
        }
    };
    match opened {
        Ok(store) => Ok((name, store)),
        Err(error) => Err(StartError(format!(
            "the database {name} cannot be used: {error}"
        ))),
    }
}

/// The plans of the configuration.
pub fn read_plans(config: &Config) -> Result<PlanCatalogue, StartError> {
    let plans = match &config.plans.file {
        None => PlanCatalogue::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| unusable(file, &error))?;
            PlanCatalogue::parse(&text)
                .map_err(|error| StartError(format!("{}: {error}", file.display())))?
        }
    };
    Ok(if config.plans.trial_images_only {
        plans.with_trial_images_only()
    } else {
        plans
    })
}

/// The budgets of the tiers. **Errors**: [`StartError`] names what cannot be exact.
pub fn budgets(config: &Config, hasher: SubjectHasher) -> Result<TierBudgets, StartError> {
    let rates = &config.rate_limits;
    let fault = |error| {
        StartError(format!(
            "the configuration cannot be used: `rate_limits`: {error}"
        ))
    };
    let with = |tiers: Tiers, tier, rate: Rate| tiers.with_tier(tier, rate.per_minute, rate.burst);
    let tiers = with(Tiers::standard(), Tier::Read, rates.read).map_err(fault)?;
    let tiers = with(tiers, Tier::Upload, rates.upload).map_err(fault)?;
    let tiers = with(tiers, Tier::Mutation, rates.mutation).map_err(fault)?;
    let tiers = tiers.with_ceiling(rates.hourly).map_err(fault)?;
    divisible(config, &tiers)?;
    TierBudgets::new(tiers, hasher)
        .and_then(|budgets| budgets.with_admin_factor(rates.admin_factor))
        .map_err(fault)
}

/// A tier whose requests this process may have to decide alone has a part that can be kept.
fn divisible(config: &Config, tiers: &Tiers) -> Result<(), StartError> {
    let rates = &config.rate_limits;
    let alone = |tier: &Tier| rates.fail.of(*tier) == WhenGone::Local;
    for tier in Tier::ALL.into_iter().filter(alone) {
        tiers.of(tier).divided(rates.replicas).map_err(|error| {
            StartError(format!(
                "the configuration cannot be used: `rate_limits.replicas`: a part of `{}`: {error}",
                tier.name()
            ))
        })?;
    }
    Ok(())
}

fn failed_credentials(config: &Config) -> Result<Policy, StartError> {
    use picora_ratelimit::Limit;
    let minute = std::time::Duration::from_secs(60);
    let build = || {
        let limit = Limit::window(
            "minute",
            config.rate_limits.failed_credentials_per_minute,
            minute,
        )?;
        Policy::new("failed-credentials", [limit])
    };
    build().map_err(|error| {
        StartError(format!(
            "the configuration cannot be used: `rate_limits.failed_credentials_per_minute`: {error}"
        ))
    })
}

/// In memory, or on the Redis that the operator names.
fn limiter(config: &Config) -> Result<Arc<dyn Limiter>, StartError> {
    let shared = &config.rate_limits.redis;
    let (mut urls, settings) = (shared.exposed(), shared.config());
    let on_redis = match (urls.len(), shared.cluster) {
        (0, _) => return Ok(recorded(Arc::new(MemoryLimiter::new()))),
        (1, false) => RedisLimiter::single(&urls.remove(0), settings),
        (_, true) => RedisLimiter::cluster(urls, settings),
        (_, false) => {
            return Err(StartError(
                "the configuration cannot be used: `rate_limits.redis.urls` names several servers, but `cluster` is not set".into(),
            ));
        }
    };
    let on_redis = on_redis.map_err(|error| {
        StartError(format!(
            "the configuration cannot be used: `rate_limits.redis.urls`: {error}"
        ))
    })?;
    Ok(recorded(Arc::new(on_redis)))
}

#[cfg(feature = "real-servers")]
use crate::spends::recorded;

/// Nothing writes down what is admitted.
#[cfg(not(feature = "real-servers"))]
fn recorded(limiter: Arc<dyn Limiter>) -> Arc<dyn Limiter> {
    limiter
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` wants it")]
fn unusable_value(error: ConfigError) -> StartError {
    StartError(error.to_string())
}

fn unusable(path: &std::path::Path, error: &std::io::Error) -> StartError {
    StartError(format!("{} cannot be used: {error}", path.display()))
}
