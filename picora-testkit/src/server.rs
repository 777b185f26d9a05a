//! The child process that every server is.

use crate::owner::Owner;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server's folder and, while it runs, its process.
///
/// **State**: started by [`run`](Self::run), ended by [`kill`](Self::kill) at once or by dropping in order. The folder lives as long as
/// the value; so what a killed server wrote is what the next run finds.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    owner: Option<Owner>,
    process: Option<Child>,
    keeper: Keeper,
    folder: PathBuf,
}

/// What a server answers when asked whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Tests may connect.
    Yes,
    /// Ask again.
    NotYet,
}

impl Server {
    /// A fresh folder for a server of this name, which is to be stopped by this signal.
    #[must_use]
    pub fn new(name: &'static str, owner: Option<Owner>, stop: Stop) -> Self {
        Self::in_folder(&std::env::temp_dir(), name, owner, stop)
    }

    /// The same with its folder in memory, where the machine has such a place: for a server that flushes every write, and whose tests are
    /// not about that.
    #[must_use]
    pub fn in_memory(name: &'static str, owner: Option<Owner>, stop: Stop) -> Self {
        let memory = Path::new(MEMORY);
        let writable = TempDir::new_in(memory).is_ok();
        let parent = if writable {
            memory
        } else {
            &std::env::temp_dir()
        };
        Self::in_folder(parent, name, owner, stop)
    }

    fn in_folder(parent: &Path, name: &'static str, owner: Option<Owner>, stop: Stop) -> Self {
        let folder = TempDir::with_prefix_in(format!("picora-{name}-"), parent);
        let folder = folder.expect("the temporary folder is writable").keep();
        if let Some(owner) = owner {
            owner.give(&folder);
        }
        let keeper = Keeper::start(&folder, stop);
        Self {
            name,
            owner,
            process: None,
            keeper,
            folder,
        }
    }

    /// The folder for all that the server writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id, while the server runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A command that runs as the server's owner, in its folder.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).stdin(Stdio::null());
        if let Some(owner) = self.owner {
            owner.run(&mut command);
        }
        command
    }

    /// Starts the server and waits until it is ready. False when it ended by itself before.
    ///
    /// The process leads its own group, so that Ctrl-C in a terminal reaches the test alone and the server is stopped in order. What it
    /// prints goes to `log` in its folder.
    ///
    /// **Panics** when it is not ready in 30 seconds, with its log.
    #[must_use]
    pub fn run(&mut self, mut command: Command, mut ready: impl FnMut(&Self) -> Ready) -> bool {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"));
        let log = log.expect("the server's folder is writable");
        let copy = log.try_clone().expect("a file has two handles");
        command.stdout(log).stderr(copy).process_group(0);
        let process = command
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        self.keeper.watch(Some(process.id()));
        self.process = Some(process);

        let deadline = Instant::now() + START;
        while ready(self) == Ready::NotYet {
            if self.has_ended() {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "{} is not ready in {START:?}:\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(POLL);
        }
        true
    }

    /// Kills the server and the processes that it started, as a power cut would, and returns when all have ended.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let leader = pid(process.id());
        // Stopped, it starts no more children while they are counted: orphans have another parent, and some servers put their
        // children in groups of their own.
        let _ = kill_process(leader, Signal::STOP);
        let children = children_of(process.id());
        let _ = kill_process_group(leader, Signal::KILL);
        for child in &children {
            let _ = kill_process(pid(*child), Signal::KILL);
        }
        let _ = process.wait();
        self.keeper.watch(None);
        while children.iter().any(|id| runs(*id)) {
            std::thread::sleep(POLL);
        }
    }

    /// Stops the server's process in place: it keeps its connections and does nothing, until [`resume`](Self::resume). Children that
    /// lead groups of their own go on.
    pub fn pause(&self) {
        self.signal_group(Signal::STOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.signal_group(Signal::CONT);
    }

    fn signal_group(&self, signal: Signal) {
        if let Some(id) = self.id() {
            // An error says that it has ended meanwhile.
            let _ = kill_process_group(pid(id), signal);
        }
    }

    /// What the server printed.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn has_ended(&mut self) -> bool {
        let ended = self
            .process
            .as_mut()
            .is_none_or(|it| !matches!(it.try_wait(), Ok(None)));
        if ended {
            self.process = None;
            self.keeper.watch(None);
        }
        ended
    }
}

impl Drop for Server {
    /// Lets the keeper do what it would do if this process had died.
    fn drop(&mut self) {
        self.keeper.let_go();
        if let Some(process) = &mut self.process {
            let _ = process.wait();
        }
        self.keeper.wait();
    }
}

/// The signal that stops a server at once but in order, as `kill` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// PostgreSQL's immediate shutdown.
    Quit,
    /// What most servers take.
    Term,
}

/// A shell that stops the server and removes the folder as soon as its standard input ends.
///
/// The test holds the other end. A pipe is closed whatever happens to a process: return, panic, abort, SIGKILL. A destructor would
/// not do: Rust never drops statics, which is where shared servers live.
#[derive(Debug)]
struct Keeper {
    shell: Child,
    pipe: Option<ChildStdin>,
}

/// Reads process ids (empty: none) until the pipe ends. Waits 5 seconds for an orderly end before it kills the group. A paused server
/// must go on to see the signal. Signals are named by `-s`: only so does every shell take `--` and a group after them.
const KEEPER: &str = r#"
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -s "$2" -- "$pid"
  kill -s CONT -- "-$pid"
  n=0; while kill -0 "$pid" && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
  kill -s KILL -- "-$pid"
fi 2>/dev/null
rm -rf -- "$1"
"#;

impl Keeper {
    fn start(folder: &Path, stop: Stop) -> Self {
        let signal = match stop {
            Stop::Quit => "QUIT",
            Stop::Term => "TERM",
        };
        let mut shell = Command::new("sh");
        shell
            .args(["-c", KEEPER, "picora-keeper"])
            .arg(folder)
            .arg(signal);
        // A group of its own, that a terminal's Ctrl-C does not end it before its work is done; and no handle of the test's output,
        // whose reader would wait for it.
        shell
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().expect("every Unix has sh");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    fn watch(&mut self, id: Option<u32>) {
        let line = id.map(|it| it.to_string()).unwrap_or_default();
        let pipe = self.pipe.as_mut().expect("held until dropped");
        writeln!(pipe, "{line}").expect("the keeper reads as long as the pipe is open");
    }

    fn let_go(&mut self) {
        self.pipe = None;
    }

    fn wait(&mut self) {
        let _ = self.shell.wait();
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    stat(id)?.1.parse().ok()
}

/// Whether the process still does anything: one in state `Z` has ended, and only waits for its parent to look.
fn runs(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z")
}

/// State and parent, fields 3 and 4 of `/proc/<id>/stat`; the name before them stands in parentheses and may hold anything.
fn stat(id: u32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat
        .rsplit(')')
        .next()?
        .split_whitespace()
        .map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}

fn pid(id: u32) -> Pid {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.expect("the kernel's process ids are positive and fit")
}

/// Where Linux has files that are pages of memory.
const MEMORY: &str = "/dev/shm";
/// PostgreSQL takes half a second; a loaded machine twenty times that.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
