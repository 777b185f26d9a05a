//! A data folder that is one server's, or that of several which all say so.

use std::fs::{File, TryLockError};

use crate::app::StartError;
use crate::config::Config;

/// The lock of a data folder, as long as this value lives; it ends with the process, also when that is killed.
///
/// The folder of files keeps others out by itself, but files may be in a bucket or in another folder, and the same database may not have
/// a second server that has other files.
#[derive(Debug)]
pub(super) struct Hold {
    _lock: File,
}

impl Hold {
    /// Takes the folder, which is made when there is none. **Errors**: [`StartError`] names it.
    pub(super) fn take(config: &Config) -> Result<Self, StartError> {
        let folder = &config.data_dir;
        let unusable = |error: std::io::Error| {
            StartError(format!("{} cannot be used: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let lock = options.open(folder.join("lock")).map_err(unusable)?;
        let locked = match config.database.shared_folder {
            true => lock.try_lock_shared(),
            false => lock.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
            Err(TryLockError::WouldBlock) => Err(StartError(format!(
                "the folder {} is in use by another server",
                folder.display()
            ))),
        }
    }
}
