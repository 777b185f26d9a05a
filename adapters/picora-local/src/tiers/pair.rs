//! Which two folders belong together.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::OpenError;
use crate::dirs::sync_dir;

/// Makes two folders a pair, or finds that they are one.
///
/// A disk that is not mounted leaves an empty folder, which would be taken for one whose objects have all gone. So both folders keep the
/// same name of the pair, which only the first opening gives. **Errors**: [`OpenError::Stranger`] when one has it and the other has none
/// or another's. **State**: a first opening that is cut short is finished by the next one.
pub(crate) fn join(hot: &Path, archive: &Path) -> Result<(), OpenError> {
    let unusable = |folder: &Path| {
        let folder = folder.to_path_buf();
        move |source| OpenError::Unusable { folder, source }
    };
    // One at a time: other processes may open them for the first time, too.
    let lock = File::options();
    let lock = open(lock, &hot.join("pairing")).and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(unusable(hot))?;
    let (first, second) = (
        read(hot).map_err(unusable(hot))?,
        read(archive).map_err(unusable(archive))?,
    );
    let begun = first.as_deref().and_then(|name| name.strip_prefix(BEGUN));
    let name = match (&first, begun, &second) {
        (Some(first), None, Some(second)) if first == second => return Ok(()),
        (None, _, None) => {
            let name = format!("{:016x}", crate::examine::unheard_of());
            write(hot, &format!("{BEGUN}{name}")).map_err(unusable(hot))?;
            name
        }
        (_, Some(begun), second) if second.as_deref().is_none_or(|it| it == begun) => {
            begun.to_owned()
        }
        _ => {
            let (hot, archive) = (hot.to_path_buf(), archive.to_path_buf());
            return Err(OpenError::Stranger { hot, archive });
        }
    };
    write(archive, &name).map_err(unusable(archive))?;
    write(hot, &name).map_err(unusable(hot))
}

/// The name of the pair that a folder is one of, which the other folder has, too; `None` for a folder that is alone.
///
/// Nothing is locked or changed, so it may be asked beside a server. **Boundaries**: a first opening that was cut short has not made a pair
/// yet, and nothing was archived by it. **Errors**: the operating system's; a folder that is not there is alone.
pub fn pair_of(folder: &Path) -> io::Result<Option<String>> {
    let name = read(folder)?;
    Ok(name.filter(|it| !it.starts_with(BEGUN)))
}

fn open(mut options: std::fs::OpenOptions, file: &Path) -> io::Result<File> {
    options.create(true).truncate(false).write(true).open(file)
}

fn read(folder: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file(folder)) {
        Ok(name) => Ok(Some(name.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// On the disk when it returns.
fn write(folder: &Path, name: &str) -> io::Result<()> {
    let staged = file(folder).with_extension("new");
    let mut new = File::create(&staged)?;
    writeln!(new, "{name}")?;
    new.sync_all()?;
    fs::rename(&staged, file(folder))?;
    sync_dir(folder)
}

fn file(folder: &Path) -> PathBuf {
    folder.join("pair")
}

/// Before a name that perhaps only the hot folder has yet.
const BEGUN: &str = "begun ";

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> [tempfile::TempDir; 3] {
        [(); 3].map(|()| tempfile::tempdir().unwrap())
    }

    #[test]
    fn two_folders_stay_a_pair_and_a_third_is_a_stranger_to_both() {
        let [hot, archive, other] = folders();
        let joins = |one: &Path, other: &Path| join(one, other);
        joins(hot.path(), archive.path()).unwrap();
        joins(hot.path(), archive.path()).unwrap();
        for (hot, archive) in [(&hot, &other), (&other, &archive), (&archive, &hot)] {
            let joined = joins(hot.path(), archive.path());
            let both = hot.path() != other.path() && archive.path() != other.path();
            assert_eq!(joined.is_ok(), both, "{joined:?}");
            if let Err(error) = joined {
                assert!(matches!(error, OpenError::Stranger { .. }), "{error}");
            }
        }
        assert_eq!(read(other.path()).unwrap(), None);
    }

    #[test]
    fn a_first_opening_that_was_cut_short_is_finished() {
        for archive_has_it in [false, true] {
            let [hot, archive, other] = folders();
            write(hot.path(), "begun 1").unwrap();
            assert_eq!(pair_of(hot.path()).unwrap(), None, "nothing is archived");
            if archive_has_it {
                write(archive.path(), "1").unwrap();
            }
            write(other.path(), "2").unwrap();
            join(hot.path(), other.path()).unwrap_err();
            join(hot.path(), archive.path()).unwrap();
            for folder in [&hot, &archive] {
                assert_eq!(pair_of(folder.path()).unwrap().as_deref(), Some("1"));
            }
        }
    }
}
