//! A look at a folder before work begins.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use async_trait::async_trait;
use picora_storage::{Examine, Trouble};

use crate::LocalStore;
use crate::blocking::blocking;
use crate::dirs::sync_dir;

#[async_trait]
impl Examine for LocalStore {
    /// Hidden as staged files are, so that no listing shows it; the sweep finds what a killed process leaves.
    async fn examine(&self) -> Result<(), Trouble> {
        let objects = self.root().to_path_buf();
        let shown = self.folder().display().to_string();
        // In a task of its own the error cannot be lost, but its step is.
        let tried = blocking(move || Ok(try_out(&objects))).await;
        let (operation, error) = match tried {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failed)) => failed,
            Err(error) => ("start a thread", error),
        };
        Err(trouble(shown, operation, error))
    }
}

/// Writes, reads and removes a small file; the first step that failed, as a verb.
fn try_out(objects: &Path) -> Result<(), (&'static str, io::Error)> {
    let file = objects.join(format!("examine#{}", unheard_of()));
    let tried = write(&file)
        .map_err(|error| ("write", error))
        .and_then(|()| read(&file).map_err(|error| ("read", error)));
    let removed = fs::remove_file(&file).and_then(|()| sync_dir(objects));
    tried?;
    removed.map_err(|error| ("remove", error))
}

fn write(file: &Path) -> io::Result<()> {
    let mut new = File::options().write(true).create_new(true).open(file)?;
    new.write_all(&BODY)?;
    new.sync_all()
}

fn read(file: &Path) -> io::Result<()> {
    if fs::read(file)? == BODY {
        return Ok(());
    }
    Err(io::Error::other(
        "it answered other bytes than those that were written",
    ))
}

fn trouble(folder: String, operation: &'static str, error: io::Error) -> Trouble {
    let cause = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Trouble::Full { folder, cause },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Trouble::Unwritable {
            folder,
            operation,
            cause,
        },
        _ => Trouble::Other {
            operation,
            cause: format!("{folder}: {cause}").into(),
        },
    }
}

/// A number that no other process and no other call has, in all likelihood: the seed of this library's hash tables.
pub(crate) fn unheard_of() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// As large as a block of most disks.
const BODY: [u8; 4096] = [0x5a; 4096];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_folder_and_what_to_do() {
        let told = |kind: ErrorKind| trouble("/media".to_owned(), "write", kind.into()).to_string();
        let full = told(ErrorKind::StorageFull);
        assert!(full.starts_with("the folder /media is full"), "{full}");
        let read_only = told(ErrorKind::ReadOnlyFilesystem);
        assert!(
            read_only.starts_with("this process may not write in the folder /media"),
            "{read_only}"
        );
        let other = told(ErrorKind::TimedOut);
        assert!(
            other.starts_with("the store could not write (/media: "),
            "{other}"
        );
    }

    #[test]
    fn numbers_do_not_come_twice() {
        let numbers: std::collections::HashSet<_> = (0..1_000).map(|_| unheard_of()).collect();
        assert_eq!(numbers.len(), 1_000);
    }
}
