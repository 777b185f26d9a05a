//! What a store answers when it could not do its work.

use std::error::Error;
use std::fmt;

/// A failure of a database, a cache or an object store: which one, at what, and whether trying again helps.
///
/// A refusal by quota is never this error; it is a decision with its numbers. **State**: after [`StoreErrorKind::Unknown`] the step may
/// or may not have happened and must be probed by its key; after every other kind nothing has changed.
///
/// ```
/// use picora_core::{Retry, StoreError, StoreErrorKind};
/// let error = StoreError::new(StoreErrorKind::Unavailable, "sqlite", "reserve");
/// assert_eq!(error.retry(), Retry::Temporary);
/// assert_eq!(error.to_string(), "sqlite could not reserve: it is unavailable");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    backend: &'static str,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong, in words that every backend shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another transaction was there first.
    Conflict,
    /// What is stored does not read back as what was written.
    Corrupt,
    /// The backend's own fault, or ours; the source tells.
    Internal,
    /// A number left its range: negative, or above 2^62.
    OutOfRange,
    /// The backend does not do this.
    Unsupported,
    /// The backend cannot be reached, is full, locked or read-only.
    Unavailable,
    /// The answer was lost: the step may or may not have happened.
    Unknown,
}

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It has been tried as often as it makes sense.
    Exhausted,
    /// It will fail again.
    Permanent,
    /// It may succeed.
    Temporary,
}

impl StoreError {
    /// An error of this kind, from this backend, at this operation.
    #[must_use]
    pub const fn new(kind: StoreErrorKind, backend: &'static str, operation: &'static str) -> Self {
        Self {
            kind,
            backend,
            operation,
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self.kind {
            StoreErrorKind::Conflict | StoreErrorKind::Unavailable | StoreErrorKind::Unknown => {
                Retry::Temporary
            }
            StoreErrorKind::Corrupt
            | StoreErrorKind::Internal
            | StoreErrorKind::OutOfRange
            | StoreErrorKind::Unsupported => Retry::Permanent,
        }
    }

    /// Whether another transaction was there first.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Conflict)
    }

    /// The backend that failed, such as `sqlite`.
    #[must_use]
    pub const fn backend(&self) -> &'static str {
        self.backend
    }

    /// What it was asked to do, as a verb.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Conflict => "another transaction was there first",
            StoreErrorKind::Corrupt => "what it holds does not read back",
            StoreErrorKind::Internal => "an internal fault",
            StoreErrorKind::OutOfRange => "a number would be negative or above 2^62",
            StoreErrorKind::Unsupported => "it does not support that",
            StoreErrorKind::Unavailable => "it is unavailable",
            StoreErrorKind::Unknown => "the outcome is unknown",
        };
        write!(f, "{} could not {}: {what}", self.backend, self.operation)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
