//! The call that writes entries.

use std::time::Duration;

use picora_quota::echo::{Entry, Life, MONTHLY_LIFE};

use crate::request::{Request, Script};

static WRITE: Script = Script::new(include_str!("write.lua"), || WRITE.digest());

/// Entries of one epoch; on a cluster, one.
pub(super) fn request(entries: &[Entry], epoch: u64) -> Request {
    let mut request = Request::to(&WRITE);
    for entry in entries {
        request.key(entry.key.as_bytes());
        request.key(epoch_key(&entry.key).as_bytes());
    }
    request.argument(format!("{epoch:020}").as_bytes());
    for entry in entries {
        let (life, epochs_life) = lives(entry.life);
        request.argument(entry.value.as_bytes());
        for life in [life, epochs_life] {
            let millis = life.map(|it| it.as_millis().to_string());
            request.argument(millis.unwrap_or_default().as_bytes());
        }
    }
    request
}

/// Where the epoch of a key stands: the braces put it into the slot of its key.
pub(super) fn epoch_key(key: &str) -> String {
    format!("{{{key}}}:epoch")
}

/// How long a key lives, and its epoch: longer than a status, or what is late would replace nothing and stand.
fn lives(life: Life) -> (Option<Duration>, Option<Duration>) {
    match life {
        Life::Forever => (None, None),
        // Redis has no `Until` here: a status is leased.
        Life::For(span) => (Some(span), Some(span.max(MONTHLY_LIFE))),
        Life::Until(_) => (Some(MONTHLY_LIFE), Some(MONTHLY_LIFE)),
    }
}
