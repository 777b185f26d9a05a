//! Workers KV behind Cloudflare's REST dialect.

use crate::port::free_port;
use crate::program;
use crate::redis::PORTS;
use crate::server::{Ready, Server, Stop};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the server is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct MiniflareOptions {
    /// Whether a key that was written in the last second is refused, as the service does. Off by default: tests that write often would
    /// wait.
    pub paced: bool,
}

/// A Miniflare of its own, on 127.0.0.1 only: the vendor's KV, and before it a worker of ours that speaks the vendor's REST dialect.
///
/// The KV is real: lives, metadata, lists and what is refused are the vendor's code. Not in it: that other places see a write only a
/// minute later, and that an account may ask 1,200 times in five minutes. Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Miniflare {
    server: Server,
    port: u16,
    taken: AtomicUsize,
}

impl Miniflare {
    /// The one account.
    pub const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
    /// The token that may read and write.
    pub const TOKEN: &str = "picora-test-token_may-write-0123456789abcd";
    /// A token that may only read.
    pub const READ_ONLY_TOKEN: &str = "picora-test-token_may-read-0123456789abcde";

    /// Starts a fresh server with the default options.
    ///
    /// **Panics** when Miniflare is not installed or does not start: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(MiniflareOptions::default())
    }

    /// Starts a fresh server. **Panics** as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: MiniflareOptions) -> Self {
        let mut last = String::new();
        for _ in 0..PORTS {
            match Self::attempt(options) {
                Ok(started) => return started,
                Err(log) => last = log,
            }
        }
        panic!("miniflare does not start:\n{last}");
    }

    /// The server that all tests of this binary share, each in a [namespace](Self::fresh_namespace) of its own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Miniflare> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn attempt(options: MiniflareOptions) -> Result<Self, String> {
        let mut started = Self {
            server: Server::in_memory("miniflare", None, Stop::Term),
            port: free_port(),
            taken: AtomicUsize::new(0),
        };
        started.set_up(options);
        let mut command = started.node("miniflare.mjs");
        command.arg(started.port.to_string());
        if started.server.run(command, is_ready) {
            return Ok(started);
        }
        Err(started.server.log())
    }

    fn set_up(&self, options: MiniflareOptions) {
        let setup = json!({
            "account": Self::ACCOUNT, "token": Self::TOKEN, "read_only_token": Self::READ_ONLY_TOKEN, "paced": options.paced,
            "namespaces": (0..NAMESPACES).map(namespace).collect::<Vec<_>>(),
        });
        let files = [
            ("setup.json", setup.to_string()),
            ("miniflare.mjs", START.to_owned()),
            ("rest.mjs", REST.to_owned()),
            ("cloudflare.mjs", OFFICIAL.to_owned()),
        ];
        let folder = self.server.folder();
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("the server's folder is writable");
        }
        // Node looks for packages beside the script.
        let linked = symlink(
            program::from_npm("node_modules/miniflare/package.json").1,
            folder.join("node_modules"),
        );
        linked.expect("the server's folder is writable");
    }

    fn node(&self, script: &str) -> Command {
        let mut command = self.server.command(&program::from_npm("bin/node").0);
        command.arg(script).env("TMPDIR", self.server.folder());
        command
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What stands before `/accounts/…` in every address of the dialect.
    #[must_use]
    pub fn base(&self) -> String {
        base(self.port)
    }

    /// The id of an empty namespace that nobody else has.
    ///
    /// **Panics** when all 128 have been given away.
    #[must_use]
    pub fn fresh_namespace(&self) -> String {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        assert!(taken < NAMESPACES, "only {NAMESPACES} namespaces");
        namespace(taken)
    }

    /// Loses everything that the namespace holds, and answers how many keys those were. Not in the dialect: no token, no limit.
    ///
    /// **Panics** when the server does not answer.
    #[must_use]
    pub fn wipe(&self, namespace: &str) -> u64 {
        let mut wire = TcpStream::connect(("127.0.0.1", self.port)).expect("it runs");
        let request = format!(
            "POST /wipe/{namespace} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        wire.write_all(request.as_bytes()).expect("it listens");
        let (mut answer, mut piece) = (String::new(), [0; 4_096]);
        // The connection is left open for seconds, whatever was asked.
        while lost(&answer).is_none() {
            let read = wire.read(&mut piece).expect("it answers");
            assert!(read > 0, "it says {answer}");
            answer.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        lost(&answer).unwrap_or_default()
    }

    /// Has the vendor's own client do these calls of a namespace, such as `[["get", {"key": "a"}]]`; see the script beside this file.
    ///
    /// Each answer is `{"answer": …}`, or `{"status": …, "codes": […]}` for what was refused.
    ///
    /// **Panics** when the client itself fails.
    #[must_use]
    pub fn official(&self, namespace: &str, calls: &Value) -> Vec<Value> {
        let mut command = self.node("cloudflare.mjs");
        command.args([&self.base(), Self::TOKEN, Self::ACCOUNT, namespace]);
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut client = pipes.spawn().expect("node was found");
        let mut asked = client.stdin.take().expect("it is piped");
        let handed = asked.write_all(calls.to_string().as_bytes());
        drop(asked);
        let output = client.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            handed.is_ok() && output.status.success(),
            "the client: {said}"
        );
        serde_json::from_slice(&output.stdout).expect("the script writes an array")
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// The folder with all that it writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Kills the server (SIGKILL). What it held is lost.
    pub fn kill(&mut self) {
        self.server.kill();
    }
}

/// What stands before `/accounts/…`, on any port that leads to a Miniflare, such as that of a [`Wire`](crate::Wire).
#[must_use]
pub fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}/client/v4")
}

/// The number in the whole of an answer.
fn lost(answer: &str) -> Option<u64> {
    let (number, _) = answer.split_once("\"lost\":")?.1.split_once('}')?;
    number.parse().ok()
}

fn namespace(number: usize) -> String {
    format!("{number:032x}")
}

fn is_ready(server: &Server) -> Ready {
    let own = server.id().map(|it| format!("ready {it}"));
    let log = server.log();
    if log.lines().any(|line| Some(line) == own.as_deref()) {
        Ready::Yes
    } else {
        Ready::NotYet
    }
}

/// They cost nothing, and must be named before it starts.
const NAMESPACES: usize = 128;
const START: &str = include_str!("miniflare.mjs");
const REST: &str = include_str!("miniflare_rest.mjs");
const OFFICIAL: &str = include_str!("cloudflare.mjs");
