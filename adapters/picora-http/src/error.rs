//! Error answers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use picora_core::{Retry, StoreError};
use picora_ratelimit::Decision;
use picora_ratelimit::captcha::CaptchaLevel;
use serde_json::{Map, Value};

use crate::{ErrorCode, Format, RequestId};

mod problem;

/// An error as a client sees it: a code to decide by, a sentence to read, and the numbers.
///
/// The body is `{"success":false,"error":…,"code":…,"meta":{…},"requestId":…}` in this order, and the same facts as a problem of RFC 9457
/// for who asks for [`Format::Problem`]. **Units**: `retry_after` in whole seconds,
/// at least 1; it is sent both as `Retry-After` and as the last member of `meta`, `retryAfterSec`. **Boundaries**: a code that
/// [promises](ErrorCode::promises_retry_after) one and has none set says 1. **Source**: requirements "Error codes", C74, rows #238–#242.
///
/// ```
/// use bytes::Bytes;
/// use picora_http::ApiError;
/// let error = ApiError::invalid_request("limit", "limit must be 1 to 100");
/// let response = error.into_response::<Bytes>(Some(&"req_1".parse().unwrap()));
/// assert_eq!(response.status(), 400);
/// assert_eq!(
///     response.body(),
///     r#"{"success":false,"error":"limit must be 1 to 100","code":"INVALID_REQUEST","meta":{"field":"limit"},"requestId":"req_1"}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    code: ErrorCode,
    message: Box<str>,
    meta: Map<String, Value>,
    retry_after: Option<u64>,
    violated: Option<Box<Violated>>,
}

/// Names of policies; boxed as one, because errors are handed on and these are rare.
#[derive(Clone, Debug, PartialEq)]
struct Violated(Vec<String>);

impl ApiError {
    /// An error with this code and this sentence for people.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into().into(),
            meta: Map::new(),
            retry_after: None,
            violated: None,
        }
    }

    /// The same with one more member of `meta`, after those that it has.
    #[must_use]
    pub fn with_meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a time to come back, in seconds from now; 0 is taken as 1.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// The same with the names of the policies that were violated, which only [`Format::Problem`] tells.
    #[must_use]
    pub fn with_violated(mut self, names: Vec<String>) -> Self {
        self.violated = (!names.is_empty()).then(|| Box::new(Violated(names)));
        self
    }

    /// 400: something in the request is malformed or missing, and the sentence says what would be right.
    #[must_use]
    pub fn invalid_request(field: &str, sentence: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, sentence).with_meta("field", field)
    }

    /// 401: no credential, or none that is known. It does not say which.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "Authentication required")
    }

    /// 403: known, but not allowed.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(ErrorCode::Forbidden, "Forbidden")
    }

    /// 404: unknown, another's, or private; one cannot tell which.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "Not found")
    }

    /// 409: it clashes with what is there; the sentence says with what.
    #[must_use]
    pub fn conflict(sentence: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, sentence)
    }

    /// 413: the body is above the server's cap, in bytes.
    #[must_use]
    pub fn payload_too_large(limit_bytes: u64) -> Self {
        let error = Self::new(ErrorCode::PayloadTooLarge, "Payload too large");
        error.with_meta("limit", limit_bytes)
    }

    /// 415: the content is not of the route's kind; the sentence says which kinds are.
    #[must_use]
    pub fn unsupported_media_type(sentence: impl Into<String>) -> Self {
        Self::new(ErrorCode::UnsupportedMediaType, sentence)
    }

    /// 429: the limiter's denial, with its exact wait rounded up to seconds (row #241).
    #[must_use]
    pub fn rate_limited(decision: &Decision<'_>) -> Self {
        let error = Self::new(ErrorCode::RateLimited, "Rate limit exceeded");
        error.with_retry_after(decision.retry_after_seconds())
    }

    /// 403: a limit asks for a captcha first, this hard (C41). No wait is told: not waiting helps, but an answer.
    #[must_use]
    pub fn captcha_required(level: CaptchaLevel) -> Self {
        let error = Self::new(ErrorCode::CaptchaRequired, "Captcha required");
        error.with_meta("level", level.number())
    }

    /// 500: ours. What happened stands in the log under the request's id, and not in the answer.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "Internal error")
    }

    /// 503: a store cannot be reached; come back in so many seconds.
    #[must_use]
    pub fn unavailable(retry_after: u64) -> Self {
        let error = Self::new(ErrorCode::Unavailable, "Service temporarily unavailable");
        error.with_retry_after(retry_after)
    }

    /// What clients decide by.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The members of `meta`, without `retryAfterSec`.
    #[must_use]
    pub const fn meta(&self) -> &Map<String, Value> {
        &self.meta
    }

    /// Seconds until it is worth coming back.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        let promised = self.code.promises_retry_after().then_some(1);
        self.retry_after.or(promised)
    }

    /// The response, for any body that can be made from bytes.
    ///
    /// Who does not know the request's id passes `None`: [`RequestIdLayer`](crate::RequestIdLayer) adds it on the way out.
    #[must_use]
    pub fn into_response<B: From<Bytes>>(self, id: Option<&RequestId>) -> Response<B> {
        self.into_response_as(Format::Json, id)
    }

    /// The same in the format that the client asked for.
    #[must_use]
    pub fn into_response_as<B: From<Bytes>>(
        self,
        format: Format,
        id: Option<&RequestId>,
    ) -> Response<B> {
        let mut response = Response::new(B::from(self.body_as(format, id)));
        *response.status_mut() = self.code.status();
        self.write_headers(format, response.headers_mut());
        if id.is_none() {
            response.extensions_mut().insert(self);
        }
        response
    }

    /// The body's bytes; without an id, without that member.
    #[must_use]
    pub fn body(&self, id: Option<&RequestId>) -> Bytes {
        self.body_as(Format::Json, id)
    }

    pub(crate) fn body_as(&self, format: Format, id: Option<&RequestId>) -> Bytes {
        let mut body = match format {
            Format::Json => self.members(),
            Format::Problem => problem::members(self),
        };
        if let Some(id) = id {
            body.insert("requestId".to_owned(), id.as_str().into());
        }
        Bytes::from(Value::Object(body).to_string())
    }

    fn members(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("success".to_owned(), false.into());
        body.insert("error".to_owned(), (*self.message).into());
        body.insert("code".to_owned(), self.code.wire().into());
        body.insert("meta".to_owned(), self.told_meta().into());
        body
    }

    /// The members of `meta` with `retryAfterSec`.
    fn told_meta(&self) -> Map<String, Value> {
        let mut meta = self.meta.clone();
        if let Some(seconds) = self.retry_after() {
            meta.insert("retryAfterSec".to_owned(), seconds.into());
        }
        meta
    }

    /// RFC 6585 §4 forbids caches to keep a 429; no other error of ours is worth keeping either.
    fn write_headers(&self, format: Format, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, format.content_type());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
    }
}

/// A store that may answer later is unavailable, and a lost race is a conflict; the rest is ours.
impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        match error.retry() {
            Retry::Temporary if error.is_conflict() => Self::conflict("Another change came first"),
            Retry::Temporary | Retry::Exhausted => Self::unavailable(STORE_RETRY_SECONDS),
            Retry::Permanent => Self::internal(),
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

/// A store that has gone is usually back, or given up on, within moments.
pub(crate) const STORE_RETRY_SECONDS: u64 = 1;

#[cfg(test)]
mod tests;
