//! A server that answers as Amazon's S3 does, for a second opinion.

use crate::port::free_port;
use crate::program;
use crate::redis::PORTS;
use crate::server::{Ready, Server, Stop};
use std::path::Path;

/// A moto server of its own, on 127.0.0.1 only, without any bucket. It looks at no signature. Dropping it stops it, and what it held is lost.
#[derive(Debug)]
pub struct Moto {
    server: Server,
    port: u16,
}

impl Moto {
    /// Starts a fresh server.
    ///
    /// **Panics** when moto is not installed or does not start: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        let mut last = String::new();
        for _ in 0..PORTS {
            match Self::attempt() {
                Ok(started) => return started,
                Err(log) => last = log,
            }
        }
        panic!("moto does not start:\n{last}");
    }

    fn attempt() -> Result<Self, String> {
        let mut started = Self {
            server: Server::new("moto", None, Stop::Term),
            port: free_port(),
        };
        let mut command = started.server.command(&program::python("boto3"));
        let port = started.port.to_string();
        command.args(["-B", "-m", "moto.server", "-H", "127.0.0.1", "-p", &port]);
        if started.server.run(command, is_ready) {
            return Ok(started);
        }
        Err(started.server.log())
    }

    /// Its address, with buckets in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder with its log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }
}

/// It says so when it listens.
fn is_ready(server: &Server) -> Ready {
    if server.log().contains(" * Running on http://127.0.0.1:") {
        Ready::Yes
    } else {
        Ready::NotYet
    }
}
