//! What handlers take from a request, failing by the table of error codes.

use std::sync::Arc;

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use picora_http::ApiError;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::failure::Failure;

/// The id in a path, as text. What is not even text is the id of nothing.
#[derive(Debug)]
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let answer: Result<axum::extract::Path<String>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        let id = answer.map_err(|_| ApiError::not_found())?;
        Ok(Self(id.0))
    }
}

/// A JSON object as body. Its content type is not asked for: what parses is meant. It comes whole within the time that an upload may pause.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        let within = app.config.uploads.idle_timeout();
        let bytes = tokio::time::timeout(within, Bytes::from_request(request, app))
            .await
            .map_err(|_| ApiError::invalid_request("body", "The body did not come in time"))?
            .map_err(|error| unread(&error))?;
        Ok(Self(object(&bytes)?))
    }
}

/// Members by their names. serde would take an array for them as well, by their order, which no document promises.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        let sentence = "The body is a JSON object";
        return Err(ApiError::invalid_request("body", sentence));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let sentence = format!("The body is not the JSON that is expected: {error}");
        ApiError::invalid_request("body", sentence)
    })
}

/// The query of an address.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let answer: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, state).await;
        let query =
            answer.map_err(|error| ApiError::invalid_request("query", error.body_text()))?;
        Ok(Self(query.0))
    }
}

fn unread(error: &BytesRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::payload_too_large(64 << 10)
    } else {
        ApiError::invalid_request("body", "The body did not come to its end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Change {
        tags: Option<Vec<String>>,
    }

    #[test]
    fn members_come_by_their_names() {
        let empty = Change { tags: None };
        assert_eq!(object::<Change>(b"{}"), Ok(empty));
        let tagged = Change {
            tags: Some(vec!["a".to_owned()]),
        };
        assert_eq!(object::<Change>(b" \r\n{\"tags\": [\"a\"]}"), Ok(tagged));
        for body in ["[null]", "[[\"a\"]]", "null", "\"{}\"", "{", ""] {
            let error = object::<Change>(body.as_bytes()).expect_err(body);
            assert_eq!(error.code(), picora_http::ErrorCode::InvalidRequest);
        }
    }
}
