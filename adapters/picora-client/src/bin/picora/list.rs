//! `picora ls`.

use futures::StreamExt;
use picora_client::{ListQuery, Picora, Resource};
use picora_core::MediaKind;

use crate::cli;
use crate::exit::Exit;
use crate::say;

/// Lists each kind that is asked for, as its pages come.
pub(crate) async fn run(client: &Picora, what: &cli::List, as_json: bool) -> Exit {
    let kinds = match what.kind {
        Some(kind) => vec![kind.media()],
        None => MediaKind::ALL.to_vec(),
    };
    let most = what.most.unwrap_or(usize::MAX);
    let limit = u32::try_from(most.clamp(1, PAGE)).unwrap_or(1);
    for kind in kinds {
        let query = ListQuery {
            limit: Some(limit),
            tag: what.tag.clone(),
            cursor: None,
        };
        let mut resources = std::pin::pin!(client.list_all(kind, query).take(most));
        while let Some(resource) = resources.next().await {
            match resource {
                Ok(resource) if as_json => say::value(&resource),
                Ok(resource) => say::line(&row(&resource)),
                Err(error) => {
                    say::complain(&say::sentence(
                        &format!("the list of {kind} resources"),
                        &error,
                    ));
                    return Exit::of(&error);
                }
            }
        }
    }
    Exit::Done
}

fn row(resource: &Resource) -> String {
    let name = resource.file_name.as_deref().unwrap_or("-");
    let (time, size) = (&resource.created_at, say::size(resource.bytes));
    format!("{} {time} {size:>12} {name}", resource.id)
}

/// The largest page that the host gives.
const PAGE: usize = 100;
