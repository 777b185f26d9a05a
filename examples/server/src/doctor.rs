//! Looks whether the books hold what they must, in a database that may be in use, and whether the bucket of the files works.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use picora_core::{AccountId, Clock, Outbox, StoreError};
use picora_media::{Accounts, Catalogue, Miscount};
use picora_quota::{Finding, LedgerReports, alert};
use picora_sql::SqlStore;

use crate::app::{StartError, look_at_database};
use crate::config::Config;
use crate::deployment;
use crate::system::SystemClock;

/// Examines the bucket, if there is one, and every account, each as of one moment; answers 1 when something is broken.
///
/// **Errors**: [`StartError`] when the database cannot be opened or read, or has the tables of another version; it is not changed.
pub async fn run(config: &Config, json: bool) -> Result<ExitCode, StartError> {
    require_database(config)?;
    let store = look_at_database(config).await?;
    let bar = progress();
    let bucket = examine_bucket(config).await?;
    bucket.iter().for_each(|broken| tell(&bar, json, broken));
    let examined = examine(&store, &SystemClock, |broken| tell(&bar, json, broken)).await;
    bar.finish_and_clear();
    let mut examined = examined.map_err(|error| StartError(error.to_string()))?;
    examined.findings += u64::from(bucket.is_some());
    summarize(&examined, json);
    Ok(if examined.findings == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether there is a database to look at, as far as it can be seen without opening it. **Errors**: [`StartError`] names its file.
pub fn require_database(config: &Config) -> Result<(), StartError> {
    let file = config.database_file();
    if config.database.url().is_some() || file.exists() {
        return Ok(());
    }
    let file = file.display();
    Err(StartError(format!("there is no database {file}")))
}

/// What a run saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// How many accounts.
    pub accounts: u64,
    /// What was broken.
    pub findings: u64,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The ledger contradicts itself.
    Books(Finding),
    /// The ledger contradicts what is stored.
    Level(Miscount),
    /// Files cannot be kept; one sentence.
    Files(String),
    /// Alerts wait in the outbox.
    Unsent {
        /// How many.
        alerts: u64,
    },
}

impl Broken {
    /// Whose it is, if it is one account's.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Books(finding) => Some(finding.account),
            Self::Level(miscount) => Some(miscount.account),
            Self::Files(_) | Self::Unsent { .. } => None,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Books(finding) => finding.fmt(f),
            Self::Level(miscount) => miscount.fmt(f),
            Self::Files(sentence) => f.write_str(sentence),
            Self::Unsent { alerts } => write!(
                f,
                "{alerts} alerts have waited for more than an hour; is a server running that can send mail?"
            ),
        }
    }
}

/// What is wrong with the bucket of the files. A folder is the running server's, which would have stopped; but the disk of its archive may
/// be gone.
async fn examine_bucket(config: &Config) -> Result<Option<Broken>, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let Some(files) = deployment::bucket(config, &clock)? else {
        let apart = deployment::folder::belong_together(config).err();
        return Ok(apart.map(|why| Broken::Files(why.to_string())));
    };
    let trouble = files.examine().await.err();
    Ok(trouble.map(|trouble| Broken::Files(files.complaint(&trouble))))
}

/// Examines the books of every account, and the outbox.
pub async fn examine(
    store: &SqlStore,
    clock: &dyn Clock,
    mut tell: impl FnMut(&Broken),
) -> Result<Examined, StoreError> {
    let mut examined = Examined::default();
    let mut told = |broken: Broken| {
        tell(&broken);
        1_u64
    };
    let mut after = None;
    loop {
        let accounts = store.accounts(after, PAGE).await?;
        for account in &accounts {
            let now = clock.now();
            let facts = store.facts(*account, now).await?;
            let findings = facts.map_or_else(Vec::new, |facts| facts.examine(now));
            let miscounts = store.census(*account).await?;
            let findings = findings.into_iter().map(Broken::Books);
            let all = findings.chain(miscounts.miscounts().map(Broken::Level));
            examined.findings += all.map(&mut told).sum::<u64>();
            examined.accounts += 1;
        }
        after = accounts.last().copied();
        if after.is_none() {
            break;
        }
    }
    // An account that the ledger has lost has no books, but it may have resources.
    loop {
        let accounts = store.list_accounts(after, PAGE).await?;
        for account in &accounts {
            if store.facts(*account, clock.now()).await?.is_none() {
                let census = store.census(*account).await?;
                let all = census.miscounts().map(Broken::Level);
                examined.findings += all.map(&mut told).sum::<u64>();
            }
        }
        after = accounts.last().copied();
        if after.is_none() {
            break;
        }
    }
    let an_hour_ago = clock.now().saturating_sub(SENT_WITHIN);
    let alerts = store.unsent(alert::TOPIC, an_hour_ago).await?;
    if alerts > 0 {
        examined.findings += told(Broken::Unsent { alerts });
    }
    Ok(examined)
}

fn tell(bar: &ProgressBar, json: bool, broken: &Broken) {
    bar.suspend(|| {
        if json {
            let account = broken.account().map(|account| account.to_string());
            println!(
                "{}",
                serde_json::json!({"account": account, "finding": broken.to_string()})
            );
        } else {
            println!("{broken}");
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

/// An alert that has not left within this time needs somebody to look.
const SENT_WITHIN: Duration = Duration::from_secs(60 * 60);

/// How many accounts are listed at once.
const PAGE: u32 = 500;
