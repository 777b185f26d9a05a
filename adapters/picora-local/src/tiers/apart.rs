//! Two folders that are two.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::OpenError;
use crate::one_file::same;

/// Refuses two folders of which one is the other, or lies among its objects, by whichever names and links.
///
/// Before they are opened, so that none is made where it must not be, and again afterwards, when nothing is left to be made.
/// **Errors**: [`OpenError::Overlap`]. What cannot be looked at passes: opening says what is wrong.
pub(crate) fn apart(hot: &Path, archive: &Path) -> Result<(), OpenError> {
    let (one, other) = (Place::of(hot), Place::of(archive));
    if one.is(&other) || one.is_among(&other) || other.is_among(&one) {
        let (hot, archive) = (hot.to_path_buf(), archive.to_path_buf());
        return Err(OpenError::Overlap { hot, archive });
    }
    Ok(())
}

/// A folder and where its objects lie, after links: somebody may have put them on another disk by one.
struct Place {
    folder: PathBuf,
    objects: PathBuf,
}

impl Place {
    fn of(folder: &Path) -> Self {
        let folder = resolved(folder);
        let objects = resolved(&folder.join("objects"));
        Self { folder, objects }
    }

    /// One folder also goes by two paths without any link: where it is mounted twice.
    fn is(&self, other: &Self) -> bool {
        let (one, two) = (
            [&self.folder, &self.objects],
            [&other.folder, &other.objects],
        );
        one.iter().any(|one| two.iter().any(|two| is_one(one, two)))
    }

    fn is_among(&self, other: &Self) -> bool {
        self.folder.starts_with(&other.objects) || self.objects.starts_with(&other.objects)
    }
}

/// Absolute and without links, as far as there is something; what is yet to be made follows as it is spelled.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}

fn is_one(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((fs::metadata(one), fs::metadata(other)), (Ok(one), Ok(other)) if same(&one, &other))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refuses(one: &Path, other: &Path) -> bool {
        let both = [apart(one, other), apart(other, one)];
        both.iter()
            .all(|it| matches!(it, Err(OpenError::Overlap { .. })))
    }

    #[test]
    fn no_link_and_no_detour_hides_that_one_lies_in_the_other() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let hot = root.join("hot");
        fs::create_dir_all(hot.join("objects/a")).unwrap();
        symlink(&hot, root.join("link")).unwrap();
        symlink(hot.join("objects"), root.join("inside")).unwrap();
        // The objects of a third folder lie among those of the first.
        fs::create_dir(root.join("third")).unwrap();
        symlink(hot.join("objects/a"), root.join("third/objects")).unwrap();
        for other in [
            "link",
            "inside",
            "inside/archive", // which does not exist, below a link
            "inside/deep/er",
            "link/objects/archive",
            "missing/../hot",
            "third",
            "missing/../link/objects/archive/..",
        ] {
            assert!(refuses(&hot, &root.join(other)), "{other}");
        }
        for other in [
            "archive",
            "hot/archive",
            "link/archive",
            "inside/../../archive",
            "hotter/objects",
        ] {
            apart(&hot, &root.join(other)).unwrap();
            apart(&root.join(other), &hot).unwrap();
        }
    }
}
