//! What an operator decides: defaults, then a TOML file, then `PICORA__` variables, then flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use picora_http::{ForwardedHeader, Network, PrefixLengths, TrustedProxies};
use serde::{Deserialize, Serialize};

mod captcha;
mod database;
mod deployment;
mod echo;
mod events;
mod load;
mod local;
mod mail;
mod rate_limits;
mod redis;
mod secret;
mod storage;

pub use captcha::{AliyunKeys, Captcha, TurnstileKeys};
pub use database::Database;
pub use deployment::Deployment;
pub use echo::{EchoKv, EchoRedis, EchoSettings};
pub use events::Events;
pub use load::{ConfigError, in_one_line, load};
pub use local::Local;
pub use mail::{Mail, Smtp, SmtpTls};
pub use rate_limits::{DraftVersion, FailModes, Rate, RateLimits, ResetForm, WhenGone};
pub use redis::SharedLimits;
pub use storage::{Bucket, Storage, Vendor};

/// The whole configuration. Unknown keys are errors, so that a misspelt one cannot be overlooked.
///
/// In a file a section is a table (`[uploads]`); in the environment a dot is two underscores (`PICORA__UPLOADS__MAX_OPEN=64`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where and with what it is deployed: `embedded`, `global` or `mainland` (C76).
    pub deployment: Deployment,
    /// The address to listen at.
    pub listen: std::net::SocketAddr,
    /// The folder of the embedded database, of the key that signs addresses and, when `embedded`, of the files.
    pub data_dir: PathBuf,
    /// How clients reach this server, without a slash at the end; when empty, the address that it listens at.
    pub public_url: String,
    /// The networks of the proxies in front of this server, such as `10.0.0.0/8`; only they may say for whom they ask.
    pub trusted_proxies: Vec<String>,
    /// The header in which they say so; they must remove or extend a client's own.
    pub trusted_header: TrustedHeader,
    /// Where a client whose limit is reached is sent.
    pub upgrade_url: String,
    /// Where accounts, resources and the ledger are.
    pub database: Database,
    /// Where the files are, unless they are in `data_dir`, and where they are archived.
    pub storage: Storage,
    /// Server-sent events.
    pub events: Events,
    /// Uploads.
    pub uploads: Uploads,
    /// Plans.
    pub plans: Plans,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// Mails of alerts.
    pub mail: Mail,
    /// Who tells people from machines.
    pub captcha: Captcha,
    /// Copies of usage for readers near by.
    pub echo: EchoSettings,
    /// What runs in the background.
    pub jobs: Jobs,
    /// The log.
    pub log: Log,
}

/// Where proxies note whom they speak for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Uploads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uploads {
    /// How many of one account may be under way at once.
    pub max_open: u32,
    /// How long quota is held for an upload that gives no sign of life.
    pub reservation_ttl_seconds: u64,
    /// How long a client may send nothing.
    pub idle_timeout_seconds: u64,
    /// The largest image, video or audio file, whatever the plan.
    pub largest_file_bytes: u64,
    /// The largest document, whatever the plan.
    pub largest_document_bytes: u64,
}

/// Plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plans {
    /// A catalogue in TOML; without one, the catalogue that ships.
    pub file: Option<PathBuf>,
    /// Whether the trial hosts nothing but images (C1).
    pub trial_images_only: bool,
}

/// What runs in the background.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// How often unfinished uploads are undone and removed bytes disposed of.
    pub tidy_seconds: u64,
    /// How often served bytes are written to the ledger; at most this much is lost when the process is killed (C23).
    pub fold_seconds: u64,
    /// How long a shutdown waits for requests and jobs under way; a second signal ends it at once.
    pub drain_seconds: u64,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What to log: a level, or directives such as `info,picora_media=debug`.
    pub filter: String,
    /// Whether each line is a JSON object.
    pub json: bool,
}

impl Config {
    /// The folder of the files, when `embedded`.
    #[must_use]
    pub fn objects_dir(&self) -> PathBuf {
        self.data_dir.join("objects")
    }

    /// The folder of archived files, when `embedded` and if there is one.
    #[must_use]
    pub fn archive_dir(&self) -> Option<&Path> {
        self.storage.local.as_ref()?.archive_dir.as_deref()
    }

    /// The database, when no other is named.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join("picora.sqlite")
    }

    /// Whose word counts about whom they speak for. **Errors**: [`ConfigError`] names the network that is none.
    pub fn proxies(&self) -> Result<TrustedProxies, ConfigError> {
        let networks: Result<Vec<Network>, _> =
            self.trusted_proxies.iter().map(|it| it.parse()).collect();
        let networks =
            networks.map_err(|error| ConfigError::Source(format!("`trusted_proxies`: {error}")))?;
        let header = match self.trusted_header {
            TrustedHeader::XForwardedFor => ForwardedHeader::XForwardedFor,
            TrustedHeader::Forwarded => ForwardedHeader::Forwarded,
        };
        Ok(TrustedProxies::new(networks).reading(header))
    }

    /// How much of an address stands for one client. **Errors**: [`ConfigError`] when that is nothing, or more than there is.
    pub fn prefixes(&self) -> Result<PrefixLengths, ConfigError> {
        let bits = self.rate_limits.ipv6_prefix_bits;
        PrefixLengths::new(32, bits).map_err(|_| ConfigError::Value {
            key: "rate_limits.ipv6_prefix_bits",
            problem: "must be 1 to 128",
        })
    }

    /// The key that addresses of private media are signed with; made on the first start.
    #[must_use]
    pub fn signing_key_file(&self) -> PathBuf {
        self.data_dir.join("signing.key")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            deployment: Deployment::default(),
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("picora-data"),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            trusted_header: TrustedHeader::default(),
            upgrade_url: "https://picora.me/plans".to_owned(),
            database: Database::default(),
            storage: Storage::default(),
            events: Events::default(),
            uploads: Uploads::default(),
            plans: Plans::default(),
            rate_limits: RateLimits::default(),
            mail: Mail::default(),
            captcha: Captcha::default(),
            echo: EchoSettings::default(),
            jobs: Jobs::default(),
            log: Log::default(),
        }
    }
}

impl Uploads {
    /// The numbers as the use cases take them.
    #[must_use]
    pub fn policy(&self) -> picora_media::UploadPolicy {
        picora_media::UploadPolicy {
            reservation_ttl: Duration::from_secs(self.reservation_ttl_seconds),
            largest_file_bytes: self.largest_file_bytes,
            largest_document_bytes: self.largest_document_bytes,
            ..picora_media::UploadPolicy::default()
        }
    }

    /// How long a client may send nothing.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_seconds)
    }
}

impl Default for Uploads {
    fn default() -> Self {
        let policy = picora_media::UploadPolicy::default();
        Self {
            max_open: picora_media::accounts::OPEN_RESERVATIONS,
            reservation_ttl_seconds: policy.reservation_ttl.as_secs(),
            idle_timeout_seconds: 30,
            largest_file_bytes: policy.largest_file_bytes,
            largest_document_bytes: policy.largest_document_bytes,
        }
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            tidy_seconds: 30,
            fold_seconds: 60,
            drain_seconds: 30,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            json: false,
        }
    }
}
