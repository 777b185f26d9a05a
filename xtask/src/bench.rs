//! `cargo xtask bench`: starts the `benches` package, which resolves its peers on its own.

use crate::shell::{self, Outcome};
use std::path::Path;

/// Builds and runs the benches; rows and goals are theirs.
pub fn run(root: &Path, suite: Option<&str>, json: bool) -> Outcome {
    let run = [
        "run",
        "--quiet",
        "--release",
        "--manifest-path",
        "benches/Cargo.toml",
        "--",
    ];
    let mut command = shell::cargo(root, &run);
    command.args(suite).args(json.then_some("--json"));
    // Not shown: with --json, standard output is for rows alone.
    let status = command.status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(shell::Failure(format!("benches: {status}"))),
        Err(error) => Err(shell::Failure(format!("benches: {error}"))),
    }
}
