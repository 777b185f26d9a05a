//! The command line of the server.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use picora_core::{Clock, Entropy};

use picora_server::app::{self, StartError};
use picora_server::cli::{Cli, Command, ConfigCommand, StorageCommand};
use picora_server::config::{self, Config};
use picora_server::system::{SystemClock, SystemEntropy};
use picora_server::{commands, deployment, doctor, log, reconcile, scavenge, serve, tour};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the runtime cannot start: {error}")),
    };
    let done = runtime.block_on(run(&cli));
    runtime.shutdown_timeout(LEFT_BEHIND);
    match done {
        Ok(code) => code,
        Err(error) => refuse(&error.0),
    }
}

/// How long a thread that waits for a disk or a name server keeps the process when all else has ended.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// One clear sentence and exit code 2: the command was not carried out, and the operator can mend why.
fn refuse(sentence: &str) -> ExitCode {
    eprintln!("picora-server: {}", config::in_one_line(sentence));
    ExitCode::from(2)
}

async fn run(cli: &Cli) -> Result<ExitCode, StartError> {
    if matches!(cli.command, Some(Command::Tour { deployed: false })) {
        return tour::run(Config::default()).await;
    }
    let config = config::load(cli.settings.config.as_deref(), &cli.settings.flags())
        .map_err(|error| StartError(error.to_string()))?;
    match &cli.command {
        None | Some(Command::Serve) => {
            log::start(&config.log)?;
            serve::run(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await
        }
        Some(Command::Account(command)) => commands::account(&config, command).await,
        Some(Command::Admin(command)) => commands::admin(&config, command).await,
        Some(Command::Doctor { json }) => doctor::run(&config, *json).await,
        Some(Command::Reconcile {
            account,
            dry_run,
            force,
            json,
        }) => {
            let how = picora_media::Reconciling {
                dry_run: *dry_run,
                force: *force,
            };
            let asked = reconcile::Asked {
                account: account.clone(),
                how,
                json: *json,
            };
            reconcile::run(&config, &asked).await
        }
        Some(Command::Config(ConfigCommand::Check)) => check(&config),
        Some(Command::Config(ConfigCommand::Print)) => print(&config),
        Some(Command::Storage(StorageCommand::Check { json })) => {
            commands::check_storage(&config, *json).await
        }
        Some(Command::Storage(StorageCommand::Scavenge { force, json })) => {
            scavenge::run(config, *force, *json).await
        }
        Some(Command::Tour { .. }) => tour::run(config).await,
    }
}

fn check(config: &Config) -> Result<ExitCode, StartError> {
    app::read_plans(config)?;
    app::budgets(config, picora_ratelimit::SubjectHasher::new([0; 16]))?;
    config
        .mail
        .smtp
        .config()
        .map_err(|error| StartError(error.to_string()))?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    deployment::check(config, &clock, &entropy)?;
    println!("The configuration can be used.");
    Ok(ExitCode::SUCCESS)
}

fn print(config: &Config) -> Result<ExitCode, StartError> {
    let text = toml::to_string_pretty(config).map_err(|error| StartError(error.to_string()))?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}
