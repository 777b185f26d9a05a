//! Restores of archived objects.

use std::time::Duration;

use http::StatusCode;
use picora_core::Timestamp;

use super::{Habits, Store, digest, missing};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::object::{Restore, Thaw};
use crate::xml::texts;

/// 202 when it begins, 409 while it goes on, 200 when the bytes can be read: then they can for a day longer, seven in all.
pub(super) fn restore(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    digest::given(habits, call, false)?;
    let (days, speed) = asked(habits, call)?;
    let object = store.objects.get_mut(&call.key).ok_or_else(missing)?;
    if !habits.is_archive(object.class) {
        let (status, code) = habits.not_archived;
        let message = "The operation is not supported for this resource";
        return Err(Refusal::new(status, code, message));
    }
    if !speed.is_none_or(|speed| habits.restores_at(object.class, &speed)) {
        let message = "There is no such speed for this class.";
        return Err(Refusal::new(400, "InvalidArgument", message));
    }
    match object.thaw(now) {
        Thaw::Ongoing => {
            let message = "The restore operation is in progress.";
            Err(Refusal::new(409, "RestoreAlreadyInProgress", message))
        }
        Thaw::ReadableUntil(_) => {
            if let Some(restore) = &mut object.restore {
                restore.lives = (restore.lives + DAY).min(7 * DAY);
            }
            Ok(Answer::empty(StatusCode::OK))
        }
        Thaw::Frozen => {
            object.restore = Some(Restore {
                ready: now.saturating_add(TAKES),
                lives: days * DAY,
            });
            Ok(Answer::empty(StatusCode::ACCEPTED))
        }
    }
}

/// For how many days, and how fast where that must be said.
fn asked(habits: &Habits, call: &Call) -> Result<(u32, Option<String>), Refusal> {
    if call.body.is_empty() && !habits.restores_in_full {
        return Ok((1, None));
    }
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed.",
        )
    };
    let document = texts(&call.body).ok_or_else(malformed)?;
    let text = |wanted: &str| {
        let found = document.iter().find(|(path, _)| path == wanted);
        found.map(|(_, text)| text.clone())
    };
    let speed = text("RestoreRequest/CASJobParameters/Tier");
    if habits.restores_in_full && speed.is_none() {
        return Err(malformed());
    }
    let days = text("RestoreRequest/Days").and_then(|text| text.parse().ok());
    let days = days.ok_or_else(malformed)?;
    if (1..=7).contains(&days) {
        Ok((days, speed))
    } else {
        Err(Refusal::new(
            400,
            "InvalidArgument",
            "Days must be between 1 and 7.",
        ))
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a restore takes.
pub(super) const TAKES: Duration = Duration::from_secs(60);
