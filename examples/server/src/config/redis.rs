//! Where the limiter's records live when several processes share them.

use std::time::Duration;

use picora_redis::RedisConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// A Redis, or a cluster; without URLs the records live in the memory of the process.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SharedLimits {
    /// The server's URL, or those of some of a cluster's nodes; they may hold a password, and are never printed.
    #[serde(serialize_with = "hidden")]
    pub urls: Vec<SecretString>,
    /// Whether the URLs are a cluster's.
    pub cluster: bool,
    /// How long a decision may take, in milliseconds; 0 is the default of 50.
    pub deadline_ms: u64,
}

impl SharedLimits {
    /// The URLs as the limiter needs them.
    #[must_use]
    pub fn exposed(&self) -> Vec<String> {
        let urls = self.urls.iter();
        urls.map(|url| url.expose_secret().to_owned()).collect()
    }

    /// How the limiter asks.
    #[must_use]
    pub fn config(&self) -> RedisConfig {
        let default = RedisConfig::default();
        RedisConfig {
            deadline: match self.deadline_ms {
                0 => default.deadline,
                millis => Duration::from_millis(millis),
            },
            ..default
        }
    }
}

impl PartialEq for SharedLimits {
    fn eq(&self, other: &Self) -> bool {
        self.exposed() == other.exposed()
            && self.cluster == other.cluster
            && self.deadline_ms == other.deadline_ms
    }
}

impl Eq for SharedLimits {}

fn hidden<S: Serializer>(urls: &[SecretString], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(urls.iter().map(|_| "(hidden)"))
}
