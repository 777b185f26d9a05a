//! Names of policies and limits.

use std::fmt;

use crate::PolicyError;

/// What a policy or a limit is called in answers, headers and metrics, such as `read` or `burst`.
///
/// It is held in place, so that a decision can carry the names of its limits without an allocation or a borrow.
///
/// **Units**: 1 to 23 of `A-Z a-z 0-9 . _ -`, which is safe in a header, a metric label and a log line. **Errors**:
/// [`PolicyError::Name`].
///
/// ```
/// use picora_ratelimit::Name;
/// assert_eq!(Name::new("read")?.as_str(), "read");
/// assert!(Name::new("per minute").is_err());
/// # Ok::<(), picora_ratelimit::PolicyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    length: u8,
    bytes: [u8; Self::MAX_LENGTH],
}

impl Name {
    /// The longest name, in bytes: with its length it fills three machine words.
    pub const MAX_LENGTH: usize = 23;

    /// Takes a name.
    ///
    /// # Errors
    /// [`PolicyError::Name`] when it is empty, too long, or holds another character.
    pub fn new(text: &str) -> Result<Self, PolicyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(PolicyError::Name {
                given: text.to_owned(),
            });
        }
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { length, bytes })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let used = &self.bytes[..usize::from(self.length)];
        std::str::from_utf8(used).unwrap_or_default() // ASCII, checked when it was made
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
