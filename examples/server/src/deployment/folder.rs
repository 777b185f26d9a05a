//! The folder of the embedded deployment, and the one that it archives in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picora_core::{Clock, StoreError, Timestamp};
use picora_local::{LocalStore, TieredStore, TiersSwept, pair_of};

use super::files::Files;
use crate::app::StartError;
use crate::config::Config;

/// What leaves files behind when a process dies.
#[derive(Clone, Debug)]
pub enum Staged {
    /// One folder.
    Plain(LocalStore),
    /// A folder and its archive.
    Tiered(TieredStore),
}

impl Staged {
    /// Removes what dead processes left: staged files as [`LocalStore::sweep_staged`], and what moves left in the archive.
    ///
    /// **Errors**: `Unavailable`, with what was removed staying removed.
    pub async fn sweep(
        &self,
        older_than: Duration,
        now: Timestamp,
    ) -> Result<TiersSwept, StoreError> {
        match self {
            Self::Plain(store) => Ok(TiersSwept {
                staged: store.sweep_staged(older_than, now).await?,
                shadows: 0,
            }),
            Self::Tiered(store) => store.sweep(older_than, now).await,
        }
    }
}

/// Opens the folder, or both. **Errors**: [`StartError`] names them.
pub(super) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Files, StartError> {
    belong_together(config)?;
    match config.archive_dir() {
        None => plain(config),
        Some(archive) => tiered(config, archive, clock),
    }
}

/// Whether the archive is the one that the folder has had so far, as it can be seen beside a server that uses them.
///
/// Without its archive, a folder would seem to have lost what was archived. A folder that has none yet may get one.
/// **Errors**: [`StartError`] names the folders, and what to do.
pub fn belong_together(config: &Config) -> Result<(), StartError> {
    let hot = config.objects_dir();
    let name = pair(&hot)?;
    let Some(archive) = config.archive_dir() else {
        return match name {
            None => Ok(()),
            Some(_) => Err(StartError(format!(
                "the folder {} has an archive, where some of its files are: name its folder in `storage.local.archive_dir`; if nothing is \
                 archived any more, remove the file `pair` from both",
                hot.display()
            ))),
        };
    };
    if name.is_none() || name == pair(archive)? {
        return Ok(()); // opening tells whether an archive is another folder's
    }
    Err(StartError(format!(
        "the folder {} is not the archive of {}: check that its disk is mounted, and `storage.local.archive_dir`; to begin a new archive, \
         remove the file `pair` from both",
        archive.display(),
        hot.display()
    )))
}

fn pair(folder: &Path) -> Result<Option<String>, StartError> {
    let unusable = |error| {
        StartError(format!(
            "the folder {} cannot be read: {error}",
            folder.display()
        ))
    };
    match pair_of(folder) {
        // A file in the way; opening says so.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
        found => found.map_err(unusable),
    }
}

fn plain(config: &Config) -> Result<Files, StartError> {
    let folder = config.objects_dir();
    let opened = if config.database.shared_folder {
        LocalStore::open_shared(&folder)
    } else {
        LocalStore::open(&folder)
    };
    let store = opened.map_err(|error| StartError(error.to_string()))?;
    Ok(Files {
        bytes: Arc::new(store.clone()),
        staged: Some(Staged::Plain(store.clone())),
        tiers: None,
        examine: Arc::new(store),
        bucket: None,
        place: format!("the folder {}", folder.display()),
    })
}

fn tiered(config: &Config, archive: &Path, clock: &Arc<dyn Clock>) -> Result<Files, StartError> {
    let folder: PathBuf = config.objects_dir();
    let opened = if config.database.shared_folder {
        TieredStore::open_shared(&folder, archive)
    } else {
        TieredStore::open(&folder, archive)
    };
    let mut store = opened.map_err(|error| StartError(error.to_string()))?;
    let delay = config.storage.local.as_ref();
    if let Some(takes) = delay.and_then(|it| it.restore_delay()) {
        store = store.with_restore_delay(takes, clock.clone());
    }
    Ok(Files {
        bytes: Arc::new(store.clone()),
        staged: Some(Staged::Tiered(store.clone())),
        tiers: Some(Arc::new(store.clone())),
        examine: Arc::new(store),
        bucket: None,
        place: format!(
            "the folder {} with the archive {}",
            folder.display(),
            archive.display()
        ),
    })
}
