//! What each deployment is made of, in one place. Nothing else asks which one it is.
//!
//! | | `embedded` | `global` | `mainland` |
//! |---|---|---|---|
//! | files | a folder, perhaps with an archive | Cloudflare R2 | Aliyun OSS or Tencent COS |
//! | captchas | nobody asks for any | Cloudflare Turnstile | Aliyun |
//!
//! Database, limiter, echo and mails are as the configuration names them, in every deployment. What is paid by (gateways) and who delivers
//! videos (providers) become fields of [`Parts`], each with one line per deployment in [`Parts::open`].

use std::sync::Arc;

use picora_core::{Clock, Entropy};
use picora_ratelimit::captcha::CaptchaVerifier;

use crate::app::StartError;
use crate::config::{Config, ConfigError, Deployment};

mod bucket;
mod captcha;
pub mod files;
pub mod folder;
mod hold;
pub mod owner;

pub use files::Files;
use hold::Hold;

/// What a deployment brings along.
#[derive(Debug)]
pub struct Parts {
    /// Where files are.
    pub files: Files,
    /// Who tells people from machines; `None` where there is nobody.
    pub captcha: Option<Arc<dyn CaptchaVerifier>>,
    /// The data folder, with the database and the key; files may be elsewhere.
    _hold: Hold,
}

impl Parts {
    /// Opens what the deployment of this configuration has, and keeps other servers out of its folder as long as this value lives. Nothing
    /// is sent. `clock` signs what goes to vendors: it is this machine's, whatever the rules' clock says.
    ///
    /// **Errors**: [`StartError`] names the folder, file or key at fault, and nothing of a secret.
    pub fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, StartError> {
        let hold = Hold::take(config)?;
        Ok(match config.deployment {
            Deployment::Embedded => Self {
                files: Files::in_folder(config, clock)?,
                captcha: None,
                _hold: hold,
            },
            Deployment::Global => Self {
                files: in_bucket(config, clock)?,
                captcha: captcha::turnstile(&config.captcha)?,
                _hold: hold,
            },
            Deployment::Mainland => Self {
                files: in_bucket(config, clock)?,
                captcha: captcha::aliyun(&config.captcha, clock, entropy)?,
                _hold: hold,
            },
        })
    }
}

/// The files of a deployment that has them in a bucket, beside a server that may be running; `None` when they are in a folder.
///
/// **Errors**: as [`Parts::open`].
pub fn bucket(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Files>, StartError> {
    match config.storage.chosen(config.deployment).map_err(told)? {
        None => Ok(None),
        Some((vendor, bucket)) => bucket::open(vendor, bucket, clock.clone()).map(Some),
    }
}

fn in_bucket(config: &Config, clock: &Arc<dyn Clock>) -> Result<Files, StartError> {
    // A configuration that was loaded has a bucket; one that a program made may not.
    let none = || StartError("the deployment has no bucket: fill in `storage`".to_owned());
    bucket(config, clock)?.ok_or_else(none)
}

/// Whether the parts can be made, as far as that is known without sending or locking anything.
///
/// **Errors**: as [`Parts::open`].
pub fn check(
    config: &Config,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<(), StartError> {
    bucket(config, clock)?;
    captcha::turnstile(&config.captcha)?;
    captcha::aliyun(&config.captcha, clock, entropy)?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` wants it")]
fn told(error: ConfigError) -> StartError {
    StartError(error.to_string())
}
