//! A mail before it is sent.

use std::fmt;

use lettre::Address;

use crate::link::Link;

/// One mail to one person, as text and as HTML.
///
/// **Boundaries**: whatever becomes a header is one line; a line break or another control character in it is an [`EmailError`], so that no
/// input can add a header. **State**: `Debug` shows key and tag alone; addresses and bodies are somebody's.
///
/// ```
/// use picora_mail::{Email, EmailError};
/// let mail = Email::new("welcome:7", "somebody@example.org", "Hello", "Hello.", "<p>Hello.</p>")?;
/// assert_eq!(mail.subject(), "Hello");
/// let forged = Email::new("k", "somebody@example.org", "Hello\r\nBcc: x@example.org", "", "");
/// assert_eq!(forged.unwrap_err(), EmailError::Subject);
/// # Ok::<(), EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    key: String,
    to: Address,
    subject: String,
    text: String,
    html: String,
    unsubscribe: Option<Link>,
    tag: Option<String>,
}

/// What of a mail cannot be sent. Nothing is quoted, for it may be somebody's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Without a key a repeat would not be recognised.
    #[error("the key of a mail is empty: a repeat could not be recognised")]
    Key,
    /// The recipient is no address.
    #[error("the recipient is not one plain e-mail address")]
    Recipient,
    /// The subject cannot be a header.
    #[error("the subject must be one line of at most {LONGEST_SUBJECT} bytes")]
    Subject,
    /// The tag cannot be a header.
    #[error("the tag must be one word of at most {LONGEST_TAG} printable ASCII characters")]
    Tag,
}

impl Email {
    /// A mail. The key is the same whenever the same mail is made again, and different for every other one: `Message-ID` derives from it.
    ///
    /// **Errors**: [`EmailError`] for what cannot be a header.
    pub fn new(
        key: impl Into<String>,
        to: &str,
        subject: impl Into<String>,
        text: impl Into<String>,
        html: impl Into<String>,
    ) -> Result<Self, EmailError> {
        let (key, subject) = (key.into(), subject.into());
        if key.is_empty() {
            return Err(EmailError::Key);
        }
        if to.len() > LONGEST_ADDRESS || to.contains(breaks) || to.contains(char::is_whitespace) {
            return Err(EmailError::Recipient);
        }
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains(breaks) {
            return Err(EmailError::Subject);
        }
        Ok(Self {
            key,
            to: to.parse().map_err(|_| EmailError::Recipient)?,
            subject,
            text: text.into(),
            html: html.into(),
            unsubscribe: None,
            tag: None,
        })
    }

    /// The same, with the address at which one click unsubscribes (RFC 8058): it must answer a POST without asking anything.
    #[must_use]
    pub fn with_unsubscribe(mut self, link: Link) -> Self {
        self.unsubscribe = Some(link);
        self
    }

    /// The same, with a value of `X-Picora-Alert`. **Errors**: [`EmailError::Tag`].
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, EmailError> {
        let tag = tag.into();
        let fits = (1..=LONGEST_TAG).contains(&tag.len());
        if !fits || !tag.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(EmailError::Tag);
        }
        self.tag = Some(tag);
        Ok(self)
    }

    /// What is the same whenever this mail is made again.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The recipient.
    #[must_use]
    pub fn to(&self) -> &str {
        self.to.as_ref()
    }

    /// The subject, in plain Unicode.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The body as plain text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The body as HTML.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }

    /// Where one click unsubscribes, if the mail can be turned off.
    #[must_use]
    pub const fn unsubscribe(&self) -> Option<&Link> {
        self.unsubscribe.as_ref()
    }

    /// The value of `X-Picora-Alert`, if it is an alert.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub(crate) const fn recipient(&self) -> &Address {
        &self.to
    }
}

/// What ends a line for some reader: control characters, and Unicode's own two separators.
fn breaks(it: char) -> bool {
    it.is_control() || matches!(it, '\u{2028}' | '\u{2029}')
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("key", &self.key)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// RFC 5321 §4.5.3.1: a path of 256 octets, with its two brackets.
const LONGEST_ADDRESS: usize = 254;
/// Far above any of ours; mail readers show some eighty.
const LONGEST_SUBJECT: usize = 500;
const LONGEST_TAG: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str) -> Result<Email, EmailError> {
        Email::new("k", address, "s", "", "")
    }

    #[test]
    fn a_recipient_is_one_plain_address() {
        assert_eq!(to("a+b@example.org").unwrap().to(), "a+b@example.org");
        for bad in [
            "",
            "a",
            "a@",
            "@example.org",
            "a@example.org, b@example.org",
            "A <a@example.org>",
            "a@example.org\r\nBcc: b@example.org",
            "\"a\r\nb\"@example.org",
            "a@example.org ",
        ] {
            assert_eq!(to(bad).unwrap_err(), EmailError::Recipient, "{bad}");
        }
        let long = format!("a@{}.org", "b.".repeat(130));
        assert_eq!(to(&long).unwrap_err(), EmailError::Recipient);
    }

    #[test]
    fn headers_are_one_line() {
        for bad in ["", "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\u{2028}b"] {
            let refused = Email::new("k", "a@example.org", bad, "", "");
            assert_eq!(refused.unwrap_err(), EmailError::Subject, "{bad:?}");
            let mail = to("a@example.org").unwrap();
            assert_eq!(mail.with_tag(bad).unwrap_err(), EmailError::Tag, "{bad:?}");
        }
        let keyless = Email::new("", "a@example.org", "s", "", "");
        assert_eq!(keyless.unwrap_err(), EmailError::Key);
    }
}
