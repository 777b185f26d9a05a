//! PostgreSQL.

use crate::owner::Owner;
use crate::port::free_port;
use crate::program;
use crate::server::{Ready, Server, Stop};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the server is set up.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Flushes to disk as in production. Off by default, for tests are about logic and a killed *process* loses nothing that it wrote;
    /// only a machine that loses power does.
    pub durable: bool,
    /// More settings, as in `postgresql.conf`: `("max_connections", "20")`.
    pub settings: Vec<(&'static str, String)>,
}

/// A PostgreSQL server of its own: the newest that is installed, on 127.0.0.1 only, user `postgres` without password.
///
/// Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    options: PostgresOptions,
    programs: PathBuf,
    port: u16,
    databases: AtomicU64,
}

impl Postgres {
    /// Starts a fresh server with the default options.
    ///
    /// **Panics** when PostgreSQL is not installed or does not start: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(PostgresOptions::default())
    }

    /// Starts a fresh server.
    ///
    /// **Panics** as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: PostgresOptions) -> Self {
        let initdb = program::find("initdb", &program::versions(Path::new(VERSIONS), "bin"));
        let programs = initdb
            .parent()
            .expect("a program lies in a folder")
            .to_owned();
        let server = Server::new("postgres", Owner::unprivileged("postgres"), Stop::Quit);
        initialise(server.command(&initdb));
        let mut started = Self {
            server,
            options,
            programs,
            port: free_port(),
            databases: AtomicU64::new(0),
        };
        for _ in 0..PORTS {
            if started.run() {
                return started;
            }
            started.port = free_port();
        }
        panic!("postgres does not start:\n{}", started.server.log());
    }

    /// The server that all tests of one binary share, started by the first one that asks and stopped when the binary ends.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            // Every test of the binary may hold a pool at the same time.
            let settings = vec![("max_connections", "400".to_owned())];
            Self::start_with(PostgresOptions {
                settings,
                ..PostgresOptions::default()
            })
        })
    }

    /// Creates an empty database and answers its URL.
    #[must_use]
    pub fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        self.url_of(&name)
    }

    /// The URL of the database that every server has.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
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

    /// Runs one statement by `psql` and answers its rows, unaligned and without headers.
    ///
    /// **Panics** when the statement fails.
    pub fn query(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--command",
        ]);
        psql.arg(statement).arg(self.url_of(database));
        let output = psql.output().expect("psql lies beside the server");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{statement}`: {said}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Kills the server with all its processes (SIGKILL), in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again on the same data and port; it first recovers from the kill.
    ///
    /// **Panics** when it does not start.
    pub fn restart(&mut self) {
        self.server.kill();
        let runs = self.run();
        assert!(
            runs,
            "postgres does not start again:\n{}",
            self.server.log()
        );
    }

    fn run(&mut self) -> bool {
        let mut command = self.server.command(&self.programs.join("postgres"));
        command
            .args(["-D", DATA])
            .args(["-p", &self.port.to_string()]);
        let durable = if self.options.durable {
            &[][..]
        } else {
            VOLATILE
        };
        let own = self
            .options
            .settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        for setting in SETTINGS
            .iter()
            .chain(durable)
            .map(|it| (*it).to_owned())
            .chain(own)
        {
            command.args(["-c", &setting]);
        }
        self.server.run(command, is_ready)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

fn initialise(mut initdb: Command) {
    initdb.args([
        "--pgdata",
        DATA,
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
    ]);
    let output = initdb.arg("--no-sync").output().expect("initdb was found");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb: {said}");
}

/// The server keeps its process id and its state in `postmaster.pid`: asking there needs no connection, and neither the file of a
/// killed run nor another server on the same port can answer for it.
fn is_ready(server: &Server) -> Ready {
    let file = fs::read_to_string(server.folder().join(DATA).join("postmaster.pid"));
    let file = file.unwrap_or_default();
    let lines: Vec<&str> = file.lines().map(str::trim).collect();
    let id = server.id().map(|it| it.to_string());
    if lines.first().copied() == id.as_deref() && lines.get(7) == Some(&"ready") {
        Ready::Yes
    } else {
        Ready::NotYet
    }
}

/// Where Debian keeps the versions.
const VERSIONS: &str = "/usr/lib/postgresql";
const DATA: &str = "data";
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=", // none: 127.0.0.1 is enough, and a socket's path must be short
    "dynamic_shared_memory_type=mmap", // in the data folder: a killed server leaves nothing in /dev/shm
    "timezone=UTC",
];
const VOLATILE: &[&str] = &["fsync=off", "full_page_writes=off"];
/// Another process may take a free port first; thrice in a row is no accident.
const PORTS: u32 = 3;
