//! Looks whether the books hold what they must, in a database that may be in use.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use picora_core::{Clock, StoreError};
use picora_quota::{Finding, LedgerReports};
use picora_sql::SqlStore;

use crate::app::{StartError, open_database};
use crate::config::Config;
use crate::system::SystemClock;

/// Examines every account, each as of one moment; answers 1 when something is broken.
///
/// **Errors**: [`StartError`] when the database cannot be opened or read.
pub async fn run(config: &Config, json: bool) -> Result<ExitCode, StartError> {
    let file = config.database_file();
    if config.database.url().is_none() && !file.exists() {
        return Err(StartError(format!(
            "there is no database {}",
            file.display()
        )));
    }
    let store = open_database(config).await?;
    let bar = progress();
    let examined = examine(&store, &SystemClock, |finding| tell(&bar, json, finding)).await;
    bar.finish_and_clear();
    let examined = examined.map_err(|error| StartError(error.to_string()))?;
    summarize(&examined, json);
    Ok(if examined.findings == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a run saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// How many accounts.
    pub accounts: u64,
    /// What was broken.
    pub findings: u64,
}

/// Examines the books of every account.
pub async fn examine(
    store: &SqlStore,
    clock: &dyn Clock,
    mut tell: impl FnMut(&Finding),
) -> Result<Examined, StoreError> {
    let mut examined = Examined::default();
    let mut after = None;
    loop {
        let accounts = store.accounts(after, PAGE).await?;
        for account in &accounts {
            let now = clock.now();
            let facts = store.facts(*account, now).await?;
            let findings = facts.map_or_else(Vec::new, |facts| facts.examine(now));
            findings.iter().for_each(&mut tell);
            examined.accounts += 1;
            examined.findings += findings.len() as u64;
        }
        after = accounts.last().copied();
        if after.is_none() {
            return Ok(examined);
        }
    }
}

fn tell(bar: &ProgressBar, json: bool, finding: &Finding) {
    bar.suspend(|| {
        if json {
            let account = finding.account.to_string();
            println!(
                "{}",
                serde_json::json!({"account": account, "finding": finding.to_string()})
            );
        } else {
            println!("{finding}");
        }
    });
    bar.inc(1);
}

fn summarize(examined: &Examined, json: bool) {
    let Examined { accounts, findings } = *examined;
    if json {
        let told = serde_json::json!({"accounts": accounts, "findings": findings});
        println!("{told}");
        return;
    }
    match findings {
        0 => println!("All books hold what they must; accounts: {accounts}."),
        _ => println!(
            "Not all books hold what they must; accounts: {accounts}, findings: {findings}."
        ),
    }
}

fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {pos} findings");
    let bar = ProgressBar::new_spinner().with_message("examining");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// How many accounts are listed at once.
const PAGE: u32 = 500;
