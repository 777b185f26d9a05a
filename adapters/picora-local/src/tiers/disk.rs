//! What moves ask of a disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::dirs::sync_dir;
use crate::nothing::is_nothing;

/// The few operations that a move is made of. One is the operating system's; the other forgets, in tests, what was not synced.
pub(crate) trait Disk {
    /// Gives the same file a second name, which must be free.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Copies a file, with the time at which it was last written, to a name that must be free.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of what has that name. It does nothing when both names are the same file's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away; whether there was one.
    fn remove(&self, file: &Path) -> io::Result<bool>;
    /// Puts a file's bytes on the disk.
    fn sync_file(&self, file: &Path) -> io::Result<()>;
    /// Puts a folder's names on the disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files;

impl Disk for Files {
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Somewhere else, a symbolic link may lead to something else: it is followed here, by a copy.
        if fs::symlink_metadata(from)?.is_symlink() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        fs::hard_link(from, to)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = File::open(from)?;
        let mut target = File::options().write(true).create_new(true).open(to)?;
        let copied = (|| {
            let metadata = source.metadata()?;
            if io::copy(&mut source, &mut target)? != metadata.len() {
                return Err(io::Error::other("it changed while it was copied"));
            }
            target.set_modified(metadata.modified()?)
        })();
        if copied.is_err() {
            let _ = fs::remove_file(to); // else the sweep does it
        }
        copied
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<bool> {
        match fs::remove_file(file) {
            Ok(()) => Ok(true),
            Err(error) if is_nothing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn sync_file(&self, file: &Path) -> io::Result<()> {
        // Elsewhere, only who may write may sync.
        let mut options = File::options();
        options.read(true).write(!cfg!(unix)).open(file)?.sync_all()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }
}
