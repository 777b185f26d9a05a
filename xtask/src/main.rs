//! `cargo xtask`: see `cargo xtask --help`.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use xtask::{Outcome, bench, shell, soak, test, tidy, weekly};

/// Picora's development commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that a change must pass, from a clean clone, on Debian 12 with Rust
    ///
    /// Installs what the tests declare (Debian packages, as root; cargo-deny, schemathesis, aiosmtpd, and Node.js with miniflare
    /// and cloudflare, under target/tools) beside the compiling, then runs: fmt, clippy, build, tests with real servers and
    /// doctests, docs, licences and bans. A component that cannot be had is a failure, never a skip. Ends with seconds per phase
    /// and the line `N passed, N failed`.
    Test,
    /// Measures Picora against its peers in one run on this machine
    ///
    /// Ratios count, not seconds: ours and the peer take turns, and the median of the rounds is shown beside the goal
    /// that `benches/` states for the row.
    Bench {
        /// One suite instead of all: `core`, `ratelimit`
        suite: Option<String>,
        /// One JSON object per row and line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Runs one heavy proof that does not fit into `test`
    ///
    /// Without a name, lists the proofs that there are.
    Soak {
        /// The proof to run
        name: Option<String>,
    },
    /// The slow checks: feature powerset, API changes, mutants, advisories, lints of the benches
    ///
    /// Each check installs its program on demand under target/tools, and all run even when one fails.
    Weekly,
    /// Checks the rules of the tree that the compiler does not know
    ///
    /// The same rules run in plain `cargo test --workspace`.
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome {
    let root = shell::root();
    match command {
        Command::Test => test::run(&root),
        Command::Bench { suite, json } => bench::run(&root, suite.as_deref(), json),
        Command::Soak { name } => soak::run(&root, name.as_deref()),
        Command::Weekly => weekly::run(&root),
        Command::Tidy => tidy::run(&root),
    }
}
