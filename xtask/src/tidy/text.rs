//! What no file may say.

use crate::tidy::{Finding, SourceFile};

const LONGEST: usize = 600;

/// A Rust file is one noun: at most 600 lines besides its tests.
#[must_use]
pub fn is_short(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let lines: Vec<_> = file.text.lines().collect();
    let code = lines
        .windows(2)
        .position(|two| two[0] == "#[cfg(test)]" && two[1].starts_with("mod tests {"));
    let code = code.unwrap_or(lines.len());
    if code <= LONGEST {
        return Vec::new();
    }
    vec![Finding::new(
        &file.path,
        format!("{code} lines; above {LONGEST} two nouns live there"),
    )]
}

const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "dbg!(", "#[ignore"];

/// Nothing unfinished, and no test that does not run.
#[must_use]
pub fn is_finished(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() || is_this_rule(file) {
        return Vec::new();
    }
    lines_with(file, |line| {
        let word = UNFINISHED.iter().find(|word| line.contains(**word))?;
        Some(format!("`{word}` is not for the main branch"))
    })
}

/// Public names start with the noun: `limit()`, not `get_limit()`.
#[must_use]
pub fn names_have_no_get(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() || is_this_rule(file) {
        return Vec::new();
    }
    lines_with(file, |line| {
        let line = line.trim_start();
        let (before, name) = line.split_once("fn get_")?;
        let public = before.starts_with("pub ");
        public.then(|| {
            format!(
                "`get_{}`: say the noun alone",
                name.split('(').next().unwrap_or_default()
            )
        })
    })
}

/// Absolute folders of one machine. `/root/` is the home of whoever built as root.
const MACHINE: &[&str] = &["/work/", "/root/", "/tmp/target"];

/// No path of anybody's machine.
#[must_use]
pub fn names_no_machine(file: &SourceFile) -> Vec<Finding> {
    if is_this_rule(file) {
        return Vec::new();
    }
    lines_with(file, |line| {
        let path = MACHINE.iter().find(|path| has_absolute(line, path))?;
        Some(format!("`{path}…` exists on one machine only"))
    })
}

/// Whether `path` stands in the line as the start of a path, not in the middle of one.
fn has_absolute(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|it| it.is_alphanumeric() || "_-.~}".contains(it))
    })
}

/// The one source that cargo itself writes into every lock file.
const LOCKED: &str = "registry+https://github.com/rust-lang/crates.io-index";
const HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "crates.io-index",
    "registry.npmjs.org",
    "pypi.org/simple",
    "files.pythonhosted.org",
    "deb.debian.org",
    "--index-url",
    "--extra-index-url",
    "\"resolved\":",
];

/// No registry is named: where packages come from is a setting of the machine, and a lock file must work behind any mirror.
#[must_use]
pub fn names_no_registry(file: &SourceFile) -> Vec<Finding> {
    if is_this_rule(file) {
        return Vec::new();
    }
    lines_with(file, |line| {
        if file.path.ends_with("Cargo.lock") {
            let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
            return (source != LOCKED).then(|| format!("`{source}` is not the registry"));
        }
        let host = HOSTS.iter().find(|host| line.contains(**host))?;
        Some(format!("`{host}` names a registry"))
    })
}

/// Rust is indented by spaces; a tab inside a text is written `\t`.
#[must_use]
pub fn has_no_tabs(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    lines_with(file, |line| line.contains('\t').then(|| "has a tab".into()))
}

const MARKERS: &[&str] = &["<<<<<<< ", "||||||| ", ">>>>>>> "];

/// No conflict of a merge is left.
#[must_use]
pub fn is_merged(file: &SourceFile) -> Vec<Finding> {
    lines_with(file, |line| {
        let left = MARKERS.iter().any(|marker| line.starts_with(marker));
        left.then(|| "a merge's conflict is left".into())
    })
}

fn lines_with(file: &SourceFile, says: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let numbered = file.text.lines().enumerate();
    let found = numbered.filter_map(|(i, line)| Some((i + 1, says(line)?)));
    found
        .map(|(line, says)| Finding::new(format!("{}:{line}", file.path), says))
        .collect()
}

/// This file spells what it forbids.
fn is_this_rule(file: &SourceFile) -> bool {
    file.path == "xtask/src/tidy/text.rs"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&SourceFile) -> Vec<Finding>, path: &str, text: &str) -> Vec<String> {
        let file = SourceFile {
            path: path.into(),
            text: text.into(),
        };
        rule(&file).into_iter().map(|it| it.place).collect()
    }

    #[test]
    fn long_files_are_told_without_their_tests() {
        let code = "//\n".repeat(600);
        let tests = format!("{code}#[cfg(test)]\nmod tests {{\n{code}}}\n");
        assert!(found(is_short, "a.rs", &code).is_empty());
        assert!(found(is_short, "a.rs", &tests).is_empty());
        assert_eq!(found(is_short, "a.rs", &format!("{code}//\n")), ["a.rs"]);
        assert!(found(is_short, "a/tests.rs", &format!("{code}//\n")).is_empty());
        assert!(found(is_short, "a.md", &format!("{code}//\n")).is_empty());
    }

    #[test]
    fn unfinished_code_is_told() {
        for text in [
            "todo!()",
            "unimplemented!(\"x\")",
            "dbg!(x)",
            "#[ignore]",
            "#[ignore = \"slow\"]",
        ] {
            assert_eq!(
                found(is_finished, "a.rs", &format!("fn f() {{\n  {text}\n}}")),
                ["a.rs:2"],
                "{text}"
            );
        }
        assert!(found(is_finished, "a.rs", "// to do: nothing").is_empty());
    }

    #[test]
    fn getters_are_nouns() {
        assert_eq!(
            found(
                names_have_no_get,
                "a.rs",
                "    pub async fn get_limit(&self)"
            ),
            ["a.rs:1"]
        );
        assert_eq!(
            found(names_have_no_get, "a.rs", "pub const fn get_limit()"),
            ["a.rs:1"]
        );
        // Other people's traits have such names.
        assert!(found(names_have_no_get, "a.rs", "    async fn get_opts(&self)").is_empty());
        assert!(found(names_have_no_get, "a.rs", "pub fn target_get_(x: u8)").is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_told() {
        assert_eq!(
            found(names_no_machine, "a.md", "see /work/main"),
            ["a.md:1"]
        );
        assert_eq!(
            found(names_no_machine, "a.sh", "x=\"/root/.cargo\""),
            ["a.sh:1"]
        );
        assert!(found(names_no_machine, "a.md", "src/work/a.rs and ~/work/b").is_empty());
    }

    #[test]
    fn registries_are_told() {
        let lock = |source: &str| {
            found(
                names_no_registry,
                "Cargo.lock",
                &format!("source = \"{source}\""),
            )
        };
        assert!(lock(LOCKED).is_empty());
        assert_eq!(
            lock("registry+https://mirror.example/index"),
            ["Cargo.lock:1"]
        );
        assert_eq!(lock("git+https://example.org/x"), ["Cargo.lock:1"]);
        let npm = "\n      \"resolved\": \"https://mirror.example/x.tgz\",";
        assert_eq!(
            found(names_no_registry, "a/package-lock.json", npm),
            ["a/package-lock.json:2"]
        );
        assert_eq!(
            found(names_no_registry, "a.txt", "--index-url x"),
            ["a.txt:1"]
        );
    }

    #[test]
    fn tabs_and_markers_are_told() {
        assert_eq!(found(has_no_tabs, "a.rs", "\tx"), ["a.rs:1"]);
        assert!(found(has_no_tabs, "Makefile", "\tx").is_empty());
        assert_eq!(found(is_merged, "a.md", "a\n<<<<<<< ours\n"), ["a.md:2"]);
        assert!(found(is_merged, "a.md", "Title\n=======\n").is_empty());
    }
}
