//! A mail as bytes: headers, text and HTML.

use std::time::{SystemTime, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use picora_core::Timestamp;
use sha2::{Digest, Sha256};

use crate::email::Email;
use crate::error::{MailError, MailErrorKind};

/// Writes the mail, in seven bits: every server takes it as it is.
pub(super) fn write(email: &Email, from: &Mailbox, now: Timestamp) -> Result<Vec<u8>, MailError> {
    let id = message_id(email.key(), from.email.domain());
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, email.recipient().clone()))
        .subject(email.subject())
        .date(date(now))
        .message_id(Some(id));
    let bodies =
        MultiPart::alternative_plain_html(email.text().to_owned(), email.html().to_owned());
    let fault = |_| MailError::new(MailErrorKind::Refused, "write the mail");
    let mut message = message.multipart(bodies).map_err(fault)?;
    for (name, value) in more_headers(email) {
        // Encoding would break addresses up; `Link` and the tag are ASCII without a line break.
        let name = HeaderName::new_from_ascii_str(name);
        let value = HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value);
        message.headers_mut().insert_raw(value);
    }
    Ok(message.formatted())
}

/// Derived from the key, so that a mailbox recognises a repeat; hashed, for a key may name an account.
fn message_id(key: &str, domain: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let hex = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("<{}@{domain}>", hex.collect::<String>())
}

fn more_headers(email: &Email) -> Vec<(&'static str, String)> {
    // RFC 3834: nobody's vacation notice answers.
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    if let Some(tag) = email.tag() {
        headers.push(("X-Picora-Alert", tag.to_owned()));
    }
    if let Some(link) = email.unsubscribe() {
        headers.push(("List-Unsubscribe", format!("<{}>", link.as_str())));
        let one_click = "List-Unsubscribe=One-Click".to_owned();
        headers.push(("List-Unsubscribe-Post", one_click));
    }
    headers
}

fn date(now: Timestamp) -> SystemTime {
    let since = now.saturating_since(Timestamp::EPOCH);
    UNIX_EPOCH + since
}

#[cfg(test)]
mod tests;
