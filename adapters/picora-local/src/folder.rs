//! The folder that objects live in: made, locked, and checked.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::dirs::sync_dir;

/// Why a folder cannot hold media, in one sentence for an operator. Nothing was stored; the folder may have been made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process holds the folder's lock.
    #[error("the folder {} is in use by another server", folder.display())]
    InUse {
        /// Which folder.
        folder: PathBuf,
    },
    /// Of two folders for two tiers, one is the other, perhaps under a second path, or lies among its objects.
    #[error("the folders {} and {} lie in one another: name one for each tier", hot.display(), archive.display())]
    Overlap {
        /// Which one is for hot objects.
        hot: PathBuf,
        /// Which one is for archived objects.
        archive: PathBuf,
    },
    /// Of two folders for two tiers, one has been opened with another one, or for the other tier. Nothing was changed in either.
    #[error(
        "the folders {} and {} do not belong together so: check that the disks of both are mounted, and which is which; to pair them \
        anew, remove the file `pair` from both",
        hot.display(),
        archive.display()
    )]
    Stranger {
        /// Which one is for hot objects.
        hot: PathBuf,
        /// Which one is for archived objects.
        archive: PathBuf,
    },
    /// It cannot be made, locked or written.
    #[error("the folder {} cannot hold media: {source}", folder.display())]
    Unusable {
        /// Which folder.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// How a process holds a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// No other process uses it.
    Alone,
    /// Others may share it.
    Shared,
}

/// A folder that no process uses but those that hold it alike, as long as this value lives.
///
/// Objects lie in `objects/`, so that no listing shows the lock file beside it. The lock ends with the process, also when it is killed.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none, locks it, and tries whether files can be made in it.
    ///
    /// Those who share it keep out who wants it alone, and he keeps out all others. **Boundaries**: a full disk is no reason to refuse a folder that has been used before: reading and removing still work, and
    /// removing is what helps. **Errors**: [`OpenError`].
    pub(crate) fn open(folder: &Path, hold: Hold) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Unusable {
            folder: folder.to_path_buf(),
            source,
        };
        let path = std::path::absolute(folder).map_err(unusable)?;
        create_durably(&path).map_err(unusable)?;
        let lock = lock_file(&path).map_err(unusable)?;
        let locked = match hold {
            Hold::Alone => lock.try_lock(),
            Hold::Shared => lock.try_lock_shared(),
        };
        locked.map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse {
                folder: folder.to_path_buf(),
            },
            TryLockError::Error(source) => unusable(source),
        })?;
        let opened = Self { path, _lock: lock };
        opened.prepare().map_err(unusable)?;
        Ok(opened)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where objects lie.
    pub(crate) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    fn prepare(&self) -> io::Result<()> {
        create_durably(&self.objects())?;
        match self.try_to_write() {
            Err(error) if is_full(&error) => Ok(()),
            tried => tried,
        }
    }

    /// Under a name that listings hide and the sweep finds, should the process die right here.
    fn try_to_write(&self) -> io::Result<()> {
        let probe = self.objects().join("probe#0");
        File::create(&probe)?;
        match fs::remove_file(&probe) {
            // Another process that shares the folder tried at the same moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn lock_file(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options.open(folder.join("lock"))
}

/// Makes a folder and those above it, and syncs the entry of each one that it made.
pub(crate) fn create_durably(dir: &Path) -> io::Result<()> {
    let missing: Vec<_> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    fs::create_dir_all(dir)?;
    for made in missing.iter().rev() {
        made.parent().map_or(Ok(()), sync_dir)?;
    }
    // A process may have been killed between making the folder and syncing its entry. That parent may not be ours to read.
    match dir.parent().map_or(Ok(()), sync_dir) {
        Err(error) if missing.is_empty() && error.kind() == io::ErrorKind::PermissionDenied => {
            Ok(())
        }
        synced => synced,
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_one_holder() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("deep/er");
        let first = Folder::open(&path, Hold::Alone).unwrap();
        for hold in [Hold::Alone, Hold::Shared] {
            let second = Folder::open(&path, hold).unwrap_err();
            assert!(matches!(second, OpenError::InUse { .. }), "{second}");
        }
        drop(first);
        assert!(Folder::open(&path, Hold::Alone).unwrap().objects().is_dir());
    }

    #[test]
    fn those_who_share_it_keep_out_who_wants_it_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let shared = [(); 2].map(|()| Folder::open(temporary.path(), Hold::Shared).unwrap());
        let alone = Folder::open(temporary.path(), Hold::Alone).unwrap_err();
        assert!(matches!(alone, OpenError::InUse { .. }), "{alone}");
        drop(shared);
        Folder::open(temporary.path(), Hold::Alone).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named_with_the_reason() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("media");
        fs::write(&path, "a file").unwrap();
        let error = Folder::open(&path, Hold::Alone).unwrap_err();
        let sentence = format!("the folder {} cannot hold media: ", path.display());
        assert!(error.to_string().starts_with(&sentence), "{error}");
    }

    #[test]
    fn what_the_check_of_a_killed_process_left_does_not_matter() {
        let temporary = tempfile::tempdir().unwrap();
        let first = Folder::open(temporary.path(), Hold::Alone).unwrap();
        let probe = first.objects().join("probe#0");
        drop(first);
        fs::write(&probe, "left behind").unwrap();
        Folder::open(temporary.path(), Hold::Alone).unwrap();
        assert!(!probe.exists());
    }
}
