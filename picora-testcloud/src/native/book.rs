//! What an operation will cost.

use picora_core::Timestamp;

use super::{Habits, Shelf, copy};
use crate::answer::Answer;
use crate::bill::Act;
use crate::call::Call;

/// What there was before an operation.
pub(super) struct Before {
    class: Option<&'static str>,
    copied: u64,
}

impl Before {
    pub(super) fn of(habits: &Habits, shelf: &Shelf, operation: &str, call: &Call) -> Self {
        let source = (operation == "CopyObject").then(|| copy::source(habits, call).ok());
        let source = source.flatten().unwrap_or_else(|| call.key.clone());
        let read = shelf.get(&source);
        Self {
            class: read.map(|object| object.class),
            copied: read.map_or(0, |object| object.bytes.len() as u64),
        }
    }
}

/// Enters an operation. What is read, is read out of the class that it was in; what is written, is written into the one that it is in now.
pub(super) fn enter(
    habits: &Habits,
    shelf: &mut Shelf,
    operation: &'static str,
    (call, before): (&Call, &Before),
    answer: &Answer,
    now: Timestamp,
) {
    let succeeded = answer.status.is_success();
    let written = shelf.get(&call.key).map(|object| object.class);
    let (was, is) = (before.class, written.or(before.class));
    let mut act = Act {
        at: now,
        operation,
        class: is.unwrap_or(habits.standard),
        succeeded,
        read_bytes: 0,
        restored_bytes: 0,
    };
    match operation {
        "GetObject" if succeeded => act.read_bytes = answer.body.len() as u64,
        "RestoreObject" if succeeded => {
            let object = shelf.get(&call.key);
            let restore = object.and_then(|object| object.restore);
            if answer.status == http::StatusCode::ACCEPTED {
                act.restored_bytes = object.map_or(0, |object| object.bytes.len() as u64);
            }
            if let Some(restore) = restore {
                shelf.ledger.thaws(&call.key, restore.ready, restore.lives);
            }
        }
        "CopyObject" if succeeded && before.copied > 0 => {
            // The other half of a copy: its bytes are read out of the class they were in. It is no operation of its own.
            shelf.ledger.acts.push(Act {
                operation: READ_BY_A_COPY,
                class: was.unwrap_or(habits.standard),
                read_bytes: before.copied,
                ..act.clone()
            });
        }
        _ => {}
    }
    shelf.ledger.acts.push(act);
}

const READ_BY_A_COPY: &str = "CopyObject, its source";
