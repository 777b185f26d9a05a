//! The workspace's packages, as cargo sees them.

use crate::shell::{self, Failure};
use crate::tidy::Layer;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::BTreeMap;
use std::path::Path;

/// What the rules ask of a package.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the workspace.
    pub folder: String,
    /// The text of its `Cargo.toml`.
    pub manifest: String,
    /// `description`, if any.
    pub description: Option<String>,
    /// `license`, if any.
    pub license: Option<String>,
    /// Declared dependencies on other members.
    pub members: Vec<Edge>,
    /// Everything that its shipped code reaches with all features, on this platform: package to enabled features. Read
    /// for rule layers and adapters only.
    pub reaches: BTreeMap<String, String>,
}

/// A dependency on another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The member's folder.
    pub folder: String,
    /// In which section it is declared.
    pub kind: EdgeKind,
}

/// Sections of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// `[dependencies]` or `[build-dependencies]`: shipped.
    Shipped,
    /// `[dev-dependencies]`.
    Dev,
}

impl Package {
    /// Where the package stands.
    #[must_use]
    pub fn layer(&self) -> Option<Layer> {
        Layer::of(&self.folder)
    }
}

/// Reads all members of the workspace.
pub fn read(root: &Path) -> Result<Vec<Package>, Failure> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .map_err(|error| Failure(format!("cargo metadata: {error}")))?;
    let packages = metadata.packages.iter();
    packages.map(|it| read_one(root, &metadata, it)).collect()
}

fn read_one(
    root: &Path,
    metadata: &Metadata,
    package: &cargo_metadata::Package,
) -> Result<Package, Failure> {
    let manifest = std::fs::read_to_string(&package.manifest_path);
    let manifest = manifest.map_err(|e| Failure(format!("{}: {e}", package.manifest_path)))?;
    let mut read = Package {
        name: package.name.to_string(),
        folder: folder_of(metadata, package),
        manifest,
        description: package.description.clone(),
        license: package.license.clone(),
        members: edges(metadata, package),
        reaches: BTreeMap::new(),
    };
    if read
        .layer()
        .is_some_and(|it| it.is_rules() || it == Layer::Adapter)
    {
        read.reaches = reached(root, &read.name)?;
    }
    Ok(read)
}

fn folder_of(metadata: &Metadata, package: &cargo_metadata::Package) -> String {
    let folder = package.manifest_path.parent();
    let folder = folder.and_then(|it| it.strip_prefix(&metadata.workspace_root).ok());
    folder.map(ToString::to_string).unwrap_or_default()
}

fn edges(metadata: &Metadata, package: &cargo_metadata::Package) -> Vec<Edge> {
    let mut edges = Vec::new();
    for dependency in &package.dependencies {
        let member = metadata
            .packages
            .iter()
            .find(|it| *it.name == dependency.name);
        // A package may test itself with its own features on.
        let Some(member) = member.filter(|it| it.name != package.name) else {
            continue;
        };
        let kind = match dependency.kind {
            DependencyKind::Development => EdgeKind::Dev,
            _ => EdgeKind::Shipped,
        };
        edges.push(Edge {
            folder: folder_of(metadata, member),
            kind,
        });
    }
    edges
}

/// Asks `cargo tree` and not the resolve of `cargo metadata`: that one unites the features that *all* members ask for, so that one
/// adapter's use of a dependency would be held against every crate.
fn reached(root: &Path, package: &str) -> Result<BTreeMap<String, String>, Failure> {
    let arguments = [
        "tree",
        "--locked",
        "--all-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}\t{f}",
        "--package",
        package,
    ];
    let answer = shell::cargo(root, &arguments).output();
    let answer = answer.map_err(|error| Failure(format!("cargo tree: {error}")))?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        return Err(Failure(format!("cargo tree --package {package}: {said}")));
    }
    Ok(parse_tree(&String::from_utf8_lossy(&answer.stdout)))
}

fn parse_tree(tree: &str) -> BTreeMap<String, String> {
    let lines = tree.lines().skip(1); // the first is the package itself
    let parsed = lines.filter_map(|line| {
        let (package, features) = line.split_once('\t')?;
        let features = features.trim_end_matches("(*)").trim();
        Some((package.split(' ').next()?.to_owned(), features.to_owned()))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read() {
        let tree =
            "picora-x v0.1.0 (/x)\tconformance\nbytes v1.0.0\tdefault,std\nurl v2.0.0\t (*)\n";
        let read = parse_tree(tree);
        let expected = [("bytes", "default,std"), ("url", "")];
        assert_eq!(
            read,
            expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
        );
    }
}
