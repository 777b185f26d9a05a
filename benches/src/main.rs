//! Picora against its peers: `cargo xtask bench`.
//!
//! A row is a ratio between two measurements of this run on this machine, beside its goal. A missed goal makes the command fail.
//! A new suite is one more module and one more line in [`SUITES`].

mod http;
mod ids;
mod quota;
mod ratelimit;
mod rounds;
mod row;

use clap::Parser;
use row::Row;
use std::process::ExitCode;

/// Every suite: its name and what measures it.
const SUITES: &[(&str, Measure)] = &[
    ("core", ids::measure),
    ("http", http::measure),
    ("quota", quota::measure),
    ("ratelimit", ratelimit::measure),
];

/// Hands on each row as it comes.
type Measure = fn(&mut dyn FnMut(Row));

/// Picora against its peers
#[derive(Debug, Parser)]
struct Cli {
    /// One suite instead of all: `core`, `http`, `quota`, `ratelimit`
    #[arg(value_parser = suite_names())]
    suite: Option<String>,
    /// One JSON object per row and line instead of a table
    #[arg(long)]
    json: bool,
    /// Fills one store with keys and prints what a key takes, in a process of its own
    #[arg(long, hide = true)]
    fill: Option<ratelimit::memory::Store>,
}

fn suite_names() -> Vec<&'static str> {
    SUITES.iter().map(|(name, _)| *name).collect()
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(store) = cli.fill {
        println!("{}", ratelimit::memory::bytes_per_key(store));
        return ExitCode::SUCCESS;
    }
    let mut missed = 0;
    let mut print = |row: Row| {
        missed += u32::from(!row.holds);
        println!(
            "{}",
            if cli.json {
                row.to_json()
            } else {
                row.to_string()
            }
        );
    };
    if !cli.json {
        println!("{}", row::HEADING);
    }
    for (name, measure) in SUITES {
        if cli.suite.as_deref().is_none_or(|wanted| wanted == *name) {
            measure(&mut print);
        }
    }
    if missed == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{missed} goals missed");
    ExitCode::FAILURE
}
