//! What the tests need of Debian: declared here, in one place.

use crate::shell::{self, Failure, Outcome};
use std::process::Command;

/// The Debian packages whose programs tests start. Whoever writes the first test for a server adds its package.
///
/// A cluster that the PostgreSQL package creates for the machine, or a service that the Redis package starts where there is an init, is not
/// ours: tests start their own on free ports and never touch it.
pub const PACKAGES: &[&str] = &["chromium", "postgresql", "python3-venv", "redis-server"];

/// Fails at once where [`install`] would have to ask for root.
pub fn expect_installable(packages: &[&str]) -> Outcome {
    match missing(packages).as_slice() {
        [] => Ok(()),
        _ if is_root() => Ok(()),
        missing => Err(ask_root(missing)),
    }
}

/// Installs what is missing. As another user than root it only tells the command, and fails.
pub fn install(packages: &[&str]) -> Outcome {
    expect_installable(packages)?;
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    shell::run_quietly(apt_get().arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    shell::run_quietly(apt_get().args(install).args(&missing))
}

fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let all = packages.iter().copied();
    all.filter(|package| !is_installed(package)).collect()
}

fn ask_root(missing: &[&str]) -> Failure {
    let names = missing.join(" ");
    Failure(format!(
        "tests need Debian packages that are missing, and only root may install them; run once:\n  \
         sudo sh -c 'apt-get update && apt-get install --yes --no-install-recommends {names}'"
    ))
}

fn is_installed(package: &str) -> bool {
    let asked = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output();
    asked.is_ok_and(|answer| answer.stdout == b"installed")
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("--user").output();
    asked.is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_package_is_missing_and_the_command_names_it() {
        assert!(!is_installed("picora-no-such-package"));
        let Failure(text) = ask_root(&["postgresql", "redis-server"]);
        assert!(
            text.ends_with("recommends postgresql redis-server'"),
            "{text}"
        );
    }
}
