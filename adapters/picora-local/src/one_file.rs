//! Two paths, one file.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use crate::dirs::sync_dir;

/// Ends the renaming of a file onto another name of the same file, which POSIX does by doing nothing: the old name goes.
///
/// By way of a free name beside the new one, so that what somebody else puts at the old name meanwhile is renamed and not removed.
pub(crate) fn finish_rename(from: &Path, to: &Path, free: &Path) -> io::Result<()> {
    let (Ok(left), Ok(named)) = (fs::symlink_metadata(from), fs::symlink_metadata(to)) else {
        return Ok(()); // the usual case: the old name is gone
    };
    if !same(&left, &named) || leads_to(from, to) {
        return Ok(());
    }
    fs::rename(from, free)?;
    fs::rename(free, to)?;
    match fs::remove_file(free) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for folder in [to.parent(), from.parent()].into_iter().flatten() {
        sync_dir(folder)?;
    }
    Ok(())
}

/// Whether one path leads to the very name that the other is, by links: then there is one name to take away, and no second one.
///
/// Two names of one file are something else, and what a copy or a move that was cut short leaves on one disk: each of them is enough.
pub(crate) fn leads_to(path: &Path, name: &Path) -> bool {
    let (Ok(one), Ok(other)) = (fs::metadata(path), fs::metadata(name)) else {
        return true; // nothing is taken away that cannot be looked at
    };
    let one_path = match (path.canonicalize(), name.canonicalize()) {
        (Ok(path), Ok(name)) => path == name,
        _ => true,
    };
    one_path || (same(&one, &other) && names(&other) < 2)
}

/// Whether both are descriptions of the same file or folder.
#[cfg(unix)]
pub(crate) fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Files have no numbers here, so paths have to do.
#[cfg(not(unix))]
pub(crate) fn same(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn names(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file)
}

#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_second_name_is_told_from_a_name_that_leads_there() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("archive/a")).unwrap();
        fs::write(at("archive/a/key"), "v").unwrap();
        fs::write(at("copy"), "v").unwrap();
        fs::hard_link(at("archive/a/key"), at("name")).unwrap();
        symlink(at("archive/a/key"), at("link")).unwrap();
        symlink(at("archive/a"), at("folder")).unwrap();
        for (hot, leads) in [
            ("copy", false),
            ("name", false),
            ("link", true),
            ("folder/key", true),
        ] {
            assert_eq!(leads_to(&at(hot), &at("archive/a/key")), leads, "{hot}");
        }
    }
}
