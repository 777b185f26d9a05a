//! Where usage is echoed to.

use std::time::Duration;

use picora_quota::echo::{Pace, Rhythm};
use picora_redis::RedisConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Copies of usage for readers near by (#186–#191). They decide nothing; without a place nothing is copied.
///
/// A place is a table of its own: `[echo.redis]`. Others, such as an edge's key-value store, come beside it; one place at a time is
/// written to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoSettings {
    /// How often changes are read, in milliseconds.
    pub read_ms: u64,
    /// How often it is looked whether the place has lost what it held, in milliseconds.
    pub look_ms: u64,
    /// A Redis.
    pub redis: EchoRedis,
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

fn hidden<S: Serializer>(url: &Option<SecretString>, to: S) -> Result<S::Ok, S::Error> {
    match url {
        Some(_) => to.serialize_some("(hidden)"),
        None => to.serialize_none(),
    }
}
