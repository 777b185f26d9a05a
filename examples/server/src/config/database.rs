//! Where accounts, resources and the ledger are.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::ConfigError;

/// A PostgreSQL, or without a URL the embedded SQLite in the data folder.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// The server's URL, `postgres://user:password@host/name`; empty for SQLite. It is a secret, best given as
    /// `PICORA__DATABASE__URL`, and never printed.
    #[serde(serialize_with = "hidden")]
    pub url: SecretString,
    /// Whether several servers on this database use one `data_dir` at once: all of them say so, and none of another database may.
    pub shared_folder: bool,
}

impl Database {
    /// The URL of a PostgreSQL; `None` for SQLite.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        Some(self.url.expose_secret()).filter(|url| !url.is_empty())
    }

    /// Whether the values make sense together. **Errors**: [`ConfigError`] names the key, and nothing of its value.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let fault = |key, problem| Err(ConfigError::Value { key, problem });
        match self.url() {
            None if self.shared_folder => fault(
                "database.shared_folder",
                "needs a `database.url`: servers cannot share the embedded database",
            ),
            Some(url) if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) => {
                fault("database.url", "must start with postgres://")
            }
            _ => Ok(()),
        }
    }
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        self.url() == other.url() && self.shared_folder == other.shared_folder
    }
}

impl Eq for Database {}

fn hidden<S: Serializer>(url: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match url.expose_secret() {
        "" => "",
        _ => "(hidden)",
    })
}

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
