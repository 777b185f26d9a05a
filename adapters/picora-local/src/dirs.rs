//! Folders whose own entries are on the disk.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The folders below a root that this process has made durable.
///
/// object_store syncs the folders that its own call has made. A second upload that finds them made, but not yet synced, by a first one
/// would be durable before the way to it is; and a folder that a killed process has made is synced by nobody. So each folder is synced
/// into its parent once per process, *before* anything is written below it.
#[derive(Debug)]
pub(crate) struct DurableDirs {
    root: PathBuf,
    known: Mutex<HashSet<PathBuf>>,
}

impl DurableDirs {
    /// Knows the root alone, which has to be durable.
    pub(crate) fn below(root: PathBuf) -> Self {
        Self {
            root,
            known: Mutex::default(),
        }
    }

    pub(crate) fn knows(&self, dir: &Path) -> bool {
        dir == self.root || self.known().contains(dir)
    }

    /// Makes the folder, and those between it and the root, and their entries durable.
    ///
    /// **Errors**: the operating system's; folders may have been made, and are synced by the next call.
    pub(crate) fn ensure(&self, dir: &Path) -> io::Result<()> {
        self.ensure_by(dir, &mut sync_dir)
    }

    fn ensure_by(
        &self,
        dir: &Path,
        sync: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.knows(dir) {
            return Ok(());
        }
        let parent = dir.parent().ok_or(io::ErrorKind::InvalidInput)?;
        self.ensure_by(parent, sync)?;
        match fs::create_dir(dir) {
            // Whoever made it may not have synced it, so it is synced in both cases.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) if !dir.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            _ => sync(parent)?,
        }
        self.remember(dir);
        Ok(())
    }

    /// Forgetting is harmless: it costs a sync.
    fn remember(&self, dir: &Path) {
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(dir.to_path_buf());
    }

    fn known(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a folder's entries on the disk.
#[cfg(unix)]
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Folders cannot be opened as files here, so there is nothing to sync.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

/// About 10 MB of paths.
const MOST_KNOWN: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ensures `a/b/c` and answers which folders were synced, and whether the child was there by then.
    fn synced(dirs: &DurableDirs) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        let root = dirs.root.clone();
        let mut sync = |dir: &Path| {
            synced.push(dir.strip_prefix(&root).unwrap().to_path_buf());
            Ok(())
        };
        dirs.ensure_by(&root.join("a/b/c"), &mut sync).unwrap();
        synced
    }

    #[test]
    fn each_new_folder_is_synced_into_its_parent_from_the_root_down_and_once() {
        let root = tempfile::tempdir().unwrap();
        let dirs = DurableDirs::below(root.path().to_path_buf());
        assert_eq!(synced(&dirs), ["", "a", "a/b"].map(PathBuf::from));
        assert!(root.path().join("a/b/c").is_dir());
        assert!(synced(&dirs).is_empty());
    }

    #[test]
    fn folders_that_someone_else_made_are_synced_too() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b/c")).unwrap();
        let dirs = DurableDirs::below(root.path().to_path_buf());
        assert_eq!(synced(&dirs), ["", "a", "a/b"].map(PathBuf::from));
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "").unwrap();
        let dirs = DurableDirs::below(root.path().to_path_buf());
        let error = dirs.ensure(&root.path().join("a/b")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_folder_whose_sync_failed_is_synced_again() {
        let root = tempfile::tempdir().unwrap();
        let dirs = DurableDirs::below(root.path().to_path_buf());
        let mut refuse = |_: &Path| Err(io::ErrorKind::StorageFull.into());
        dirs.ensure_by(&root.path().join("a"), &mut refuse)
            .unwrap_err();
        assert_eq!(synced(&dirs), ["", "a", "a/b"].map(PathBuf::from));
    }
}
