//! The README's promise: two commands, one to run Picora and one to test it.

use crate::tidy::{Finding, SourceFile};

const OPEN: &str = "<!-- setup -->";
const CLOSE: &str = "<!-- /setup -->";

/// README has exactly two commands between `<!-- setup -->` and `<!-- /setup -->`, and CI runs the second.
#[must_use]
pub fn two_commands(files: &[SourceFile]) -> Vec<Finding> {
    let text_of = |path| {
        files
            .iter()
            .find(|it| it.path == path)
            .map_or("", |it| it.text.as_str())
    };
    let Some(commands) = commands(text_of("README.md")) else {
        return vec![Finding::new(
            "README.md",
            format!("has no block `{OPEN}` … `{CLOSE}`"),
        )];
    };
    let [_, test] = commands.as_slice() else {
        let says = format!(
            "has {} commands in its set-up block, and promises two",
            commands.len()
        );
        return vec![Finding::new("README.md", says)];
    };
    if text_of(".ci/run").lines().any(|line| line == *test) {
        return Vec::new();
    }
    vec![Finding::new(
        ".ci/run",
        format!("does not run README's `{test}`"),
    )]
}

/// The lines of code between the marks; comments after `#` do not count.
fn commands(readme: &str) -> Option<Vec<&str>> {
    let (_, rest) = readme.split_once(OPEN)?;
    let (block, _) = rest.split_once(CLOSE)?;
    let lines = block
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim());
    Some(
        lines
            .filter(|it| !it.is_empty() && !it.starts_with("```") && !it.starts_with('#'))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(readme: &str, ci: &str) -> usize {
        let file = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        two_commands(&[file("README.md", readme), file(".ci/run", ci)]).len()
    }

    #[test]
    fn two_commands_and_ci_runs_the_second() {
        let block = |lines: &str| format!("# P\n{OPEN}\n```sh\n{lines}\n```\n{CLOSE}\n");
        let two = block("cargo run  # starts it\ncargo xtask test");
        assert_eq!(findings(&two, "set -e\ncargo xtask test\n"), 0);
        assert_eq!(findings(&two, "cargo test\n"), 1);
        assert_eq!(findings(&block("cargo run"), "cargo xtask test\n"), 1);
        assert_eq!(findings(&block("a\nb\nc"), "b\n"), 1);
        assert_eq!(findings("no block", "cargo xtask test\n"), 1);
    }
}
