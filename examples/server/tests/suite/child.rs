//! The real server as a process of its own, which may be killed, stopped and put on a bad disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use picora_core::PlanId;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::world::Account;

/// A running server. It is killed with this value, and its folder goes with the last of its lives.
pub(crate) struct Child {
    process: tokio::process::Child,
    log: JoinHandle<String>,
    pub(crate) place: Place,
    pub(crate) client: Client,
    pub(crate) url: String,
}

/// A data folder and a configuration file, which outlive a server.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// With these lines in the configuration, before the first table.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        let data = place.data();
        let mut text = format!("listen = \"127.0.0.1:0\"\ndata_dir = {:?}\n", data);
        text.write_str(config).unwrap();
        std::fs::write(place.config(), text).unwrap();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("picora.toml")
    }

    /// The binary with this place's configuration.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picora-server"));
        command.arg("--config").arg(self.config());
        command
    }

    /// Runs one command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// An account made on the command line.
    pub(crate) fn account(&self, plan: PlanId) -> Account {
        let arguments = ["account", "create", "--json", "--plan", plan.name()];
        Account::of_json(&self.run(&arguments))
    }

    /// Starts the server here.
    pub(crate) async fn serve(self) -> Child {
        let command = self.command();
        self.serve_as(command).await
    }

    /// Starts it by this command, and waits until it says where it listens.
    pub(crate) async fn serve_as(self, mut command: Command) -> Child {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let url = loop {
            let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line());
            let line = line.await.expect("it starts within 30 s").unwrap();
            let line = line.unwrap_or_else(|| panic!("it did not start: {log}"));
            log += &format!("{line}\n");
            let address = line
                .split_once("address=")
                .filter(|_| line.contains("serving"));
            if let Some((_, address)) = address {
                break format!("http://{}", address.split(' ').next().unwrap());
            }
        };
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                log += &format!("{line}\n");
            }
            log
        });
        Child {
            process,
            log,
            place: self,
            client: Client::new(),
            url,
        }
    }
}

impl Account {
    /// The one that the command line has made.
    pub(crate) fn of_json(output: &Output) -> Self {
        assert!(output.status.success(), "{output:?}");
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        Self {
            id: made["accountId"].as_str().unwrap().parse().unwrap(),
            secret: made["secret"].as_str().unwrap().to_owned(),
        }
    }
}

impl Child {
    pub(crate) async fn start(config: &str) -> Self {
        Place::new(&format!("{config}\n[log]\nfilter = \"info\"\n"))
            .serve()
            .await
    }

    pub(crate) fn account(&self, plan: PlanId) -> Account {
        self.place.account(plan)
    }

    pub(crate) fn request(&self, by: &Account, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).bearer_auth(&by.secret)
    }

    pub(crate) async fn get(&self, by: &Account, path: impl AsRef<str>) -> Answer {
        Answer::to(self.request(by, Method::GET, path.as_ref())).await
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Kills it as a power cut does, and hands back what stays.
    pub(crate) async fn kill(mut self) -> Place {
        self.process.kill().await.unwrap();
        self.place
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; how it ended, and its log.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String, Place) {
        let status = tokio::time::timeout(Duration::from_secs(20), self.process.wait());
        let status = status.await.expect("it ends within 20 s").unwrap();
        (status, self.log.await.unwrap(), self.place)
    }
}
