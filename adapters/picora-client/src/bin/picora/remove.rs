//! `picora rm`.

use picora_client::Picora;
use picora_core::AssetId;
use serde_json::json;

use crate::cli;
use crate::exit::Exit;
use crate::say;

/// Removes each, one after the other. An id that cannot be one stops everything before anything is sent.
pub(crate) async fn run(client: &Picora, what: &cli::Remove, as_json: bool) -> Exit {
    let mut ids = Vec::new();
    for text in &what.ids {
        match text.parse::<AssetId>() {
            Ok(id) => ids.push(id),
            Err(error) => {
                say::complain(&format!(
                    "{text:?} is no id of a resource, so nothing was removed: {error}"
                ));
                return Exit::Unusable;
            }
        }
    }
    let mut exit = Exit::Done;
    for id in ids {
        exit = exit.max(one(client, id, what.dry_run, as_json).await);
    }
    exit
}

async fn one(client: &Picora, id: AssetId, dry_run: bool, as_json: bool) -> Exit {
    let id_text = id.to_string();
    let done = if dry_run {
        client.resource(id).await.map(|resource| resource.file_name)
    } else {
        client.delete(id).await.map(|()| None)
    };
    match done {
        Ok(_) if as_json => say::value(&json!({"id": id_text, "deleted": !dry_run})),
        Ok(name) if dry_run => say::line(&format!(
            "would remove {id} {}",
            name.as_deref().unwrap_or("-")
        )),
        Ok(_) => say::line(&format!("removed {id}")),
        Err(error) => {
            say::complain(&say::sentence(&id_text, &error));
            if as_json {
                say::value(&json!({"id": id_text, "deleted": false, "error": say::fault(&error)}));
            }
            return Exit::of(&error);
        }
    }
    Exit::Done
}
