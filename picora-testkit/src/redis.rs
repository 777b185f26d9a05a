//! Redis.

use crate::port::free_port;
use crate::program;
use crate::server::{Ready, Server, Stop};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// How the server is set up.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Writes every command to a file before it is answered, so that a killed *process* loses nothing that it answered; only a machine
    /// that loses power does, for nothing is flushed to disk. Off by default: then a killed server comes back empty, as a cache does.
    pub append_only: bool,
    /// More settings, as in `redis.conf`: `("maxmemory", "1mb")`.
    pub settings: Vec<(&'static str, String)>,
}

/// A Redis server of its own, on 127.0.0.1 only, without password and without snapshots.
///
/// Dropping it stops it and removes its data, also while it is [paused](Self::pause).
#[derive(Debug)]
pub struct Redis {
    server: Server,
    options: RedisOptions,
    port: u16,
}

impl Redis {
    /// Starts a fresh server with the default options.
    ///
    /// **Panics** when Redis is not installed or does not start: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// Starts a fresh server.
    ///
    /// **Panics** as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: RedisOptions) -> Self {
        let attempts = (0..PORTS).map(|_| Self::attempt(options.clone()));
        Self::first_of(attempts)
    }

    /// The first attempt that succeeded.
    pub(crate) fn first_of(attempts: impl Iterator<Item = Result<Self, String>>) -> Self {
        let mut last = String::new();
        for attempt in attempts {
            match attempt {
                Ok(started) => return started,
                Err(log) => last = log,
            }
        }
        panic!("redis does not start:\n{last}");
    }

    /// Starts a server on a port that was free a moment ago, or answers its log.
    pub(crate) fn attempt(options: RedisOptions) -> Result<Self, String> {
        let mut started = Self {
            server: Server::new("redis", None, Stop::Term),
            options,
            port: free_port(),
        };
        if started.run() {
            return Ok(started);
        }
        Err(started.server.log())
    }

    /// The server that all tests of one binary share, started by the first one that asks and stopped when the binary ends.
    ///
    /// There is one database, and tests run at the same time: each uses keys of its own, and none calls `FLUSHALL`.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The server's URL, without a database's number.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1. It stays the same when the server is started again.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// The folder with its data and its log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Runs one command by `redis-cli` and answers what it prints: `&["FLUSHALL"]`, `&["SCRIPT", "FLUSH"]`.
    ///
    /// Several elements are printed as lines; nothing is an empty line. On a node of a cluster it follows redirections.
    ///
    /// **Panics** when the server answers an error or does not run. A paused server lets it wait for ever.
    #[expect(
        clippy::must_use_candidate,
        reason = "many commands are given for what they do"
    )]
    pub fn command(&self, words: &[&str]) -> String {
        let mut redis_cli = self.server.command(&program::find("redis-cli", &folders()));
        redis_cli.args(["-e", "-c", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        let output = redis_cli.args(words).output().expect("redis-cli was found");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{}`: {said}", words.join(" "));
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Kills the server (SIGKILL), in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again in the same folder and on the same port; with `append_only` it first reads what was written.
    ///
    /// **Panics** when it does not start.
    pub fn restart(&mut self) {
        self.server.kill();
        let runs = self.run();
        assert!(runs, "redis does not start again:\n{}", self.server.log());
    }

    /// Stops the process in place (SIGSTOP): connections stay open and are accepted, but nothing is answered.
    ///
    /// What was sent meanwhile is done after [`resume`](Self::resume), unless the client closed its connection.
    pub fn pause(&self) {
        self.server.pause();
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&self) {
        self.server.resume();
    }

    fn run(&mut self) -> bool {
        let command = self.server_command();
        self.server.run(command, is_ready)
    }

    fn server_command(&self) -> Command {
        let program = program::find("redis-server", &folders());
        let mut command = self.server.command(&program);
        command.args(["--port", &self.port.to_string()]);
        command.args(SETTINGS);
        if self.options.append_only {
            command.args(APPEND_ONLY);
        }
        for (name, value) in &self.options.settings {
            command.arg(format!("--{name}")).arg(value);
        }
        command
    }
}

/// The line that tells it stands in the log with the process's id: neither the line of a killed run nor another server on the same port
/// can answer for it.
fn is_ready(server: &Server) -> Ready {
    let own = server.id().map(|it| format!("{it}:")).unwrap_or_default();
    let log = server.log();
    let mut lines = log.lines().filter(|it| it.starts_with(&own));
    if lines.any(|it| it.contains("Ready to accept connections")) {
        Ready::Yes
    } else {
        Ready::NotYet
    }
}

fn folders() -> Vec<PathBuf> {
    FOLDERS.iter().map(Into::into).collect()
}

/// Debian's, and where one's own build is installed.
const FOLDERS: &[&str] = &["/usr/bin", "/usr/local/bin"];
const SETTINGS: &[&str] = &["--bind", "127.0.0.1", "--save", "", "--dir", "."];
/// `no` leaves flushing to the kernel, and the file is still written before the answer; `everysec` may write late.
const APPEND_ONLY: &[&str] = &["--appendonly", "yes", "--appendfsync", "no"];
/// Another process may take a free port first; thrice in a row is no accident.
pub(crate) const PORTS: u32 = 3;
