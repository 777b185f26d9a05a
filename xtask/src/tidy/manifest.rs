//! What every package says of itself.

use crate::tidy::{Finding, Layer, Package, SourceFile};

/// Every package has a description and a licence: whoever embeds one reads them first.
#[must_use]
pub fn is_described(package: &Package) -> Vec<Finding> {
    let fields = [
        ("description", &package.description),
        ("license", &package.license),
    ];
    let missing = fields
        .iter()
        .filter(|(_, value)| value.as_ref().is_none_or(|it| it.trim().is_empty()));
    missing
        .map(|(field, _)| Finding::new(&package.name, format!("has no `{field}`")))
        .collect()
}

/// Every package takes the workspace's lints.
#[must_use]
pub fn takes_the_lints(package: &Package) -> Vec<Finding> {
    let mut lines = package.manifest.lines().map(str::trim);
    let section = lines.by_ref().find(|line| *line == "[lints]");
    if section.is_some() && lines.next() == Some("workspace = true") {
        return Vec::new();
    }
    vec![Finding::new(
        &package.name,
        "lacks `[lints]` with `workspace = true`",
    )]
}

const CLOCKS: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::thread::sleep",
];

/// Core and domains forbid themselves clocks and waiting, in a `.clippy.toml` of their own.
#[must_use]
pub fn forbids_clocks(package: &Package, files: &[SourceFile]) -> Vec<Finding> {
    if !matches!(package.layer(), Some(Layer::Core | Layer::Domain)) {
        return Vec::new();
    }
    let path = format!("{}/.clippy.toml", package.folder);
    let Some(file) = files.iter().find(|it| it.path == path) else {
        return vec![Finding::new(
            path,
            "missing; core and domains disallow the clock there",
        )];
    };
    let missing = CLOCKS
        .iter()
        .filter(|it| !file.text.contains(&format!("\"{it}\"")));
    missing
        .map(|it| Finding::new(&path, format!("does not disallow `{it}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_described() {
        let mut package = Package {
            description: Some("What it is".into()),
            ..Package::default()
        };
        assert_eq!(is_described(&package).len(), 1);
        package.license = Some("MIT OR Apache-2.0".into());
        assert_eq!(is_described(&package), []);
        package.description = Some(" ".into());
        assert_eq!(is_described(&package).len(), 1);
    }

    #[test]
    fn lints_are_the_workspaces() {
        let with = |manifest: &str| {
            takes_the_lints(&Package {
                manifest: manifest.into(),
                ..Package::default()
            })
        };
        assert_eq!(with("[package]\n\n[lints]\nworkspace = true\n"), []);
        assert_eq!(with("[package]\nworkspace = true\n").len(), 1);
        assert_eq!(with("[lints.rust]\nunsafe_code = \"allow\"\n").len(), 1);
    }

    #[test]
    fn core_and_domains_forbid_clocks() {
        let package = |folder: &str| Package {
            folder: folder.into(),
            ..Package::default()
        };
        let file = |text: &str| {
            [SourceFile {
                path: "picora-quota/.clippy.toml".into(),
                text: text.into(),
            }]
        };
        let all = r#""std::time::SystemTime::now" "std::time::Instant::now" "std::thread::sleep""#;
        assert_eq!(forbids_clocks(&package("picora-quota"), &file(all)), []);
        assert_eq!(forbids_clocks(&package("picora-quota"), &file("")).len(), 3);
        assert_eq!(forbids_clocks(&package("picora-quota"), &[]).len(), 1);
        assert_eq!(forbids_clocks(&package("adapters/picora-sql"), &[]), []);
    }
}
