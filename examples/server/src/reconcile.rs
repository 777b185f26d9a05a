//! Brings the ledger back to what is stored, account by account, in a database that may be in use.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use picora_core::{AccountId, Clock, StoreError};
use picora_media::{Corrected, Correction, Media, Reconciling};

use crate::app::{StartError, Tx};
use crate::commands::{account_id, accounts_only, audit, known};
use crate::config::Config;
use crate::doctor::require_database;
use crate::system::SystemClock;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// One account, as text; without one, all.
    pub account: Option<String>,
    /// How to go about it.
    pub how: Reconciling,
    /// Whether to print JSON.
    pub json: bool,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    accounts: u64,
    mended: u64,
    left: u64,
}

/// Counts every account's resources and posts what differs; answers 1 when something is left as it was found.
///
/// **Errors**: [`StartError`] when the database cannot be opened, read or written, or there is no such account. What was posted stays.
pub async fn run(config: &Config, asked: &Asked) -> Result<ExitCode, StartError> {
    require_database(config)?;
    let media = accounts_only(config).await?;
    let only = asked.account.as_deref().map(account_id).transpose()?;
    let failed = |error: StoreError| StartError(format!("not all is reconciled: {error}"));
    if let Some(id) = only {
        let store = media.store();
        let account = store.account(id).await.map_err(failed)?;
        let books = store.facts(id, SystemClock.now()).await.map_err(failed)?;
        known(id, account.is_some() || books.is_some())?;
    }
    let bar = progress(&media, only).await.map_err(failed)?;
    let done = all(&media, only, asked, &bar).await;
    bar.finish_and_clear();
    let done = done.map_err(failed)?;
    summarize(&done, asked);
    Ok(if done.left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn all(
    media: &Media<Tx>,
    only: Option<AccountId>,
    asked: &Asked,
    bar: &ProgressBar,
) -> Result<Done, StoreError> {
    let mut done = Done::default();
    if let Some(id) = only {
        one(media, id, asked, bar, &mut done).await?;
        return Ok(done);
    }
    let store = media.store();
    let mut after = None;
    while let Some(page) = rest(store.list_accounts(after, PAGE).await?) {
        for id in &page {
            one(media, *id, asked, bar, &mut done).await?;
        }
        after = page.last().copied();
    }
    // What is left in the ledger of an account that there is no more.
    after = None;
    while let Some(page) = rest(store.accounts(after, PAGE).await?) {
        for id in &page {
            if store.account(*id).await?.is_none() {
                one(media, *id, asked, bar, &mut done).await?;
            }
        }
        after = page.last().copied();
    }
    Ok(done)
}

fn rest(page: Vec<AccountId>) -> Option<Vec<AccountId>> {
    Some(page).filter(|page| !page.is_empty())
}

async fn one(
    media: &Media<Tx>,
    id: AccountId,
    asked: &Asked,
    bar: &ProgressBar,
    done: &mut Done,
) -> Result<(), StoreError> {
    let corrections = media.reconcile(id, asked.how).await?;
    if corrections.iter().any(|it| it.done.is_mended()) {
        media.audit(&audit("reconcile", id)).await?;
    }
    for correction in &corrections {
        bar.suspend(|| tell(id, correction, asked.json));
        match correction.done.is_mended() {
            true => done.mended += 1,
            false => done.left += 1,
        }
    }
    done.accounts += 1;
    bar.inc(1);
    Ok(())
}

fn tell(account: AccountId, correction: &Correction, json: bool) {
    let Correction {
        counter,
        used,
        truth,
        done,
    } = *correction;
    let name = counter.name();
    if json {
        let told = serde_json::json!({"account": account.to_string(), "counter": name, "used": used.get(),
            "truth": truth.get(), "outcome": done.name()});
        println!("{told}");
        return;
    }
    let outcome = match done {
        Corrected::Found => "left as it is, for this is a dry run",
        Corrected::Implausible => {
            "left as it is, for it is more than a fifth; look why, then use --force"
        }
        Corrected::Moved => "left as it is, for the account is too busy; run it again",
        Corrected::Posted => "corrected",
        Corrected::Refused => "left as it is, for the ledger knows nothing of it",
    };
    let wrong = match used == truth {
        true => "as is stored, but its movements do not add up to it".to_owned(),
        false => format!("but the resources come to {truth}"),
    };
    println!("{account} {name}: {used} is used, {wrong}: {outcome}");
}

fn summarize(done: &Done, asked: &Asked) {
    let Done {
        accounts,
        mended,
        left,
    } = *done;
    if asked.json {
        let told = serde_json::json!({"accounts": accounts, "mended": mended, "left": left});
        println!("{told}");
        return;
    }
    match mended + left {
        0 => println!("All levels are what is stored; accounts: {accounts}."),
        _ => println!("Corrected: {mended}, left: {left}; accounts: {accounts}."),
    }
}

/// On a terminal alone.
async fn progress(media: &Media<Tx>, only: Option<AccountId>) -> Result<ProgressBar, StoreError> {
    let accounts = match only {
        None => media.store().count_accounts().await?,
        Some(_) => 1,
    };
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} accounts, {eta} left");
    let bar = ProgressBar::new(accounts);
    Ok(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

/// How many accounts are listed at once.
const PAGE: u32 = 500;
