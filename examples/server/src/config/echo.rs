//! Where usage is echoed to.

use std::time::Duration;

use picora_kv::KvConfig;
use picora_quota::echo::{Pace, Rhythm};
use picora_redis::RedisConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::secret::{exposed, hidden};

/// Copies of usage for readers near by (#186–#191). They decide nothing; without a place nothing is copied.
///
/// A place is a table of its own, `[echo.redis]` or `[echo.kv]`; one place is written to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoSettings {
    /// How often changes are read, in milliseconds.
    pub read_ms: u64,
    /// How often it is looked whether the place has lost what it held, in milliseconds.
    pub look_ms: u64,
    /// A Redis.
    pub redis: EchoRedis,
    /// A namespace of Cloudflare Workers KV.
    pub kv: EchoKv,
}

/// A Redis to echo to. It may be the limiter's; one that evicts keys should not be.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoRedis {
    /// Its URL; it may hold a password, and is never printed.
    #[serde(serialize_with = "hidden")]
    pub url: Option<SecretString>,
    /// How long a call may take, in milliseconds; 0 is the default of a second: nobody waits for it.
    pub deadline_ms: u64,
}

/// A namespace of Cloudflare Workers KV. It shows what it holds a minute late or more; readers at the edge know that (C6).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoKv {
    /// The id of the account, as the dashboard shows it.
    pub account: String,
    /// The id of the namespace.
    pub namespace: String,
    /// An API token with "Workers KV Storage: Edit" on it; never printed. Better by `PICORA__ECHO__KV__TOKEN`.
    #[serde(serialize_with = "hidden")]
    pub token: Option<SecretString>,
    /// Where its interface is; empty for Cloudflare itself, otherwise a gateway.
    pub base_url: String,
    /// Only the statuses of videos, for a plan with a thousand writes a day.
    pub status_only: bool,
}

impl EchoKv {
    /// The namespace; `None` when there is none.
    ///
    /// **Errors**: one sentence, without the token.
    pub fn config(&self) -> Result<Option<KvConfig>, String> {
        if self.namespace.is_empty() && self.account.is_empty() {
            return Ok(None);
        }
        let token = self.token.clone().ok_or("there is no `token`")?;
        let config = KvConfig::new(&self.account, &self.namespace, token);
        let mut config = config.map_err(|error| error.to_string())?;
        if !self.base_url.is_empty() {
            config = config
                .at(&self.base_url)
                .map_err(|error| error.to_string())?;
        }
        Ok(Some(if self.status_only {
            config.status_only()
        } else {
            config
        }))
    }
}

impl EchoSettings {
    /// How often the keeper reads.
    #[must_use]
    pub fn rhythm(&self) -> Rhythm {
        Rhythm {
            read_every: Duration::from_millis(self.read_ms),
            ..Rhythm::default()
        }
    }

    /// How much is asked of the place.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            look_every: Duration::from_millis(self.look_ms),
            ..Pace::default()
        }
    }
}

impl EchoRedis {
    /// The URL as the driver needs it; `None` without one.
    #[must_use]
    pub fn exposed(&self) -> Option<&str> {
        let url = self.url.as_ref().map(ExposeSecret::expose_secret);
        url.filter(|url| !url.is_empty())
    }

    /// How it is asked.
    #[must_use]
    pub fn config(&self) -> RedisConfig {
        RedisConfig {
            deadline: match self.deadline_ms {
                0 => Duration::from_secs(1),
                millis => Duration::from_millis(millis),
            },
            ..RedisConfig::default()
        }
    }
}

impl Default for EchoSettings {
    fn default() -> Self {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            read_ms: millis(Rhythm::default().read_every),
            look_ms: millis(Pace::default().look_every),
            redis: EchoRedis::default(),
            kv: EchoKv::default(),
        }
    }
}

/// A secret has no equality of its own.
impl PartialEq for EchoRedis {
    fn eq(&self, other: &Self) -> bool {
        self.exposed() == other.exposed() && self.deadline_ms == other.deadline_ms
    }
}

impl Eq for EchoRedis {}

/// A secret has no equality of its own.
impl PartialEq for EchoKv {
    fn eq(&self, other: &Self) -> bool {
        self.account == other.account
            && self.namespace == other.namespace
            && exposed(&self.token) == exposed(&other.token)
            && self.base_url == other.base_url
            && self.status_only == other.status_only
    }
}

impl Eq for EchoKv {}
