//! Why there is no verdict, folded into the one error of all ports.

use picora_core::{StoreError, StoreErrorKind};
use picora_https::Unanswered::{Long, Lost, Unreachable};

/// Why a provider gave no verdict. Private: callers see [`StoreError`]. Nothing in it quotes the request, which holds a secret and a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It speaks, but not as documented.
    #[error("the answer does not read as documented (status {status})")]
    Garbage { status: u16 },
    /// It failed inside, perhaps after it had looked: the token may be spent.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// There is no answer.
    #[error(transparent)]
    Exchange(#[from] picora_https::Unanswered),
    /// Its own fault, which it says can be tried again.
    #[error("it says that it is in trouble: {0}")]
    Trouble(String),
    /// It does not accept what we are configured with.
    #[error("it does not accept our configuration: {0}")]
    Configured(String),
}

impl Unanswered {
    /// The error that a caller sees.
    pub(crate) fn told(self, backend: &'static str) -> StoreError {
        let kind = match &self {
            Self::Trouble(_) | Self::Exchange(Unreachable(_)) => StoreErrorKind::Unavailable,
            Self::Configured(_) => StoreErrorKind::Internal,
            Self::Garbage { .. } | Self::Lost(_) | Self::Exchange(Lost(_) | Long(_)) => {
                StoreErrorKind::Unknown
            }
        };
        StoreError::new(kind, backend, "verify").caused_by(self)
    }
}
