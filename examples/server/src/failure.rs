//! How a handler fails: always by a row of the one table of error codes.

use axum::response::{IntoResponse, Response};
use picora_core::StoreError;
use picora_http::ApiError;

/// The failure of a handler.
#[derive(Debug)]
pub struct Failure(pub ApiError);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response(None)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let answer = ApiError::from(&error);
        if answer.code() == picora_http::ErrorCode::Internal {
            tracing::error!(%error, "a store is at fault");
        } else {
            tracing::warn!(%error, "a store did not answer");
        }
        Self(answer)
    }
}
