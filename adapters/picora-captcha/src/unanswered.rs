//! Why there is no verdict, folded into the one error of all ports.

use picora_core::{StoreError, StoreErrorKind};

/// Why a provider gave no verdict. Private: callers see [`StoreError`]. Nothing in it quotes the request, which holds a secret and a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It speaks, but not as documented.
    #[error("the answer does not read as documented (status {status})")]
    Garbage { status: u16 },
    /// It stopped in the middle, or did not answer in time; the token may be spent.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// Longer than any answer.
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
    /// Its own fault, which it says can be tried again.
    #[error("it says that it is in trouble: {0}")]
    Trouble(String),
    /// It does not accept what we are configured with.
    #[error("it does not accept our configuration: {0}")]
    Configured(String),
    /// There was no connection, so that nothing was sent.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

impl Unanswered {
    /// The error that a caller sees.
    pub(crate) fn told(self, backend: &'static str) -> StoreError {
        let kind = match &self {
            Self::Trouble(_) | Self::Unreachable(_) => StoreErrorKind::Unavailable,
            Self::Configured(_) => StoreErrorKind::Internal,
            Self::Garbage { .. } | Self::Lost(_) | Self::Long(_) => StoreErrorKind::Unknown,
        };
        StoreError::new(kind, backend, "verify").caused_by(self)
    }
}
