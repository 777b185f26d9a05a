//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A media host that enforces quotas and rate limits: images, video, audio and Markdown.
///
/// Without a command it serves. On its first start in an empty folder it makes a demo account and prints how to use it.
#[derive(Debug, Parser)]
#[command(name = "picora-server", version)]
pub struct Cli {
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of this run.
    #[command(flatten)]
    pub settings: Settings,
}

/// Settings that go over the file and the environment.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// A configuration file in TOML.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of the database and, in the deployment `embedded`, of the files [default: picora-data].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The address to listen at [default: 127.0.0.1:8080].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make accounts and keys, on this host.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Say who is an operator; every change is audited.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look whether the books of all accounts hold what they must and the bucket works; prints what is broken, and then exits with 1.
    Doctor {
        /// Print one JSON object for each finding, and one at the end.
        #[arg(long)]
        json: bool,
    },
    /// Count what is stored again, and correct what the ledger says of it; exits with 1 when something is left as it was.
    Reconcile {
        /// Only this account, `acc_…`.
        #[arg(long)]
        account: Option<String>,
        /// Only tell what differs.
        #[arg(long)]
        dry_run: bool,
        /// Also correct by more than a fifth.
        #[arg(long)]
        force: bool,
        /// Print one JSON object for each correction, and one at the end.
        #[arg(long)]
        json: bool,
    },
    /// Serve (the default). Where files are in a bucket, it is looked at first.
    Serve,
    /// Look at the place of the files.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Visit what the server does, against a fresh one on a virtual clock; fails when an answer is not as promised.
    Tour {
        /// Keep the visitor's files where the configuration has files, some 100 MB at once, and remove them at the end; without it they are
        /// in a temporary folder, and the configuration does not count.
        #[arg(long)]
        deployed: bool,
    },
}

/// Making accounts and keys.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account on a plan, with an API key that is shown once.
    Create {
        /// none, trial, pro or pro_plus.
        #[arg(long, default_value = "trial")]
        plan: String,
        /// Where its mails go.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say where the mails of an account go, or that they go nowhere.
    Email {
        /// The account, `acc_…`.
        account: String,
        /// The address; without one, the account's is forgotten.
        address: Option<String>,
    },
    /// Move an account to another plan.
    Plan {
        /// The account, `acc_…`.
        account: String,
        /// none, trial, pro or pro_plus.
        plan: String,
    },
}

/// Who is an operator.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an account an operator's.
    Grant {
        /// The account, `acc_…`.
        account: String,
    },
    /// Make it a user's again.
    Revoke {
        /// The account, `acc_…`.
        account: String,
    },
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether it can be used.
    Check,
    /// Print it as it counts, as TOML.
    Print,
}

/// The place of the files.
#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Write, read and remove a small object, as the server does when it starts; says what is wrong, and then exits with 1.
    Check {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Remove objects older than a day that no account has, as the server does once a day; not beside a server that has the same `data_dir`
    /// to itself. Exits with 1 when they are so many that they were left.
    Scavenge {
        /// Also remove more than a hundred and one in a hundred: they are nobody's, and not another database's.
        #[arg(long)]
        force: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Settings {
    /// The settings as keys of the configuration.
    #[must_use]
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        let data_dir = self
            .data_dir
            .as_ref()
            .map(|folder| ("data_dir", folder.to_string_lossy().into_owned()));
        let listen = self.listen.clone().map(|address| ("listen", address));
        data_dir.into_iter().chain(listen).collect()
    }
}
