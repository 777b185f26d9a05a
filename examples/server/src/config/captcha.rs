//! Who tells people from machines.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::secret::{exposed, hidden, secret, source};
use super::{ConfigError, Deployment};

/// The provider of captchas that the deployment has (#17): `[captcha.turnstile]` for `global`, `[captcha.aliyun]` for `mainland`, none for
/// `embedded`. A table that the deployment does not use is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Captcha {
    /// Cloudflare Turnstile.
    pub turnstile: Option<TurnstileKeys>,
    /// Aliyun Captcha 2.0.
    pub aliyun: Option<AliyunKeys>,
}

/// The two widgets at Turnstile: a token of the easier one does not answer the harder one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnstileKeys {
    /// The secret of the managed widget; it is never printed. Better in the file, or in `PICORA__CAPTCHA__TURNSTILE__MANAGED_SECRET`.
    #[serde(serialize_with = "hidden")]
    pub managed_secret: Option<SecretString>,
    /// A file that holds it and perhaps a line's end.
    pub managed_secret_file: Option<PathBuf>,
    /// The secret of the widget that always asks something; it is never printed.
    #[serde(serialize_with = "hidden")]
    pub interactive_secret: Option<SecretString>,
    /// A file that holds it and perhaps a line's end.
    pub interactive_secret_file: Option<PathBuf>,
    /// The hosts at which the widgets may have been solved; empty for any.
    pub hostnames: Vec<String>,
    /// The action that the widgets must name; empty for any.
    pub action: String,
    /// Where it is asked; empty for Cloudflare itself.
    pub endpoint: String,
}

/// The key and the two scenes at Aliyun.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AliyunKeys {
    /// The name of the access key of a RAM user that may verify. It is no secret.
    pub access_key_id: String,
    /// Its secret; it is never printed. Better in the file, or in `PICORA__CAPTCHA__ALIYUN__SECRET`.
    #[serde(serialize_with = "hidden")]
    pub secret: Option<SecretString>,
    /// A file that holds it and perhaps a line's end.
    pub secret_file: Option<PathBuf>,
    /// The id of the easier scene.
    pub managed_scene: String,
    /// The id of the scene that always asks something.
    pub interactive_scene: String,
    /// Where it is asked; empty for Shanghai.
    pub endpoint: String,
}

impl Captcha {
    /// Whether there is no other deployment's provider. **Errors**: [`ConfigError`] names the table.
    pub(super) fn check(&self, deployment: Deployment) -> Result<(), ConfigError> {
        let fault = |key, problem| Err(ConfigError::Value { key, problem });
        match (deployment, &self.turnstile, &self.aliyun) {
            (Deployment::Embedded, Some(_), _) | (Deployment::Mainland, Some(_), _) => fault(
                "captcha.turnstile",
                "is of the deployment `global`: remove it, or set `deployment`",
            ),
            (Deployment::Embedded | Deployment::Global, None, Some(_))
            | (Deployment::Global, Some(_), Some(_)) => fault(
                "captcha.aliyun",
                "is of the deployment `mainland`: remove it, or set `deployment`",
            ),
            _ => Ok(()),
        }
    }
}

impl TurnstileKeys {
    /// The secrets of the managed and the interactive widget. Reads the files that it names.
    ///
    /// **Errors**: [`ConfigError`] names the key or the file, and nothing of a secret.
    pub fn secrets(&self) -> Result<(SecretString, SecretString), ConfigError> {
        let of = |key: &str, given: &Option<SecretString>, file: &Option<PathBuf>| {
            required(&format!("captcha.turnstile.{key}"), given, file)
        };
        Ok((
            of(
                "managed_secret",
                &self.managed_secret,
                &self.managed_secret_file,
            )?,
            of(
                "interactive_secret",
                &self.interactive_secret,
                &self.interactive_secret_file,
            )?,
        ))
    }
}

impl AliyunKeys {
    /// The secret of the key. Reads the file that it names.
    ///
    /// **Errors**: [`ConfigError`] names the key or the file, and nothing of the secret.
    pub fn secret(&self) -> Result<SecretString, ConfigError> {
        required("captcha.aliyun.secret", &self.secret, &self.secret_file)
    }
}

fn required(
    key: &str,
    given: &Option<SecretString>,
    file: &Option<PathBuf>,
) -> Result<SecretString, ConfigError> {
    secret(key, given.as_ref(), file.as_deref())?
        .ok_or_else(|| source(format!("there is neither `{key}` nor `{key}_file`")))
}

/// A secret has no equality of its own.
impl PartialEq for TurnstileKeys {
    fn eq(&self, other: &Self) -> bool {
        let secrets = |it: &Self| {
            [&it.managed_secret, &it.interactive_secret].map(|it| exposed(it).map(str::to_owned))
        };
        secrets(self) == secrets(other)
            && self.managed_secret_file == other.managed_secret_file
            && self.interactive_secret_file == other.interactive_secret_file
            && self.hostnames == other.hostnames
            && self.action == other.action
            && self.endpoint == other.endpoint
    }
}

impl Eq for TurnstileKeys {}

/// A secret has no equality of its own.
impl PartialEq for AliyunKeys {
    fn eq(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && exposed(&self.secret) == exposed(&other.secret)
            && self.secret_file == other.secret_file
            && self.managed_scene == other.managed_scene
            && self.interactive_scene == other.interactive_scene
            && self.endpoint == other.endpoint
    }
}

impl Eq for AliyunKeys {}
