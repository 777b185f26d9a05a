//! What is printed: lines of text or of JSON on standard output, sentences on standard error.

use std::io::{self, Write};

use picora_client::Error;
use serde::Serialize;
use serde_json::{Value, json};

/// Prints one line. `| head` may have read enough; that is no reason to stop an upload.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", tame(text));
}

/// Prints one value as one line of JSON, whose escapes leave a terminal alone.
pub(crate) fn value(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        line(&text);
    }
}

/// A sentence for people.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(io::stderr().lock(), "picora: {}", tame(sentence));
}

/// The sentence of an error, with what it is about in front.
pub(crate) fn sentence(about: &str, error: &Error) -> String {
    let id = match error {
        Error::Refused(_) => None, // it says its id itself
        other => other.request_id(),
    };
    let id = id.map(|id| format!(" (request {id})")).unwrap_or_default();
    let numbers = error
        .refusal()
        .map(|it| numbers(&it.meta))
        .unwrap_or_default();
    format!("{about}: {error}{id}{numbers}")
}

/// The numbers of a denial, which say what would help.
fn numbers(meta: &serde_json::Map<String, Value>) -> String {
    let used = match (&meta.get("used"), &meta.get("limit")) {
        (Some(used), Some(limit)) => format!("; {used} of {limit} are used"),
        _ => String::new(),
    };
    let wait = meta
        .get("retryAfterSec")
        .map(|it| format!("; come back in {it} s"));
    used + &wait.unwrap_or_default()
}

/// An error as JSON has it.
pub(crate) fn fault(error: &Error) -> Value {
    match error.refusal() {
        Some(refusal) => json!({
            "code": refusal.code, "message": refusal.message, "meta": refusal.meta,
            "status": refusal.status.as_u16(), "requestId": refusal.request_id,
        }),
        None => {
            json!({"code": null, "message": error.to_string(), "requestId": error.request_id()})
        }
    }
}

/// Names and sentences come from others: what would move a cursor or change a colour is left out.
pub(crate) fn tame(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect()
}

/// Bytes for people: 1536 is `1.5 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(
            tame("a\u{1b}[2Jb\r\nü\u{9b}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}ü\u{fffd}"
        );
    }
}
