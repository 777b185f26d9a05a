//! Where files are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, ObjectStore};
use picora_core::Clock;
use picora_storage::{Examine, Trouble};
use picora_tiering::TierControl;

use super::folder::{self, Staged};
use crate::app::StartError;
use crate::config::Config;

/// Where files are, and what else their place can do.
pub struct Files {
    /// The bytes.
    pub bytes: Arc<dyn ObjectStore>,
    /// Files of uploads that never came to an end, to be swept; only a folder has them where we see them.
    pub staged: Option<Staged>,
    /// The tiers, where there are any.
    pub tiers: Option<Arc<dyn TierControl>>,
    /// Who looks whether they can be kept.
    pub(super) examine: Arc<dyn Examine>,
    /// The bucket, if they are in one.
    pub(super) bucket: Option<Probed>,
    /// The place, for people.
    pub(super) place: String,
}

/// A bucket behind a host, and whose key asks.
pub(super) struct Probed {
    pub(super) host: String,
    pub(super) bucket: String,
    pub(super) access_key_id: String,
}

impl Files {
    /// The folder of the embedded deployment, and perhaps its archive, for this process alone or shared with others on the same database.
    /// Restores that pretend to take long take it by `clock`.
    ///
    /// **Errors**: [`StartError`] names the folder; it is another server's, cannot be written, or its archive is another one.
    pub fn in_folder(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, StartError> {
        folder::open(config, clock)
    }

    /// Where they are: `the bucket photos of Aliyun OSS`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether they are in a bucket, which other servers may have been given, too.
    #[must_use]
    pub const fn are_in_a_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// Does once what the server will do all day: writes a small object, reads it, removes it, and, in a bucket, lists. An archive is
    /// looked at as well as the folder beside it.
    ///
    /// **Errors**: [`Trouble`], within [`EXAMINED_WITHIN`] in a bucket; a disk that hangs hangs.
    pub async fn examine(&self) -> Result<(), Trouble> {
        let Some(probed) = &self.bucket else {
            return self.examine.examine().await;
        };
        let examined = async {
            self.examine.examine().await?;
            self.list(probed).await
        };
        let examined = tokio::time::timeout(EXAMINED_WITHIN, examined).await;
        examined.unwrap_or_else(|_| {
            let cause = format!("it did not answer within {} s", EXAMINED_WITHIN.as_secs());
            let host = probed.host.clone();
            Err(Trouble::Unreachable { host, cause })
        })
    }

    /// The janitor looks for objects that belong to nobody; without the right to, it would notice after a day, in the log.
    async fn list(&self, probed: &Probed) -> Result<(), Trouble> {
        let (operation, few) = ("list", Path::from(NEVER_MANY));
        match self.bytes.list_with_delimiter(Some(&few)).await {
            Ok(_) => Ok(()),
            Err(Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => {
                Err(Trouble::Permission {
                    access_key_id: probed.access_key_id.clone(),
                    operation,
                    bucket: probed.bucket.clone(),
                })
            }
            Err(error) => Err(Trouble::Other {
                operation,
                cause: error.into(),
            }),
        }
    }

    /// The same for who starts a server: one sentence that also names the place.
    ///
    /// Folders were tried when they were opened, except for their being full: a server on a full disk must start, for removing helps.
    pub async fn must_work(&self) -> Result<(), StartError> {
        if !self.are_in_a_bucket() {
            return Ok(());
        }
        let examined = self.examine().await;
        examined.map_err(|trouble| StartError(self.complaint(&trouble)))
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn complaint(&self, trouble: &Trouble) -> String {
        format!("files cannot be kept in {}: {trouble}", self.place)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.place).finish()
    }
}

/// Where only the mark of the owner lies.
const NEVER_MANY: &str = "picora";

/// Longer than four tries to connect take, so that the adapter's own sentence comes first. A store that takes requests and answers none
/// would have more time from the adapter; but somebody waits for the server.
pub const EXAMINED_WITHIN: Duration = Duration::from_secs(45);
