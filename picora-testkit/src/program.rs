//! Where a server's program lies.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program in the first of the folders that has it.
///
/// **Panics** when none has it, for a test that cannot run has failed.
#[must_use]
pub fn find(name: &str, folders: &[PathBuf]) -> PathBuf {
    let candidates = folders.iter().map(|folder| folder.join(name));
    let found = candidates.into_iter().find(|it| it.is_file());
    found.unwrap_or_else(|| {
        panic!("`{name}` is not installed; `cargo xtask test` installs what the tests need")
    })
}

/// The Python of an environment that `cargo xtask test` has put beside what is compiled: a test binary lies two folders below the target
/// folder's profile.
///
/// **Panics** when there is none.
#[must_use]
pub fn python(environment: &str) -> PathBuf {
    let binary = std::env::current_exe().expect("a process has a program");
    let folders: Vec<_> = binary
        .ancestors()
        .map(|it| it.join("tools").join(environment).join("bin"))
        .collect();
    find("python", &folders)
}

/// A script for Node.js, which finds the packages of npm that `cargo xtask test` has installed by `require`.
///
/// **Panics** when Node.js or a package is not there.
#[must_use]
pub fn node(script: &Path) -> Command {
    let (program, modules) = from_npm("bin/node");
    let mut node = Command::new(program);
    node.env("NODE_PATH", modules).arg(script);
    node
}

/// A file of what comes from npm, beside what is compiled, and the folder `node_modules`.
pub(crate) fn from_npm(file: &str) -> (PathBuf, PathBuf) {
    let binary = std::env::current_exe().expect("a process has a program");
    let folders: Vec<_> = binary.ancestors().map(|it| it.join("tools/npm")).collect();
    let found = find(file, &folders);
    let above = found.ancestors().find(|it| it.ends_with("tools/npm"));
    let modules = above.expect("it was found there").join("node_modules");
    (found, modules)
}

/// The folders `parent/<number>/rest`, the greatest number first: how Debian keeps several versions beside each other.
#[must_use]
pub fn versions(parent: &Path, rest: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|it| Some((it.file_name().to_str()?.parse().ok()?, it.path().join(rest))))
        .collect();
    numbered.sort();
    numbered.into_iter().rev().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_wins_and_nine_is_older_than_fifteen() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["9", "15", "common"] {
            std::fs::create_dir_all(parent.path().join(name).join("bin")).unwrap();
        }
        std::fs::write(parent.path().join("9/bin/postgres"), "").unwrap();
        let folders = versions(parent.path(), "bin");
        assert_eq!(
            folders,
            [parent.path().join("15/bin"), parent.path().join("9/bin")]
        );
        assert_eq!(
            find("postgres", &folders),
            parent.path().join("9/bin/postgres")
        );
    }

    #[test]
    #[should_panic(expected = "`no-such-server` is not installed; `cargo xtask test` installs")]
    fn a_missing_program_is_told_in_one_sentence() {
        let _ = find("no-such-server", &["/usr/bin".into()]);
    }
}
