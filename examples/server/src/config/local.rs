//! Where the embedded deployment puts what nobody asks for.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// `[storage.local]`: an archive beside the folder of the files. Without it all files are in that one folder, as they always were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Local {
    /// The folder of archived files, for instance on a large and slow disk; there is no archive without it. It becomes a pair with the
    /// folder of the files: from then on no server starts with one and without the other.
    pub archive_dir: Option<PathBuf>,
    /// How long a restore pretends to take, so that archived files are frozen as in a cloud; 0 is none, and archived files are read as
    /// all others. Servers that share the folders name the same.
    pub restore_delay_seconds: u64,
}

impl Local {
    /// How long a restore pretends to take, if archived files are frozen.
    #[must_use]
    pub fn restore_delay(&self) -> Option<Duration> {
        let takes = Duration::from_secs(self.restore_delay_seconds);
        (!takes.is_zero()).then_some(takes)
    }

    /// Whether the values make sense together; nothing is opened. **Errors**: [`ConfigError`] names the key.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let fault = |key, problem| Err(ConfigError::Value { key, problem });
        match &self.archive_dir {
            Some(folder) if folder.as_os_str().is_empty() => fault(
                "storage.local.archive_dir",
                "must name a folder: remove it, if nothing is archived",
            ),
            None if self.restore_delay_seconds > 0 => fault(
                "storage.local.restore_delay_seconds",
                "is of an archive, but there is none: name its folder in `storage.local.archive_dir`",
            ),
            _ if self.restore_delay_seconds > LONGEST_SECONDS => fault(
                "storage.local.restore_delay_seconds",
                "must be at most 172800, the two days of the slowest cloud",
            ),
            _ => Ok(()),
        }
    }
}

/// Two days. Slower than any tier that is restored; more would be a slip in the unit.
const LONGEST_SECONDS: u64 = 2 * 24 * 60 * 60;
