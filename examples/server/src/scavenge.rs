//! Removes objects that belong to nobody, when an operator says so.

use std::process::ExitCode;
use std::sync::Arc;

use picora_media::{Janitor, Scavenging};

use crate::app::{App, StartError};
use crate::config::Config;
use crate::doctor::require_database;
use crate::jobs::DAILY;
use crate::system::{SystemClock, SystemEntropy};

/// Looks at all objects and removes what is nobody's; answers 1 when that is so much that it was left.
///
/// **Errors**: [`StartError`] when the files are in use by a server, are another one's or another database's, or do not answer; with the
/// last, some may have been removed.
pub async fn run(config: Config, force: bool, json: bool) -> Result<ExitCode, StartError> {
    require_database(&config)?;
    let app = App::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let (janitor, grace) = (Janitor::new(app.media.clone()), DAILY);
    let done = janitor.scavenge(Scavenging { grace, force }).await;
    let done = done.map_err(|error| {
        let place = app.parts.files.place();
        StartError(format!("not all of {place} was looked at: {error}"))
    })?;
    let (seen, strays, removed) = (done.seen, done.strays, done.removed);
    if json {
        let told = serde_json::json!({"seen": seen, "strays": strays, "removed": removed, "braked": done.braked});
        println!("{told}");
    } else if done.braked {
        println!(
            "Of {seen} objects {strays} belong to nobody, which is more than crashes leave: is this the newest database? None was removed; \
             with --force they are."
        );
    } else {
        println!("Of {seen} objects {strays} belong to nobody; removed: {removed}.");
    }
    Ok(match done.braked {
        false => ExitCode::SUCCESS,
        true => ExitCode::FAILURE,
    })
}
