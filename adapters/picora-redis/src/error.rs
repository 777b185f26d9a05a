//! How Redis' errors become ours.

use picora_core::{StoreError, StoreErrorKind};

/// What went wrong with a call.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing was sent: the breaker is open, the deadline came while the check waited its turn, or no connection was to be had.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// It was sent, and no answer came.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Redis refused: a script that fails has changed nothing.
    #[error("redis refused: {0}")]
    Refused(String),
    /// The slot is on another node of the cluster, or on its way there: nothing has run.
    #[error("the cluster has moved the slot: {0}")]
    Moved(String),
    /// The answer makes no sense, or is not what the rule says.
    #[error("the answer is not one of the script's: {0}")]
    Nonsense(&'static str),
    /// What is stored under a subject's key is no record.
    #[error("a record does not read back; `reset` forgets it")]
    Corrupt,
    /// What stands under a key of the echo is not what an echo writes.
    #[cfg(feature = "echo")]
    #[error("a key holds what no echo writes; who else writes under `quota:`?")]
    Foreign,
}

impl Failure {
    /// Of an error that the driver tells.
    pub(crate) fn of(error: &redis::RedisError) -> Self {
        let text = error.to_string();
        if error.is_cluster_error() {
            Self::Moved(text)
        } else if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() {
            Self::NoAnswer(text)
        } else if error.code().is_some() {
            Self::Refused(text)
        } else {
            Self::Nonsense("it does not parse")
        }
    }

    /// As the port tells it.
    pub(crate) fn at(self, operation: &'static str) -> StoreError {
        let kind = match self {
            Self::NotSent(_) | Self::Moved(_) => StoreErrorKind::Unavailable,
            Self::NoAnswer(_) | Self::Nonsense(_) => StoreErrorKind::Unknown,
            Self::Refused(_) => StoreErrorKind::Unavailable,
            Self::Corrupt => StoreErrorKind::Corrupt,
            #[cfg(feature = "echo")]
            Self::Foreign => StoreErrorKind::Corrupt,
        };
        StoreError::new(kind, "redis", operation).caused_by(self)
    }
}
