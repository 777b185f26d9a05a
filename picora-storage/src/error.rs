//! An object store's failure in the words that all stores share.

use std::error::Error as _;
use std::io::ErrorKind;

use object_store::Error;
use picora_core::{StoreError, StoreErrorKind};

/// Whether the cause is a full, read-only or forbidden place: nothing was stored, and an operator has to act.
///
/// **Boundaries**: a full disk, a used-up quota and the largest size of a file count as full; a read-only file system and missing
/// permission as read-only. Found by the operating system's code in the chain of causes, not by its text.
///
/// ```
/// use picora_storage::error::is_full_or_read_only;
/// let error = object_store::Error::Generic {
///     store: "folder",
///     source: Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
/// };
/// assert!(is_full_or_read_only(&error));
/// ```
#[must_use]
pub fn is_full_or_read_only(error: &Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| {
            matches!(
                cause.kind(),
                ErrorKind::StorageFull
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::FileTooLarge
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::PermissionDenied
            )
        })
}

/// A failure of a step that changes nothing, or whose change nobody can see yet.
///
/// **Errors** become: not found → `Corrupt`, since whoever asks by a key of ours has a row that says the bytes are there; already there
/// and preconditions → `Conflict`; not implemented → `Unsupported`; a path that the store refuses → `Internal`; all else →
/// `Unavailable`. Where absence is an answer, match [`Error::NotFound`] first, as [`object`](crate::object) does.
#[must_use]
pub fn harmless(operation: &'static str, error: Error) -> StoreError {
    fold(operation, StoreErrorKind::Unavailable, error)
}

/// A failure of the step that publishes or removes an object: it may have happened although its answer was lost.
///
/// As [`harmless`], but what is not known to have failed beforehand becomes `Unknown`; a full or read-only place is `Unavailable`.
#[must_use]
pub fn decisive(operation: &'static str, error: Error) -> StoreError {
    let certain = is_full_or_read_only(&error)
        || matches!(
            error,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
        );
    let otherwise = if certain {
        StoreErrorKind::Unavailable
    } else {
        StoreErrorKind::Unknown
    };
    fold(operation, otherwise, error)
}

fn fold(operation: &'static str, otherwise: StoreErrorKind, error: Error) -> StoreError {
    let kind = match &error {
        Error::NotFound { .. } => StoreErrorKind::Corrupt,
        error if is_corrupt(error) => StoreErrorKind::Corrupt,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => StoreErrorKind::Conflict,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => StoreErrorKind::Unsupported,
        Error::InvalidPath { .. }
        | Error::NotModified { .. }
        | Error::UnknownConfigurationKey { .. } => StoreErrorKind::Internal,
        _ => otherwise, // generic, refused credentials, and what the crate adds later
    };
    StoreError::new(kind, BACKEND, operation).caused_by(error)
}

/// Whether the bytes that came are not those that were stored ([`Corrupt`](crate::Corrupt)): no second try makes that better.
///
/// ```
/// use picora_storage::{Corrupt, error::is_corrupt};
/// let error = object_store::Error::Generic { store: "oss", source: Box::new(Corrupt { expected: 1, found: 2 }) };
/// assert!(is_corrupt(&error));
/// ```
#[must_use]
pub fn is_corrupt(error: &Error) -> bool {
    causes(error).any(|cause| cause.is::<crate::Corrupt>())
}

/// Whether the object is archived and must be restored before it can be read ([`Frozen`](crate::Frozen)).
///
/// ```
/// use picora_storage::{Frozen, error::is_frozen};
/// let error = object_store::Error::PermissionDenied { path: "media/a/b".into(), source: Box::new(Frozen) };
/// assert!(is_frozen(&error));
/// let error = object_store::Error::PermissionDenied { path: "media/a/b".into(), source: "no right to read".into() };
/// assert!(!is_frozen(&error));
/// ```
#[must_use]
pub fn is_frozen(error: &Error) -> bool {
    causes(error).any(|cause| cause.is::<crate::Frozen>())
}

fn causes<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// How errors call whatever implements `ObjectStore`; the cause names the implementation.
pub(crate) const BACKEND: &str = "object store";

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(kind: ErrorKind) -> Error {
        Error::Generic {
            store: "test",
            source: Box::new(std::io::Error::from(kind)),
        }
    }

    #[test]
    fn a_full_place_is_unavailable_and_a_lost_answer_unknown() {
        let full = decisive("put", generic(ErrorKind::StorageFull));
        assert_eq!(full.kind(), StoreErrorKind::Unavailable);
        let lost = decisive("put", generic(ErrorKind::TimedOut));
        assert_eq!(lost.kind(), StoreErrorKind::Unknown);
        let unread = harmless("get", generic(ErrorKind::TimedOut));
        assert_eq!(unread.kind(), StoreErrorKind::Unavailable);
        assert!(unread.to_string().starts_with("object store could not get"));
    }

    #[test]
    fn missing_bytes_of_a_known_key_are_corruption() {
        let missing = Error::NotFound {
            path: "media/a/b".into(),
            source: "gone".into(),
        };
        assert_eq!(harmless("get", missing).kind(), StoreErrorKind::Corrupt);
    }
}
