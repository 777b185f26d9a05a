//! Which two folders belong together.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::OpenError;
use crate::dirs::sync_dir;

/// Makes two folders a pair, or finds that they are one, with these roles.
///
/// A disk that is not mounted leaves an empty folder, which would be taken for one whose objects have all gone. So both folders keep the
/// same name of the pair, which only the first opening gives, and their role beside it: no folder has both roles, so none is a pair with
/// itself under a second path, and folders that change places, whose shadows would be objects, are no pair. **Errors**:
/// [`OpenError::Stranger`] when one has no such file, another pair's or the other role, [`OpenError::Overlap`] when both are one.
/// **State**: a first opening that is cut short is finished by the next one.
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
    let first = first
        .as_deref()
        .map(|it| it.split_once(' ').unwrap_or_default());
    let name = match (first, &second) {
        (Some((HOT, name)), Some(second)) if *second == says(ARCHIVE, name) => return Ok(()),
        (None, None) => format!("{:016x}", crate::examine::unheard_of()),
        (Some((BEGUN, name)), None) => name.to_owned(),
        (Some((BEGUN, name)), Some(second))
            if [BEGUN, ARCHIVE]
                .map(|role| says(role, name))
                .contains(second) =>
        {
            name.to_owned()
        }
        _ => {
            let (hot, archive) = (hot.to_path_buf(), archive.to_path_buf());
            return Err(OpenError::Stranger { hot, archive });
        }
    };
    let begun = says(BEGUN, &name);
    write(hot, &begun).map_err(unusable(hot))?;
    // Some file systems number their files anew at each place where they are mounted; but what is written here is read there.
    if read(archive).map_err(unusable(archive))?.as_ref() == Some(&begun) {
        fs::remove_file(file(hot)).map_err(unusable(hot))?;
        let (hot, archive) = (hot.to_path_buf(), archive.to_path_buf());
        return Err(OpenError::Overlap { hot, archive });
    }
    write(archive, &says(ARCHIVE, &name)).map_err(unusable(archive))?;
    write(hot, &says(HOT, &name)).map_err(unusable(hot))
}

fn says(role: &str, name: &str) -> String {
    format!("{role} {name}")
}

/// The name of the pair that a folder is one of, which the other folder has, too; `None` for a folder that is alone.
///
/// Nothing is locked or changed, so it may be asked beside a server. **Boundaries**: a first opening that was cut short has not made a pair
/// yet, and nothing was archived by it. **Errors**: the operating system's; a folder that is not there is alone.
pub fn pair_of(folder: &Path) -> io::Result<Option<String>> {
    let said = read(folder)?;
    let said = said.as_deref().and_then(|it| it.split_once(' '));
    Ok(said
        .filter(|(role, _)| *role != BEGUN)
        .map(|(_, name)| name.to_owned()))
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

const HOT: &str = "hot";
const ARCHIVE: &str = "archive";
/// What the hot folder says while the archive perhaps has no name yet.
const BEGUN: &str = "begun";

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
        for (hot, archive) in [
            (&hot, &other),
            (&other, &archive),
            (&archive, &hot),
            (&hot, &hot),
        ] {
            let error = joins(hot.path(), archive.path()).unwrap_err();
            assert!(matches!(error, OpenError::Stranger { .. }), "{error}");
        }
        assert_eq!(read(other.path()).unwrap(), None);
        joins(hot.path(), archive.path()).unwrap();
    }

    /// Both paths lead to it, and nothing but what is in it tells.
    #[test]
    fn one_folder_is_no_pair_and_may_become_half_of_one() {
        let [folder, archive, _] = folders();
        for _ in 0..2 {
            let error = join(folder.path(), folder.path()).unwrap_err();
            assert!(matches!(error, OpenError::Overlap { .. }), "{error}");
        }
        write(folder.path(), "begun 1").unwrap(); // cut short
        let error = join(folder.path(), folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Overlap { .. }), "{error}");
        join(folder.path(), archive.path()).unwrap();
    }

    #[test]
    fn a_first_opening_that_was_cut_short_is_finished() {
        for archive_has_it in [false, true] {
            let [hot, archive, other] = folders();
            write(hot.path(), "begun 1").unwrap();
            assert_eq!(pair_of(hot.path()).unwrap(), None, "nothing is archived");
            if archive_has_it {
                write(archive.path(), "archive 1").unwrap();
            }
            write(other.path(), "archive 2").unwrap();
            join(hot.path(), other.path()).unwrap_err();
            join(hot.path(), archive.path()).unwrap();
            let said = [&hot, &archive].map(|folder| read(folder.path()).unwrap().unwrap());
            assert_eq!(said, ["hot 1", "archive 1"]);
            for folder in [&hot, &archive] {
                assert_eq!(pair_of(folder.path()).unwrap().as_deref(), Some("1"));
            }
        }
    }
}
