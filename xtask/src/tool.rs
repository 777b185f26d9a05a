//! Programs of cargo that checks need, installed under `target/tools` so that nobody's own ones are touched.

use crate::shell::{self, Outcome};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One such program, in one version: a check must not change its mind because a tool was released.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The package, which is also the program's name.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// `dev` compiles several times faster; `release` is for what computes for long itself.
    pub profile: &'static str,
}

/// Licences, bans, sources, advisories. As `dev`, for it runs within the budget of `cargo xtask test`: compiling takes under a minute
/// on two cores where `release` takes several, and the checks of this graph end in seconds either way.
pub const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    profile: "dev",
};
/// Checks combinations of features.
pub const HACK: Tool = Tool {
    name: "cargo-hack",
    version: "0.6.46",
    profile: "dev",
};
/// Finds breaking changes of public APIs.
pub const SEMVER: Tool = Tool {
    name: "cargo-semver-checks",
    version: "0.51.0",
    profile: "release",
};
/// Changes the code and asks whether a test notices.
pub const MUTANTS: Tool = Tool {
    name: "cargo-mutants",
    version: "27.1.0",
    profile: "dev",
};

impl Tool {
    /// Installs the program unless this very version is there.
    pub fn install(self, root: &Path) -> Outcome {
        if self.folder(root).join("bin").join(self.name).exists() {
            return Ok(());
        }
        shell::run_quietly(&mut self.install_command(root))
    }

    /// `cargo <arguments>`, which finds this program first.
    #[must_use]
    pub fn command(self, root: &Path, arguments: &[&str]) -> Command {
        let mut command = shell::cargo(root, arguments);
        let own = self.folder(root).join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(own).chain(std::env::split_paths(&path));
        command.env(
            "PATH",
            std::env::join_paths(all).expect("no colon in the target folder"),
        );
        command
    }

    fn install_command(self, root: &Path) -> Command {
        let mut command = shell::cargo(root, &["install", "--quiet", "--locked", self.name]);
        command
            .args(["--version", self.version, "--profile", self.profile])
            .arg("--root")
            .arg(self.folder(root))
            .env("CARGO_TARGET_DIR", shell::target(root).join("tools/build"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        command
    }

    fn folder(self, root: &Path) -> PathBuf {
        let folder = format!("tools/{}-{}", self.name, self.version);
        shell::target(root).join(folder)
    }
}
