//! The rules of the tree that the compiler does not know.
//!
//! Every rule is a pure function from what was read ([`Package`]s, [`SourceFile`]s) to [`Finding`]s, with a test that feeds it a
//! broken example. Reading is apart, in [`packages`] and [`files`].

pub mod files;
pub mod graph;
pub mod layer;
pub mod manifest;
pub mod packages;
pub mod setup;
pub mod text;

pub use files::SourceFile;
pub use layer::Layer;
pub use packages::{Edge, EdgeKind, Package};

use crate::shell::{Failure, Outcome};
use std::fmt;
use std::path::Path;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The package or `file:line`.
    pub place: String,
    /// What is wrong there, and what would be right.
    pub says: String,
}

impl Finding {
    fn new(place: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            says: says.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.says)
    }
}

/// Reads the workspace and applies every rule. Fails only when the tree cannot be read.
pub fn check(root: &Path) -> Result<Vec<Finding>, Failure> {
    let packages = packages::read(root)?;
    let files = files::read(root)?;
    let about_packages = [
        graph::layers_point_down,
        graph::rules_know_no_runtime,
        graph::object_store_is_bare,
        graph::http_face_knows_no_framework,
        manifest::is_described,
        manifest::takes_the_lints,
    ];
    let about_files = [
        text::is_short,
        text::is_finished,
        text::names_have_no_get,
        text::names_no_machine,
        text::names_no_registry,
        text::has_no_tabs,
        text::is_merged,
    ];
    let mut findings: Vec<_> = packages
        .iter()
        .flat_map(|package| about_packages.iter().flat_map(|rule| rule(package)))
        .collect();
    findings.extend(
        packages
            .iter()
            .flat_map(|it| manifest::forbids_clocks(it, &files)),
    );
    findings.extend(
        files
            .iter()
            .flat_map(|it| about_files.iter().flat_map(|rule| rule(it))),
    );
    findings.extend(setup::two_commands(&files));
    Ok(findings)
}

/// `cargo xtask tidy`.
pub fn run(root: &Path) -> Outcome {
    let findings = check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        n => Err(Failure(format!("{n} findings"))),
    }
}
