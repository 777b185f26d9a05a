//! The order of steps that makes moves, replacements and removals safe, whenever the power fails.
//!
//! **The rule of readers**: what the hot folder has is hot, whatever the archive has; what only the archive has is archived. So
//! - a move to the archive ends when the hot name is gone, and one back when the hot name is there: before and after, one tier is told;
//! - a name is taken away only after the bytes that stand for it are on the other disk, together with their name;
//! - of two names, the archive's is taken away first when an object shall go: else its older bytes would come back.
//!
//! What is left in the archive beside a hot object is a *shadow*: nobody can read it, and the next change of its key or a sweep takes it.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use crate::nothing::is_nothing;

/// Brings a file's bytes to the disk of a folder for moves, under a free name there, and answers it.
///
/// A second name of the same file where both lie on one disk; a copy otherwise. **Errors**: the operating system's; nothing stays.
pub(crate) fn stage(
    disk: &impl Disk,
    from: &Path,
    names: impl Iterator<Item = PathBuf>,
) -> io::Result<PathBuf> {
    for staged in names {
        match bring(disk, from, &staged) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                return match disk.sync_file(&staged) {
                    Ok(()) => Ok(staged),
                    Err(error) => {
                        let _ = disk.remove(&staged); // else the sweep does it
                        Err(error)
                    }
                };
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn bring(disk: &impl Disk, from: &Path, staged: &Path) -> io::Result<()> {
    match disk.link(from, staged) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
            ) =>
        {
            // Another disk, or one without second names, or too many of them.
            disk.copy(from, staged)
        }
        linked => linked,
    }
}

/// Gives staged bytes their name, in place of what has it; on the disk when it returns.
pub(crate) fn publish(disk: &impl Disk, staged: &Path, to: &Path) -> io::Result<()> {
    disk.rename(staged, to)?;
    // A rename onto another name of the same file leaves both: a move that had been cut short is done again.
    disk.remove(staged)?;
    disk.sync_dir(folder(to)?)
}

/// Takes a name away, on the disk when it returns; whether there was one.
///
/// Also when there was none: one that tried before may have failed after the name was gone, and before the disk knew.
pub(crate) fn take_away(disk: &impl Disk, file: &Path) -> io::Result<bool> {
    let there = disk.remove(file)?;
    match disk.sync_dir(folder(file)?) {
        Err(error) if is_nothing(&error) => {} // without a folder there is no name
        synced => synced?,
    }
    Ok(there)
}

/// The same for a shadow that stays one should it come back: where there is none, a slow disk is not asked for anything.
pub(crate) fn take_shadow(disk: &impl Disk, file: &Path) -> io::Result<bool> {
    let there = disk.remove(file)?;
    if there {
        disk.sync_dir(folder(file)?)?;
    }
    Ok(there)
}

/// Ends a move: staged bytes get their name in the other folder, and lose the one that they had.
pub(crate) fn finish_move(
    disk: &impl Disk,
    staged: &Path,
    to: &Path,
    from: &Path,
) -> io::Result<()> {
    publish(disk, staged, to)?;
    take_away(disk, from).map(drop)
}

/// Removes an object from both folders; whether there was one.
pub(crate) fn erase(disk: &impl Disk, hot: &Path, archived: &Path) -> io::Result<bool> {
    let archived = take_away(disk, archived)?;
    Ok(take_away(disk, hot)? || archived)
}

fn folder(file: &Path) -> io::Result<&Path> {
    file.parent()
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests;
