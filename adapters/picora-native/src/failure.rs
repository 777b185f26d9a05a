//! Why a request came to nothing, or may have.

use object_store::client::{HttpError, HttpErrorKind};
use picora_core::{StoreError, StoreErrorKind};
use picora_storage::Corrupt;

use crate::refusal::Refusal;
use crate::transport::{NoSuchHost, Untrusted};

/// The end of a request without what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The store refused it. Nothing has changed.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
    /// The store refused to let us in, after an earlier try whose answer was lost: that one may have done it.
    #[error("{0}, and an earlier answer was lost")]
    Doubtful(#[source] Box<Refusal>),
    /// The host's name leads nowhere. Nothing has changed.
    #[error("there is no host {host} ({cause})")]
    NoSuchHost {
        /// The name.
        host: String,
        /// What the name server of this machine says.
        cause: String,
    },
    /// Whoever answers cannot prove that he is the host. Nothing was told to him, nothing has changed.
    #[error("it has no valid certificate ({0})")]
    Untrusted(String),
    /// No server was reached. Nothing has changed.
    #[error("it cannot be reached ({0})")]
    Unreached(String),
    /// The vendor takes only so many of these in a second, and others are before. Nothing was sent.
    #[error("too many are before it; its turn is in {after:?}")]
    Throttled {
        /// When there would be a turn, counted from when it was asked for.
        after: std::time::Duration,
    },
    /// The answer was lost, or is none: what was asked for may have happened.
    #[error("its answer was lost ({0})")]
    Lost(String),
    /// The bytes that came are not those that were sent.
    #[error("{0}")]
    Corrupt(#[source] Corrupt),
}

/// A failure, and of what.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{host}/{key}: {failure}")]
pub struct Located {
    /// The server, with its port where one is named.
    pub host: String,
    /// The object, or the prefix of a list; empty for the bucket itself.
    pub key: String,
    /// What happened.
    #[source]
    pub failure: Failure,
}

impl Failure {
    /// What became of a request that has no answer, or not all of it.
    #[must_use]
    pub fn of(error: &HttpError) -> Self {
        let source = std::error::Error::source(error);
        let causes = || std::iter::successors(source, |cause| cause.source());
        if let Some(failure) = causes().find_map(NoSuchHost::among) {
            return failure;
        }
        let said = causes().last().map(ToString::to_string); // the innermost says most
        let said = said.unwrap_or_else(|| error.to_string());
        // A connection that is not there in time is a timeout to the client, but nothing was sent.
        let connecting = causes()
            .filter_map(|cause| cause.downcast_ref::<reqwest::Error>())
            .any(reqwest::Error::is_connect);
        let connecting = connecting || error.kind() == HttpErrorKind::Connect;
        // TLS that breaks later may break after the request has come through.
        match causes().find_map(Untrusted::among) {
            Some(Untrusted(cause)) if connecting => Self::Untrusted(cause),
            None if connecting => Self::Unreached(said),
            _ => Self::Lost(said),
        }
    }

    /// Whether the same request may have another answer in a moment.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            // What came was not what was sent, or not all of it: the next time it may be.
            Self::Refused(refusal)
                if matches!(
                    refusal.code.as_str(),
                    "InvalidDigest" | "BadDigest" | "RequestTimeout"
                ) =>
            {
                true
            }
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500 | 502 | 503 | 504),
            // Name servers have weak moments, too.
            Self::NoSuchHost { .. } | Self::Unreached(_) | Self::Lost(_) => true,
            Self::Doubtful(_) | Self::Untrusted(_) | Self::Throttled { .. } | Self::Corrupt(_) => {
                false
            }
        }
    }

    /// Whether what was asked for may have happened.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            // A store that says that it failed inside may have failed after it had done it.
            Self::Refused(refusal) => (500..=599).contains(&refusal.status),
            Self::Lost(_) | Self::Doubtful(_) => true,
            Self::NoSuchHost { .. }
            | Self::Untrusted(_)
            | Self::Unreached(_)
            | Self::Throttled { .. }
            | Self::Corrupt(_) => false,
        }
    }

    /// The same when an earlier try of something that changes the store may have done it. Refusals of what is there are for whoever asked
    /// to look into; that a key or a right has ended meanwhile says nothing of the earlier try.
    pub(crate) fn after_loss(self) -> Self {
        match self {
            Self::Refused(refusal) if matches!(refusal.status, 401 | 403) => {
                Self::Doubtful(refusal)
            }
            failure => failure,
        }
    }

    /// What the store said, if it refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether it was refused by this word of the vendor's.
    #[must_use]
    pub fn has_code(&self, wanted: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == wanted)
    }

    /// The status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Whether the store says to a `HEAD` that something is missing, and not what.
    #[must_use]
    pub fn is_wordless(&self) -> bool {
        let refusal = self.refusal();
        refusal.is_some_and(|it| it.bodiless && it.status == 404 && it.code.is_empty())
    }

    /// Whether the store says that there is no such object; a bucket that is not there says nothing about its objects.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_missing)
    }
}

impl Located {
    /// As bytes are told of it.
    #[must_use]
    pub fn of_bytes(self, store: &'static str) -> object_store::Error {
        let path = self.key.clone();
        let (status, missing) = (self.failure.status(), self.failure.is_missing());
        let exists = self.failure.has_code("FileAlreadyExists");
        let source = Box::new(self);
        match status {
            Some(404) if missing => object_store::Error::NotFound { path, source },
            Some(409) if exists => object_store::Error::AlreadyExists { path, source },
            Some(412) => object_store::Error::Precondition { path, source },
            Some(304) => object_store::Error::NotModified { path, source },
            Some(401) => object_store::Error::Unauthenticated { path, source },
            Some(403) => object_store::Error::PermissionDenied { path, source },
            _ => object_store::Error::Generic { store, source },
        }
    }

    /// As tiers are told of it. `changes` says whether the request would have changed something: what changes nothing is not unknown, it is
    /// only not known yet.
    #[must_use]
    pub fn of_tier(
        self,
        backend: &'static str,
        operation: &'static str,
        changes: bool,
    ) -> StoreError {
        let kind = match &self.failure {
            it if changes && it.may_have_happened() => StoreErrorKind::Unknown,
            Failure::Corrupt(_) => StoreErrorKind::Corrupt,
            Failure::Untrusted(_) | Failure::Throttled { .. } => StoreErrorKind::Unavailable,
            it if it.passes() => StoreErrorKind::Unavailable,
            _ => StoreErrorKind::Internal,
        };
        StoreError::new(kind, backend, operation).caused_by(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// As the layers wrap it: an error of I/O in one of I/O.
    fn tls(kind: HttpErrorKind) -> Failure {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::InternalError);
        let inner = io::Error::new(io::ErrorKind::InvalidData, alert);
        Failure::of(&HttpError::new(kind, io::Error::other(inner)))
    }

    #[test]
    fn tls_that_breaks_after_the_request_was_sent_says_nothing_of_what_has_happened() {
        let stranger = tls(HttpErrorKind::Connect);
        assert!(matches!(stranger, Failure::Untrusted(_)), "{stranger:?}");
        assert!(!stranger.may_have_happened() && !stranger.passes());
        for kind in [
            HttpErrorKind::Request,
            HttpErrorKind::Interrupted,
            HttpErrorKind::Timeout,
            HttpErrorKind::Unknown,
        ] {
            let lost = tls(kind);
            assert!(matches!(lost, Failure::Lost(_)), "{lost:?}");
            assert!(lost.may_have_happened() && lost.passes());
        }
    }
}
