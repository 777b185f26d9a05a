//! What an operator does on the host itself.

use std::process::ExitCode;
use std::sync::Arc;

use futures::future::BoxFuture;
use object_store::memory::InMemory;
use picora_core::{AccountId, Clock, PlanId, StoreError};
use picora_media::{AuditEntry, EmailAddress, Media, Role};
use serde_json::json;

use crate::app::{StartError, Tx, open_database, read_plans};
use crate::cli::{AccountCommand, AdminCommand};
use crate::config::Config;
use crate::deployment::{self, Files};
use crate::system::{SystemClock, SystemEntropy};

/// Makes accounts, moves them to other plans.
pub async fn account(config: &Config, command: &AccountCommand) -> Result<ExitCode, StartError> {
    let (media, plans) = (accounts_only(config).await?, read_plans(config)?);
    match command {
        AccountCommand::Create { plan, email, json } => {
            let plan = plans.plan(plan_id(plan)?);
            let email = email.as_deref().map(address).transpose()?;
            let account = media
                .open_account(plan, config.uploads.max_open)
                .await
                .map_err(|error| failed(&error))?;
            let (key, secret) = media
                .issue_key(account.id, "made on the host")
                .await
                .map_err(|error| failed(&error))?;
            if email.is_some() {
                let audit = audit("set_email", account.id);
                let set = media.change_email(account.id, email.as_ref(), &audit);
                known(account.id, set.await.map_err(|error| failed(&error))?)?;
            }
            if *json {
                let answer = serde_json::json!({"accountId": account.id.to_string(), "keyId": key.id.to_string(),
                    "plan": account.plan.name(), "secret": secret.reveal()});
                println!("{answer}");
            } else {
                println!(
                    "Made the account {} on the plan `{}`.",
                    account.id, account.plan
                );
                println!("Its key {} is shown this once: {}", key.id, secret.reveal());
            }
        }
        AccountCommand::Email {
            account,
            address: given,
        } => {
            let id = account_id(account)?;
            let email = given.as_deref().map(address).transpose()?;
            let audit = audit("set_email", id);
            let set = media.change_email(id, email.as_ref(), &audit);
            known(id, set.await.map_err(|error| failed(&error))?)?;
            match email {
                Some(_) => println!("The account {id} is mailed at this address."),
                None => println!("The account {id} gets no mail."),
            }
        }
        AccountCommand::Plan { account, plan } => {
            let (id, plan) = (account_id(account)?, plans.plan(plan_id(plan)?));
            let audit = audit("set_plan", id);
            let changed = media
                .change_plan(id, plan, config.uploads.max_open, &audit)
                .await
                .map_err(|error| failed(&error))?;
            known(id, changed)?;
            println!("The account {id} is on the plan `{}`.", plan.id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says who is an operator.
pub async fn admin(config: &Config, command: &AdminCommand) -> Result<ExitCode, StartError> {
    let media = accounts_only(config).await?;
    let (text, role, action) = match command {
        AdminCommand::Grant { account } => (account, Role::Admin, "grant_admin"),
        AdminCommand::Revoke { account } => (account, Role::User, "revoke_admin"),
    };
    let id = account_id(text)?;
    let changed = media
        .change_role(id, role, &audit(action, id))
        .await
        .map_err(|error| failed(&error))?;
    known(id, changed)?;
    println!(
        "The account {id} is {}. A running server knows within 5 s.",
        if role == Role::Admin {
            "an operator's"
        } else {
            "a user's"
        }
    );
    Ok(ExitCode::SUCCESS)
}

/// Looks at the place of the files as a start does; answers 1 when something is wrong.
///
/// **Errors**: [`StartError`] when it cannot be looked at: a key is missing, or a folder is another server's.
pub async fn check_storage(config: &Config, json: bool) -> Result<ExitCode, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let files = match deployment::bucket(config, &clock)? {
        Some(bucket) => bucket,
        None => Files::in_folder(config, &clock)?,
    };
    let trouble = files.examine().await.err();
    let place = files.place();
    if json {
        let told = trouble
            .as_ref()
            .map(|it| json!({"kind": it.name(), "sentence": it.to_string()}));
        let deployment = config.deployment.name();
        let told = json!({"deployment": deployment, "files": place, "trouble": told});
        println!("{told}");
    } else {
        match &trouble {
            None => println!("Files can be kept in {place}."),
            Some(trouble) => println!("{}", capitalized(&files.complaint(trouble))),
        }
    }
    Ok(match trouble {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

/// As a sentence of its own.
pub(crate) fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

/// The use cases without files: these commands touch none, so they run beside a server that has them locked.
pub(crate) async fn accounts_only(config: &Config) -> Result<Media<Tx>, StartError> {
    let store = open_database(config).await?;
    let spawn = Arc::new(|saga: BoxFuture<'static, ()>| drop(tokio::spawn(saga)));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    Ok(Media::new(
        Arc::new(store),
        Arc::new(InMemory::new()),
        clock,
        entropy,
        spawn,
        config.uploads.policy(),
    ))
}

pub(crate) fn audit(action: &'static str, account: AccountId) -> AuditEntry {
    let reason = "on the host's command line".to_owned();
    AuditEntry {
        actor: None,
        action,
        subject: account.to_string(),
        reason,
        at: SystemClock.now(),
    }
}

pub(crate) fn account_id(text: &str) -> Result<AccountId, StartError> {
    text.parse().map_err(|_| {
        StartError(format!(
            "`{text}` is not an account; accounts look like acc_01…"
        ))
    })
}

fn address(text: &str) -> Result<EmailAddress, StartError> {
    EmailAddress::new(text).map_err(|error| StartError(format!("the address is none: {error}")))
}

fn plan_id(text: &str) -> Result<PlanId, StartError> {
    PlanId::from_name(text).ok_or_else(|| {
        StartError(format!(
            "`{text}` is not a plan; plans are none, trial, pro and pro_plus"
        ))
    })
}

pub(crate) fn known(id: AccountId, changed: bool) -> Result<(), StartError> {
    if changed {
        Ok(())
    } else {
        Err(StartError(format!("there is no account {id} here")))
    }
}

fn failed(error: &StoreError) -> StartError {
    StartError(format!("nothing was changed: {error}"))
}
