//! `picora`: the media host from a terminal.

use std::process::ExitCode;

use clap::Parser;

mod bars;
mod cli;
mod exit;
mod list;
mod remove;
mod say;
mod upload;
mod usage;

use cli::{Cli, Command};
use exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            say::complain(&format!("the runtime cannot start: {error}"));
            return Exit::Unusable.into();
        }
    };
    runtime.block_on(run(&cli)).into()
}

async fn run(cli: &Cli) -> Exit {
    let client = match cli.connection.client() {
        Ok(client) => client,
        Err(sentence) => {
            say::complain(&sentence);
            return Exit::Unusable;
        }
    };
    match &cli.command {
        Command::Upload(what) => upload::run(&client, what, cli.json).await,
        Command::Ls(what) => list::run(&client, what, cli.json).await,
        Command::Rm(what) => remove::run(&client, what, cli.json).await,
        Command::Usage => usage::usage(&client, cli.json).await,
        Command::Whoami => usage::whoami(&client, cli.json).await,
    }
}
