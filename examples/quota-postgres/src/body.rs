//! A request's body: what it says, and a hash by which a repetition is told from another request.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use picora_http::ApiError;
use picora_quota::RequestHash;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// JSON, refused by the one table of errors rather than in axum's own words.
#[derive(Debug)]
pub(crate) struct Body<T> {
    pub(crate) value: T,
    pub(crate) hash: RequestHash,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(ApiError::payload_too_large(MOST_BYTES as u64).into());
            }
            Err(error) => return Err(ApiError::invalid_request("body", error.body_text()).into()),
        };
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::invalid_request("body", error.to_string()))?;
        let hash = RequestHash(Sha256::digest(&bytes).into());
        Ok(Self { value, hash })
    }
}

/// More than this is not read, whatever an account may store.
pub(crate) const MOST_BYTES: usize = 1 << 20;
