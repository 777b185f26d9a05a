//! Where and with what the server is deployed.

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// Where and with what the server is deployed (C76, #1). It is the only switch: it chooses the adapters, and what belongs to another
/// deployment may not be configured beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// SQLite, local files, memory; one process. With a `database.url` and a Redis, several.
    #[default]
    Embedded,
    /// On Cloudflare: files in R2, captchas by Turnstile.
    Global,
    /// In mainland China: files in Aliyun OSS or Tencent COS, captchas by Aliyun. `cn` is another name for it.
    #[serde(alias = "cn")]
    Mainland,
}

impl Deployment {
    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Global => "global",
            Self::Mainland => "mainland",
        }
    }

    /// Whether this deployment has what the rest of the configuration names.
    ///
    /// **Errors**: [`ConfigError`] names the first key that it has not.
    pub(super) fn check(self, config: &Config) -> Result<(), ConfigError> {
        config.storage.chosen(self)?;
        config.captcha.check(self)?;
        let kv = &config.echo.kv;
        if self == Self::Mainland && !(kv.namespace.is_empty() && kv.account.is_empty()) {
            return Err(ConfigError::Value {
                key: "echo.kv",
                problem: "is Cloudflare's, which the deployment `mainland` does not use: echo to a Redis, by `echo.redis`",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
