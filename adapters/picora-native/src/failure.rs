//! Why a request came to nothing, or may have.

use object_store::client::{HttpError, HttpErrorKind};
use picora_core::{StoreError, StoreErrorKind};

/// The end of a request without what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The store refused it. Nothing has changed.
    #[error("it answered {status} {code}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// The vendor's word for it; empty where it said nothing readable.
        code: String,
        /// In the vendor's sentence.
        message: String,
    },
    /// No server was reached. Nothing has changed.
    #[error("it cannot be reached ({0})")]
    Unreached(String),
    /// The answer was lost, or is none: what was asked for may have happened.
    #[error("its answer was lost ({0})")]
    Lost(String),
    /// The bytes that came are not those that were sent.
    #[error("the bytes are not those that were stored: CRC-64 {found} instead of {expected}")]
    Corrupt {
        /// Of the bytes that were meant.
        expected: u64,
        /// Of the bytes that there are.
        found: u64,
    },
}

impl Failure {
    pub(crate) fn of(error: &HttpError) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = cause.to_string(); // the innermost says most
            source = cause.source();
        }
        match error.kind() {
            HttpErrorKind::Connect => Self::Unreached(text),
            _ => Self::Lost(text),
        }
    }

    /// Whether the same request may have another answer in a moment.
    pub(crate) fn passes(&self) -> bool {
        match self {
            // What came was not what was sent: the next time it may be.
            Self::Refused { code, .. } if code == "InvalidDigest" => true,
            Self::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Unreached(_) | Self::Lost(_) => true,
            Self::Corrupt { .. } => false,
        }
    }

    /// Whether what was asked for may have happened.
    pub(crate) fn may_have_happened(&self) -> bool {
        // A store that says that it failed inside may have failed after it had done it.
        matches!(
            self,
            Self::Lost(_)
                | Self::Refused {
                    status: 500..=599,
                    ..
                }
        )
    }

    /// The same of a request that changes nothing: what would be unknown is only not known yet.
    pub(crate) fn without_effect(self) -> Self {
        if self.may_have_happened() {
            Self::Unreached(self.to_string())
        } else {
            self
        }
    }

    pub(crate) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// As bytes are told of it.
    pub(crate) fn of_bytes(self, store: &'static str, path: &str) -> object_store::Error {
        let path = path.to_owned();
        let status = self.status();
        let exists = self.has_code("FileAlreadyExists");
        let source = Box::new(self);
        match status {
            Some(404) => object_store::Error::NotFound { path, source },
            Some(409) if exists => object_store::Error::AlreadyExists { path, source },
            Some(412) => object_store::Error::Precondition { path, source },
            Some(304) => object_store::Error::NotModified { path, source },
            Some(401) => object_store::Error::Unauthenticated { path, source },
            Some(403) => object_store::Error::PermissionDenied { path, source },
            _ => object_store::Error::Generic { store, source },
        }
    }

    /// As tiers are told of it.
    pub(crate) fn of_tier(self, backend: &'static str, operation: &'static str) -> StoreError {
        let kind = match &self {
            it if it.may_have_happened() => StoreErrorKind::Unknown,
            Self::Corrupt { .. } => StoreErrorKind::Corrupt,
            it if it.passes() => StoreErrorKind::Unavailable,
            _ => StoreErrorKind::Internal,
        };
        StoreError::new(kind, backend, operation).caused_by(self)
    }
}
