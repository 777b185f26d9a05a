//! Why a mail was not sent.

use std::fmt;

use picora_core::Retry;

/// A mail was not sent, or perhaps it was: what went wrong, at which step, and whether trying again helps.
///
/// Of a server's answer only its numbers are kept: its words quote addresses.
///
/// ```
/// use picora_core::Retry;
/// use picora_mail::{MailError, MailErrorKind};
/// let error = MailError::new(MailErrorKind::Refused, "name the recipient").with_code(550);
/// assert_eq!(error.retry(), Retry::Permanent);
/// assert_eq!(error.to_string(), "smtp could not name the recipient: the server refuses it for good (code 550)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailError {
    kind: MailErrorKind,
    step: &'static str,
    code: Option<u16>,
    cause: Option<String>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailErrorKind {
    /// The server refuses this recipient or this mail for good (5xx): trying again cannot help.
    Refused,
    /// The server asks for another try later (4xx).
    Deferred,
    /// There was no connection, or it broke before the mail was handed over: it was not sent.
    Unreachable,
    /// The answer to the handed-over mail was lost: it may have been accepted.
    Unknown,
    /// The server does not accept *us*: credentials, sender, certificate or encryption. No mail goes out until an operator has acted;
    /// the mail itself is not at fault and is worth keeping.
    Misconfigured,
}

impl MailError {
    /// An error of this kind, at this step, told as a verb: `connect`.
    #[must_use]
    pub const fn new(kind: MailErrorKind, step: &'static str) -> Self {
        Self {
            kind,
            step,
            code: None,
            cause: None,
        }
    }

    /// The same, with the server's reply code.
    #[must_use]
    pub const fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// The same, with a cause, which must not name persons or secrets.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> MailErrorKind {
        self.kind
    }

    /// The server's reply code, if it answered.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        self.code
    }

    /// Whether sending the same mail again may succeed.
    ///
    /// After [`Unknown`](MailErrorKind::Unknown) it may also arrive twice, under one `Message-ID`.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self.kind {
            MailErrorKind::Refused => Retry::Permanent,
            MailErrorKind::Deferred
            | MailErrorKind::Unreachable
            | MailErrorKind::Unknown
            | MailErrorKind::Misconfigured => Retry::Temporary,
        }
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            MailErrorKind::Refused => "the server refuses it for good",
            MailErrorKind::Deferred => "the server asks for another try later",
            MailErrorKind::Unreachable => "the server cannot be reached",
            MailErrorKind::Unknown => "the answer was lost, and the mail may have been accepted",
            MailErrorKind::Misconfigured => {
                "the server and our configuration do not agree; check credentials, sender and TLS"
            }
        };
        write!(f, "smtp could not {}: {what}", self.step)?;
        match (self.code, &self.cause) {
            (Some(code), _) => write!(f, " (code {code})"),
            (None, Some(cause)) => write!(f, " ({cause})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for MailError {}
