//! Where nothing can be.

use std::error::Error as _;
use std::io;

use object_store::path::Path;
use object_store::{Error, Result};

/// Nothing has this name, or nothing can have it, because a file is where its folder would be.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The answer about a key that lies below an object: in a cloud both may be there, so what cannot be there is not found.
///
/// object_store answers the operating system's error, as of a disk that is broken.
pub(crate) fn found<T>(key: &Path, answer: Result<T>) -> Result<T> {
    answer.map_err(|error| match is_below_a_file(&error) {
        true => Error::NotFound {
            path: key.to_string(),
            source: Box::new(error),
        },
        false => error,
    })
}

/// Whether what was looked at lies below a file.
pub(crate) fn is_below_a_file(error: &Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::NotADirectory)
    })
}
