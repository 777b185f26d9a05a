//! How many crates somebody compiles who takes Picora's rate limits.

use crate::shell::{self, Failure, Outcome};
use std::collections::BTreeSet;
use std::path::Path;

/// What he takes: the limits, Redis, and the layer for his HTTP service.
const TAKEN: &[&str] = &["picora-ratelimit", "picora-redis", "picora-http"];

/// More would need a reason, and this number changed beside it.
const MOST: usize = 120;

/// Prints the number; fails above the ceiling.
pub fn check(root: &Path) -> Outcome {
    let mut tree = shell::cargo(root, &["tree", "--locked", "--edges", "normal,build"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    for package in TAKEN {
        tree.args(["--package", package]);
    }
    let output = tree.output().map_err(|error| Failure(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure(said));
    }
    let count = crates(&String::from_utf8_lossy(&output.stdout));
    println!("{} need {count} crates; at most {MOST}", TAKEN.join(", "));
    if count <= MOST {
        return Ok(());
    }
    Err(Failure(format!("{count} crates are more than {MOST}")))
}

/// Each crate and version once; `cargo tree` repeats them with a remark.
fn crates(tree: &str) -> usize {
    let names = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next().filter(|it| !it.is_empty())?, words.next()?))
    });
    names.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_counts_once_for_each_version() {
        let tree = "a v1.0.0 (/work)\nb v2.0.0\n\nb v2.0.0 (*)\nb v3.0.0 (proc-macro)\n";
        assert_eq!(crates(tree), 3);
    }
}
