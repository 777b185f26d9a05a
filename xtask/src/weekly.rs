//! `cargo xtask weekly`: checks that are too slow, or too fickle, for every change.

use crate::phases::Phases;
use crate::shell::{self, Failure, Outcome};
use crate::tool::{self, Tool};
use std::path::Path;
use std::process::Command;

/// Runs all checks, each with its program installed on demand, and prints seconds per check.
pub fn run(root: &Path) -> Outcome {
    let mut phases = Phases::start();
    phases.run("feature powerset", || with(tool::HACK, root, POWERSET));
    phases.run("api changes", || api_changes(root));
    phases.run("mutants", || mutants(root));
    // The advisory database is a git repository that changes daily: not a reason for a change to fail.
    phases.run("advisories", || {
        with(tool::DENY, root, &["deny", "check", "advisories"])
    });
    phases.run("clippy benches", || {
        shell::run(&mut shell::cargo(root, BENCHES))
    });
    phases.finish()
}

/// Pairs of features find what no feature alone shows; larger sets repeat them.
const POWERSET: &[&str] = &[
    "hack",
    "check",
    "--workspace",
    "--feature-powerset",
    "--depth",
    "2",
    "--keep-going",
];
const BENCHES: &[&str] = &[
    "clippy",
    "--manifest-path",
    "benches/Cargo.toml",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];
/// Rules live here, and their tests take seconds: what mutation testing is for.
const MUTATED: &[&str] = &[
    "picora-core",
    "picora-quota",
    "picora-ratelimit",
    "picora-bandwidth",
    "picora-tiering",
    "picora-billing",
    "picora-storage",
];

fn with(tool: Tool, root: &Path, arguments: &[&str]) -> Outcome {
    println!("{} {}, compiled on first use", tool.name, tool.version);
    tool.install(root)?;
    shell::run(&mut tool.command(root, arguments))
}

/// Compares the libraries with the latest release; before the first there is nothing to break.
fn api_changes(root: &Path) -> Outcome {
    let Some(tag) = latest_release(root)? else {
        println!("no tag `v*` yet: nothing is released that could be broken");
        return Ok(());
    };
    let libraries = packages_matching(root, |name| name.starts_with("picora-"));
    let mut arguments = vec!["semver-checks", "--baseline-rev", &tag];
    arguments.extend(libraries.iter().flat_map(|name| ["--package", name]));
    with(tool::SEMVER, root, &arguments)
}

fn latest_release(root: &Path) -> Result<Option<String>, Failure> {
    let asked = Command::new("git")
        .current_dir(root)
        .args(["tag", "--list", "v*", "--sort=-version:refname"])
        .output();
    let answer = asked.map_err(|error| Failure(format!("git tag: {error}")))?;
    let tags = String::from_utf8_lossy(&answer.stdout);
    Ok(tags.lines().next().map(str::to_owned))
}

fn mutants(root: &Path) -> Outcome {
    let output = shell::target(root).join("mutants").display().to_string();
    let packages = packages_matching(root, |name| MUTATED.contains(&name));
    let mut arguments = vec!["mutants", "--all-features", "--output", &output];
    arguments.extend(packages.iter().flat_map(|name| ["--package", name]));
    with(tool::MUTANTS, root, &arguments)
}

fn packages_matching(root: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let members = std::fs::read_dir(root)
        .into_iter()
        .chain(std::fs::read_dir(root.join("adapters")));
    let folders = members
        .flatten()
        .flatten()
        .filter(|it| it.path().join("src/lib.rs").exists());
    let names = folders.map(|it| it.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| wanted(name)).collect();
    names.sort();
    names
}
