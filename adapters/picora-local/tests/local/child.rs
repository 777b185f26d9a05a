//! Running one test of this binary as a process of its own, which may be killed or run out of disk.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Names the folder to a child; without it, a test that is meant for a child does nothing.
const FOLDER: &str = "PICORA_LOCAL_TEST_FOLDER";

/// The folder of a child, when this process is one.
pub(crate) fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// This binary, running only the test of that name.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this binary has a path"));
    command.args(arguments(test)).env(FOLDER, folder);
    command
}

/// The same after a piece of shell, which finds the folder in `$0` and hands over by `exec "$@"`.
pub(crate) fn command_after(shell: &[&str], test: &str, folder: &Path) -> Command {
    let exe = env::current_exe().expect("this binary has a path");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(folder).arg(exe);
    command.args(arguments(test)).env(FOLDER, folder);
    command
}

/// Fails with what the child said, unless it ended well and did run its test.
pub(crate) fn check(output: &Output) {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let ran = output.status.success() && stdout.contains("1 passed");
    assert!(
        ran,
        "the child failed: {}\n{stdout}\n{stderr}",
        output.status
    );
}

/// Says what this machine does not let a test try, past the test harness, which would keep it to itself. Where the whole test command
/// runs (`PICORA_REAL_SERVERS`), nothing may go unproved.
pub(crate) fn not_proved(reason: &str) {
    assert!(
        env::var_os("PICORA_REAL_SERVERS").is_none(),
        "cannot be proved here: {reason}"
    );
    let line = format!("NOT PROVED HERE: {reason}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error is open");
}

fn arguments(test: &str) -> [&str; 4] {
    ["--exact", test, "--nocapture", "--test-threads=1"]
}
