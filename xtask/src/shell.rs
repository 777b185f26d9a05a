//! One command, shown and run.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a step did not succeed, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a step answers.
pub type Outcome = Result<(), Failure>;

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("xtask lies in the workspace's folder")
        .to_owned()
}

/// The folder for what is built and installed: `CARGO_TARGET_DIR`, or `target` of the workspace.
#[must_use]
pub fn target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(named) => root.join(named),
        None => root.join("target"),
    }
}

/// A cargo command in the workspace, free of what `cargo run` told xtask about itself.
///
/// `cargo run` exports the name, version and folder of the package that it runs. Some build scripts watch those
/// variables, and would run again each time that xtask and a plain cargo command take turns.
#[must_use]
pub fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_package) {
            command.env_remove(name);
        }
    }
    command
}

fn describes_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// Shows the command and runs it, its output left to the terminal.
pub fn run(command: &mut Command) -> Outcome {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|e| cannot_start(command, &e))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure(format!("`{}`: {status}", shown(command))))
}

/// As [`run`], and hands every line of standard output on after printing it.
pub fn run_reading(command: &mut Command, mut line_read: impl FnMut(&str)) -> Outcome {
    println!("$ {}", shown(command));
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| cannot_start(command, &e))?;
    let output = child.stdout.take().expect("stdout is piped");
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        line_read(&line);
    }
    let status = child.wait().map_err(|e| cannot_start(command, &e))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure(format!("`{}`: {status}", shown(command))))
}

/// Runs the command silently, for steps beside others; its output is told only in the failure.
pub fn run_quietly(command: &mut Command) -> Outcome {
    let output = command.output().map_err(|e| cannot_start(command, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(Failure(format!(
        "`{}`: {}\n{}",
        shown(command),
        output.status,
        said.trim_end()
    )))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure(format!("`{}`: {error}", shown(command)))
}

/// The command as one would type it, with the variables that it sets.
#[must_use]
pub fn shown(command: &Command) -> String {
    let set = command
        .get_envs()
        .filter(|(name, _)| *name != "PATH")
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), value?.display())));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    set.chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.contains(' ') {
        format!("'{word}'")
    } else {
        word.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("cargo");
        command
            .args(["doc", "a b"])
            .env("RUSTDOCFLAGS", "-Dwarnings");
        assert_eq!(shown(&command), "RUSTDOCFLAGS=-Dwarnings cargo doc 'a b'");
    }

    #[test]
    fn a_failing_command_is_a_failure_with_its_words() {
        let failed = run_quietly(Command::new("sh").args(["-c", "echo no; exit 3"]));
        let Failure(text) = failed.unwrap_err();
        assert!(
            text.contains("exit status: 3") && text.ends_with("no"),
            "{text}"
        );
        assert!(run_quietly(&mut Command::new("no-such-program")).is_err());
    }

    #[test]
    fn lines_are_handed_on() {
        let mut read = Vec::new();
        let mut command = Command::new("printf");
        command.arg("one\\ntwo");
        run_reading(&mut command, |line| read.push(line.to_owned())).unwrap();
        assert_eq!(read, ["one", "two"]);
    }
}
