//! Who may know whom.

use crate::tidy::packages::EdgeKind;
use crate::tidy::{Finding, Layer, Package};

/// Adapters that may build on another one, with the reason beside.
const ADAPTERS_ON_ADAPTERS: &[(&str, &str)] = &[
    // Where a secret may travel to, and what of an answer is whole, is the same for all vendors.
    ("adapters/picora-captcha", "adapters/picora-https"),
    ("adapters/picora-kv", "adapters/picora-https"),
    // What is signed is the same for whoever sends it.
    ("adapters/picora-native", "adapters/picora-sign"),
    // A vendor says how it differs from its relatives, and which key signs.
    ("adapters/picora-cos", "adapters/picora-native"),
    ("adapters/picora-cos", "adapters/picora-sign"),
    ("adapters/picora-oss", "adapters/picora-native"),
    ("adapters/picora-oss", "adapters/picora-sign"),
    // Another protocol, but the same addresses, failures, patience and documents.
    ("adapters/picora-r2", "adapters/picora-native"),
    ("adapters/picora-r2", "adapters/picora-sign"),
];

/// Runtimes, servers, clients and databases: what rules must not reach, by package name.
const RUNTIMES: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "hyper",
    "axum",
    "reqwest",
    "sqlx",
    "sqlx-core",
    "redis",
];

/// Nothing points upwards, domains do not know one another, and only examples build on adapters.
///
/// Tests may use anything, but for one thing: a domain's tests must not need another domain either, or the two
/// could not be changed apart.
#[must_use]
pub fn layers_point_down(package: &Package) -> Vec<Finding> {
    let Some(layer) = package.layer() else {
        let says = format!(
            "no layer has the folder `{}`; add it to tidy's table",
            package.folder
        );
        return vec![Finding::new(&package.name, says)];
    };
    let mut findings = Vec::new();
    for edge in &package.members {
        let allowed = Layer::of(&edge.folder).is_none_or(|other| match edge.kind {
            EdgeKind::Shipped => layer.may_depend_on(other),
            EdgeKind::Dev => (layer, other) != (Layer::Domain, Layer::Domain),
        });
        let excepted = ADAPTERS_ON_ADAPTERS
            .iter()
            .any(|(from, to)| *from == package.folder && *to == edge.folder);
        if !allowed && !excepted {
            let says = format!(
                "must not depend on `{}` (dependencies point downwards only)",
                edge.folder
            );
            findings.push(Finding::new(&package.name, says));
        }
    }
    findings
}

/// Core, domains and application reach no runtime, server, client, database or adapter.
#[must_use]
pub fn rules_know_no_runtime(package: &Package) -> Vec<Finding> {
    if !package.layer().is_some_and(Layer::is_rules) {
        return Vec::new();
    }
    let reached = package
        .reaches
        .keys()
        .filter(|it| RUNTIMES.contains(&it.as_str()));
    reached
        .map(|it| {
            Finding::new(
                &package.name,
                format!("reaches `{it}`; rules know no runtime"),
            )
        })
        .collect()
}

/// Only storage, tiering and media reach `object_store`, and without features: its features bring a runtime and clients.
#[must_use]
pub fn object_store_is_bare(package: &Package) -> Vec<Finding> {
    let Some(features) = package.reaches.get("object_store") else {
        return Vec::new();
    };
    if !package.layer().is_some_and(Layer::is_rules) {
        return Vec::new();
    }
    if !["picora-storage", "picora-tiering", "picora-media"].contains(&package.folder.as_str()) {
        return vec![Finding::new(
            &package.name,
            "reaches `object_store`; bytes are picora-storage's",
        )];
    }
    if !features.is_empty() {
        let says = format!("uses `object_store` with `{features}`; rules use it without features");
        return vec![Finding::new(&package.name, says)];
    }
    Vec::new()
}

/// picora-http serves any tower service: its shipped code must not reach axum.
#[must_use]
pub fn http_face_knows_no_framework(package: &Package) -> Vec<Finding> {
    if package.folder != "adapters/picora-http" {
        return Vec::new();
    }
    let reached = package
        .reaches
        .keys()
        .filter(|it| *it == "axum" || *it == "axum-core");
    reached
        .map(|it| {
            Finding::new(
                &package.name,
                format!("reaches `{it}`; any tower service must do"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Edge;

    fn package(folder: &str) -> Package {
        Package {
            name: folder.into(),
            folder: folder.into(),
            ..Package::default()
        }
    }

    fn depending(from: &str, to: &str, kind: EdgeKind) -> usize {
        let members = vec![Edge {
            folder: to.into(),
            kind,
        }];
        layers_point_down(&Package {
            members,
            ..package(from)
        })
        .len()
    }

    fn reaching(folder: &str, reached: &str, features: &str) -> Package {
        let reaches = [(reached.to_owned(), features.to_owned())].into();
        Package {
            reaches,
            ..package(folder)
        }
    }

    #[test]
    fn dependencies_point_downwards() {
        use EdgeKind::{Dev, Shipped};
        assert_eq!(depending("picora-quota", "picora-core", Shipped), 0);
        assert_eq!(depending("picora-quota", "picora-storage", Shipped), 1);
        assert_eq!(depending("picora-quota", "picora-storage", Dev), 1);
        assert_eq!(depending("picora-core", "picora-quota", Shipped), 1);
        assert_eq!(depending("picora-media", "picora-quota", Shipped), 0);
        assert_eq!(depending("picora-media", "adapters/picora-sql", Shipped), 1);
        assert_eq!(depending("picora-media", "adapters/picora-sql", Dev), 0);
        assert_eq!(
            depending("adapters/picora-http", "adapters/picora-sql", Shipped),
            1
        );
        assert_eq!(
            depending("adapters/picora-http", "picora-ratelimit", Shipped),
            0
        );
        assert_eq!(
            depending("examples/server", "adapters/picora-sql", Shipped),
            0
        );
        assert_eq!(
            depending("adapters/picora-sql", "picora-testkit", Shipped),
            1
        );
        assert_eq!(depending("adapters/picora-sql", "picora-testkit", Dev), 0);
    }

    #[test]
    fn an_unknown_folder_is_told() {
        assert_eq!(layers_point_down(&package("picora-surprise")).len(), 1);
    }

    #[test]
    fn rules_reach_no_runtime() {
        assert_eq!(
            rules_know_no_runtime(&reaching("picora-quota", "tokio", "")).len(),
            1
        );
        assert_eq!(
            rules_know_no_runtime(&reaching("picora-media", "sqlx", "")).len(),
            1
        );
        assert_eq!(
            rules_know_no_runtime(&reaching("picora-quota", "futures", "")),
            []
        );
        assert_eq!(
            rules_know_no_runtime(&reaching("adapters/picora-sql", "tokio", "")),
            []
        );
    }

    #[test]
    fn object_store_comes_without_features() {
        let bare = |folder, features| {
            object_store_is_bare(&reaching(folder, "object_store", features)).len()
        };
        assert_eq!(bare("picora-storage", ""), 0);
        assert_eq!(bare("picora-storage", "fs"), 1);
        assert_eq!(bare("picora-quota", ""), 1);
        assert_eq!(bare("adapters/picora-r2", "aws"), 0);
    }

    #[test]
    fn the_http_face_reaches_no_axum() {
        let face = "adapters/picora-http";
        assert_eq!(
            http_face_knows_no_framework(&reaching(face, "axum", "")).len(),
            1
        );
        assert_eq!(
            http_face_knows_no_framework(&reaching(face, "tower", "")),
            []
        );
    }
}
