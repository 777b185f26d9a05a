//! `picora usage` and `picora whoami`.

use picora_client::{Error, Level, Picora};

use crate::exit::Exit;
use crate::say;

/// What is used, and what is allowed.
pub(crate) async fn usage(client: &Picora, as_json: bool) -> Exit {
    let usage = match client.usage().await {
        Ok(usage) => usage,
        Err(error) => return failed("the usage", &error),
    };
    if as_json {
        say::value(&usage);
        return Exit::Done;
    }
    let month = &usage.image.bandwidth.month_year;
    let served = |used, limit| Level { used, limit };
    let (image, video) = (&usage.image, &usage.video);
    let rows = [
        ("images stored".to_owned(), bytes(image.storage)),
        (
            format!("images served in {month}"),
            bytes(served(image.bandwidth.used, image.bandwidth.limit)),
        ),
        ("video and audio stored".to_owned(), bytes(video.storage)),
        (
            format!("video and audio served in {month}"),
            format!(
                "{} ({})",
                bytes(served(video.bandwidth.used, video.bandwidth.limit)),
                video.status
            ),
        ),
        ("documents".to_owned(), count(usage.doc.count)),
        ("uploads today".to_owned(), count(usage.uploads.day)),
        ("uploads this month".to_owned(), count(usage.uploads.month)),
    ];
    for (name, told) in rows {
        say::line(&format!("{name:<34} {told}"));
    }
    Exit::Done
}

/// Who the key belongs to.
pub(crate) async fn whoami(client: &Picora, as_json: bool) -> Exit {
    match client.verify().await {
        Ok(identity) if as_json => say::value(&identity),
        Ok(identity) => say::line(&format!(
            "{} by key {}, plan {}, role {}",
            identity.account_id, identity.key_id, identity.plan, identity.role
        )),
        Err(error) => return failed("the key", &error),
    }
    Exit::Done
}

fn failed(about: &str, error: &Error) -> Exit {
    say::complain(&say::sentence(about, error));
    Exit::of(error)
}

fn bytes(level: Level) -> String {
    let limit = level.limit.map_or_else(|| "no limit".to_owned(), say::size);
    format!("{} of {limit}", say::size(level.used))
}

fn count(level: Level) -> String {
    let limit = level
        .limit
        .map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    format!("{} of {limit}", level.used)
}
