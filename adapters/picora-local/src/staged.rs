//! Files of uploads that never came to an end.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picora_core::{Amount, Timestamp};

/// What a sweep removed, and what it let be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many staged files were removed.
    pub files: u64,
    /// The bytes that they held.
    pub bytes: Amount,
    /// How many were left: being written, or written too lately.
    pub left: u64,
}

/// The files that this process is writing, by the key's own file. Cheap to clone.
///
/// A staged file that is removed under its writer would be worse than one that is left: a second upload of the key takes its name, and
/// the first one then publishes the second one's half. Age alone cannot rule that out, since a slow client may pause for long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writing(Arc<Mutex<HashMap<PathBuf, usize>>>);

/// Says that a key's file is being written until it is dropped.
#[derive(Debug)]
pub(crate) struct WritingGuard {
    writing: Writing,
    target: PathBuf,
}

impl Writing {
    pub(crate) fn begin(&self, target: PathBuf) -> WritingGuard {
        *self.targets().entry(target.clone()).or_default() += 1;
        WritingGuard {
            writing: self.clone(),
            target,
        }
    }

    fn targets(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WritingGuard {
    fn drop(&mut self) {
        let mut targets = self.writing.targets();
        if let Some(writers) = targets.get_mut(&self.target) {
            *writers -= 1;
            if *writers == 0 {
                targets.remove(&self.target);
            }
        }
    }
}

/// Removes staged files below `root` that nobody is writing and that were last written or named `older_than` or longer before `now`.
///
/// **Errors**: the operating system's, at the first file or folder that cannot be read or removed; what was removed stays so. Symbolic
/// links are not followed.
pub(crate) fn sweep(
    root: &Path,
    writing: &Writing,
    older_than: Duration,
    now: Timestamp,
) -> io::Result<Swept> {
    let mut swept = Swept::default();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if let (true, Some(target)) = (kind.is_file(), target_of(&entry.path())) {
                swept.visit(&entry.path(), &target, writing, older_than, now)?;
            }
        }
    }
    Ok(swept)
}

impl std::ops::AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes = Amount::saturating(self.bytes.get().saturating_add(other.bytes.get()));
        self.left += other.left;
    }
}

impl Swept {
    fn visit(
        &mut self,
        path: &Path,
        target: &Path,
        writing: &Writing,
        older_than: Duration,
        now: Timestamp,
    ) -> io::Result<()> {
        // Held until the file is gone, so that no upload of this key begins in between.
        let targets = writing.targets();
        let Some(metadata) = present(fs::symlink_metadata(path))? else {
            return Ok(()); // it came to its end meanwhile
        };
        if targets.contains_key(target) || age(&metadata, now)? < older_than {
            self.left += 1;
        } else if present(fs::remove_file(path))?.is_some() {
            self.files += 1;
            let bytes = self.bytes.get().saturating_add(metadata.len());
            self.bytes = Amount::saturating(bytes);
        }
        Ok(())
    }
}

/// The file that a staged file was to become; `None` when it is not one.
///
/// object_store stages `name` as `name#1`, `name#2`, ..., and hides exactly the names whose text after the first `#` is all digits.
pub(crate) fn target_of(path: &Path) -> Option<PathBuf> {
    let (name, number) = path.file_name()?.to_str()?.split_once('#')?;
    let staged = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    staged.then(|| path.with_file_name(name))
}

/// How long ago it was last written or named, by the file system's clock; zero when that is ahead of `now`.
///
/// A second name of an old object, and a copy that keeps the time of its source, are young all the same.
fn age(metadata: &Metadata, now: Timestamp) -> io::Result<Duration> {
    let touched = metadata.modified()?.max(changed(metadata));
    let since_epoch = touched.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(now.saturating_since(Timestamp::EPOCH.saturating_add(since_epoch)))
}

/// When its names or times were last changed, which no program can set back.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(metadata.ctime().try_into().unwrap_or_default());
    let nanos = Duration::from_nanos(metadata.ctime_nsec().try_into().unwrap_or_default());
    UNIX_EPOCH
        .checked_add(seconds.saturating_add(nanos))
        .unwrap_or(UNIX_EPOCH)
}

/// When it was made, which is the closest that is told here.
#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> SystemTime {
    metadata.created().unwrap_or(UNIX_EPOCH)
}

fn present<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
