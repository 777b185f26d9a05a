//! An SMTP server that keeps what it accepts, and misbehaves when told.

use crate::port::free_port;
use crate::program;
use crate::redis::PORTS;
use crate::server::{Ready, Server, Stop};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// How the server is set up.
#[derive(Clone, Debug, Default)]
pub struct SmtpSinkOptions {
    /// How its connections are encrypted; not at all by default.
    pub tls: SinkTls,
    /// A user and his password, without whom nothing is accepted; nobody by default.
    pub sign_in: Option<(String, String)>,
}

/// How the connections of a sink are encrypted: certificate and key are PEM.
#[derive(Clone, Debug, Default)]
pub enum SinkTls {
    /// Not at all, and not offered.
    #[default]
    None,
    /// When a client asks.
    StartTls {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: String,
    },
    /// From the first byte.
    Implicit {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: String,
    },
}

/// How a sink is to misbehave. The default is not to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Orders {
    /// Recipients that are refused for good (550), with their address in the answer, as servers do.
    pub refuse: Vec<String>,
    /// Recipients that are put off (451).
    pub defer: Vec<String>,
    /// What is answered to a mail instead of accepting it: `554 5.7.1 spam`; empty for nothing.
    pub answer: String,
    /// How long an accepted mail's answer takes.
    pub delay_ms: u32,
    /// Whether the connection breaks instead of an accepted mail's answer.
    pub hang_up: bool,
}

/// A mail that was accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct SunkMail {
    /// From whom, as the conversation said.
    pub sender: String,
    /// To whom, as the conversation said.
    pub recipients: Vec<String>,
    /// The headers in order, decoded by Python's parser.
    pub headers: Vec<(String, String)>,
    /// The types of all parts, the outermost first.
    pub content_types: Vec<String>,
    /// The plain text, decoded.
    pub text: String,
    /// The HTML, decoded.
    pub html: String,
    /// What Python's parser has to find fault with.
    pub defects: Vec<String>,
    /// The mail as it came.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

impl SunkMail {
    /// All values of the headers of this name, decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// An aiosmtpd of its own, on 127.0.0.1 only. Dropping it stops it and removes its mails.
#[derive(Debug)]
pub struct SmtpSink {
    server: Server,
    port: u16,
}

impl SmtpSink {
    /// Starts a fresh server that accepts everything.
    ///
    /// **Panics** when aiosmtpd is not installed or does not start: a test that cannot run has failed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&SmtpSinkOptions::default())
    }

    /// Starts a fresh server. **Panics** as [`start`](Self::start) does.
    #[must_use]
    pub fn start_with(options: &SmtpSinkOptions) -> Self {
        let mut last = String::new();
        for _ in 0..PORTS {
            match Self::attempt(options) {
                Ok(started) => return started,
                Err(log) => last = log,
            }
        }
        panic!("the SMTP sink does not start:\n{last}");
    }

    fn attempt(options: &SmtpSinkOptions) -> Result<Self, String> {
        let mut started = Self {
            server: Server::new("smtp-sink", None, Stop::Term),
            port: free_port(),
        };
        started.set_up(options);
        let mut command = started.server.command(&program::python("aiosmtpd"));
        command.args(["-B", "smtp_sink.py", &started.port.to_string()]);
        if started.server.run(command, is_ready) {
            return Ok(started);
        }
        Err(started.server.log())
    }

    fn set_up(&self, options: &SmtpSinkOptions) {
        let tls = match &options.tls {
            SinkTls::None => "none",
            SinkTls::StartTls { .. } => "starttls",
            SinkTls::Implicit { .. } => "implicit",
        };
        let mut setup = serde_json::json!({ "tls": tls });
        if let Some((user, password)) = &options.sign_in {
            setup["user"] = user.as_str().into();
            setup["password"] = password.as_str().into();
        }
        self.write("setup.json", &setup.to_string());
        self.write("smtp_sink.py", SCRIPT);
        if let SinkTls::StartTls { certificate, key } | SinkTls::Implicit { certificate, key } =
            &options.tls
        {
            self.write("certificate.pem", certificate);
            self.write("key.pem", key);
        }
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// The folder with its mails and its log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Misbehaves like this from the next command on.
    pub fn order(&self, orders: &Orders) {
        let text = serde_json::to_string(orders).expect("orders are plain");
        self.write("orders.part", &text);
        let folder = self.folder();
        let renamed = fs::rename(folder.join("orders.part"), folder.join("orders.json"));
        renamed.expect("the server's folder is writable");
    }

    /// The mails that were accepted, in order.
    ///
    /// **Panics** when one does not read back.
    #[must_use]
    pub fn mails(&self) -> Vec<SunkMail> {
        let mails = self.folder().join("mails");
        let numbered = (1_u32..).map(|n| mails.join(n.to_string()));
        let there = numbered.take_while(|it| it.with_extension("json").exists());
        there.map(|it| read(&it)).collect()
    }

    /// Kills the server (SIGKILL).
    pub fn kill(&mut self) {
        self.server.kill();
    }

    fn write(&self, name: &str, text: &str) {
        let written = fs::write(self.folder().join(name), text);
        written.expect("the server's folder is writable");
    }
}

fn read(mail: &Path) -> SunkMail {
    let parsed = fs::read(mail.with_extension("json")).expect("it exists");
    let mut read: SunkMail = serde_json::from_slice(&parsed).expect("the script writes this shape");
    read.raw = fs::read(mail.with_extension("eml")).expect("it is written before the other");
    read
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

const SCRIPT: &str = include_str!("smtp_sink.py");
