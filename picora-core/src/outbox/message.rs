//! What is to be sent, and the names that keep it from being sent twice.

use std::fmt;

use crate::{AccountId, Timestamp};

/// What kind of thing a message asks for, such as `mail` or `alert`; each has a sender of its own.
///
/// ```
/// use picora_core::Topic;
/// const MAIL: Topic = Topic::new("mail");
/// assert_eq!(MAIL.name(), "mail");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(&'static str);

impl Topic {
    /// A topic of this name. It is written in rows, so it never changes.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a message within its topic: the same key is sent for once, however often it is put.
///
/// **Shape**: 1 to 200 bytes of UTF-8 without control characters, by convention `reason:subject` such as `over_quota:acc_01…:2026-04`.
/// It outlives the body of its message, and the account: names of people or addresses do not belong in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(String);

impl MessageKey {
    /// Takes the whole text. Nothing is cut: two long keys that begin alike would become one message.
    ///
    /// ```
    /// use picora_core::{MessageKey, MessageKeyError};
    /// assert_eq!(MessageKey::new("welcome:acc_1")?.as_str(), "welcome:acc_1");
    /// assert_eq!(MessageKey::new(""), Err(MessageKeyError::Empty));
    /// assert!(MessageKey::new("k".repeat(200)).is_ok());
    /// assert_eq!(MessageKey::new("k".repeat(201)), Err(MessageKeyError::TooLong(201)));
    /// assert_eq!(MessageKey::new("a\0b"), Err(MessageKeyError::Control));
    /// # Ok::<(), MessageKeyError>(())
    /// ```
    pub fn new(text: impl Into<String>) -> Result<Self, MessageKeyError> {
        let text = text.into();
        if text.is_empty() {
            return Err(MessageKeyError::Empty);
        }
        if text.len() > MAX_KEY_BYTES {
            return Err(MessageKeyError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(MessageKeyError::Control); // no database's text holds a NUL
        }
        Ok(Self(text))
    }

    /// The text that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not the key of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageKeyError {
    /// It has a character that not every database stores.
    #[error("the key of a message has a control character; write it without")]
    Control,
    /// It names nothing.
    #[error("the key of a message is empty; name what it is about")]
    Empty,
    /// So many bytes.
    #[error("the key of a message has {0} bytes; at most 200 are stored, so shorten what it names")]
    TooLong(usize),
}

/// Something that must leave, written in the transaction of the change that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name within the topic, used once and for good.
    pub key: MessageKey,
    /// What it asks for.
    pub topic: Topic,
    /// Whom it is about; with the account goes what was not sent. `None`: nobody.
    pub account: Option<AccountId>,
    /// What the sender needs, as JSON made by the domain that put it. Valid JSON has no NUL; a text with one is refused.
    pub body: String,
    /// From when on it may be sent.
    pub due_at: Timestamp,
}

/// The reason as stores keep it, for those who look into the rows: at most 500 bytes, cut between characters, control characters as spaces.
///
/// What a provider answers may be long and hold anything; failing to write it down would lose more than its end.
///
/// ```
/// use picora_core::outbox::reason_kept;
/// assert_eq!(reason_kept("550\0mailbox full"), "550 mailbox full");
/// assert_eq!(reason_kept(&"é".repeat(300)).len(), 500);
/// ```
#[must_use]
pub fn reason_kept(reason: &str) -> String {
    let plain = reason
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it });
    let mut kept = String::new();
    for character in plain {
        if kept.len() + character.len_utf8() > MAX_REASON_BYTES {
            break;
        }
        kept.push(character);
    }
    kept
}

const MAX_KEY_BYTES: usize = 200;
const MAX_REASON_BYTES: usize = 500;
