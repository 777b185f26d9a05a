//! How a handler fails: always by a row of the one table of errors.

use axum::response::{IntoResponse, Response};
use picora_core::{IdError, StoreError};
use picora_http::{ApiError, ErrorCode};
use sqlx::error::{DatabaseError, ErrorKind};

#[derive(Debug)]
pub(crate) struct Failure(ApiError);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response(None) // the layer adds the request's id
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// What has no form of an id names nothing.
impl From<IdError> for Failure {
    fn from(_: IdError) -> Self {
        Self(ApiError::not_found())
    }
}

/// The same, for the ids of our own.
impl From<std::num::ParseIntError> for Failure {
    fn from(_: std::num::ParseIntError) -> Self {
        Self(ApiError::not_found())
    }
}

/// The ledger could not do its work. A denial never comes here: that is an answer.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::logged(ApiError::from(&error), &error)
    }
}

/// A statement of our own failed, or a COMMIT. If its answer was lost nobody knows what happened; the client is told to come back, and
/// with its idempotency key that is safe.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        let answer = match &error {
            Error::Database(refusal) => refused(refusal.as_ref()),
            Error::Io(_) | Error::PoolClosed | Error::PoolTimedOut | Error::WorkerCrashed => {
                ApiError::unavailable(1)
            }
            _ => ApiError::internal(),
        };
        Self::logged(answer, &error)
    }
}

impl Failure {
    /// Our own faults are for the log; the client gets the request's id to ask about them.
    fn logged(answer: ApiError, error: &dyn std::fmt::Display) -> Self {
        match answer.code() {
            ErrorCode::Internal => tracing::error!(%error, "a request failed"),
            ErrorCode::Unavailable => tracing::warn!(%error, "the database did not answer"),
            _ => {}
        }
        Self(answer)
    }
}

/// What the schema refuses is the client's to mend. **Source**: PostgreSQL, appendix A: the first two characters are the class.
fn refused(refusal: &dyn DatabaseError) -> ApiError {
    let field = refusal.constraint().unwrap_or("body");
    let code = refusal.code().unwrap_or_default();
    match (refusal.kind(), code.get(..2)) {
        (ErrorKind::UniqueViolation, _) => ApiError::conflict("There is one already"),
        // A check, or a text that PostgreSQL cannot hold, such as one with a NUL in it.
        (ErrorKind::CheckViolation, _) | (_, Some("22")) => {
            ApiError::invalid_request(field, format!("`{field}` is not accepted"))
        }
        // No connection, undone by a deadlock, no resources, a lock not had in time, shutting down or starting.
        (_, Some("08" | "40" | "53" | "55" | "57")) => ApiError::unavailable(1),
        _ => ApiError::internal(),
    }
}
