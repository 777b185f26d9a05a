//! The id under which a request is found again in logs and by support.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use picora_core::{Clock, Entropy, Timestamp};
use tower::{Layer, Service};

use crate::{ApiError, Format};

/// A request's id: 1 to 64 of `A-Z a-z 0-9 . _ -`.
///
/// A client's own id is kept when it has this form and is replaced otherwise: it goes into logs and headers. **Source**: C74, row #75.
///
/// ```
/// use picora_core::{SeededEntropy, Timestamp};
/// use picora_http::RequestId;
/// let made = RequestId::generate(Timestamp::from_unix_seconds(1_777_000_000), &SeededEntropy::new(1));
/// assert!(made.as_str().starts_with("req_019dbd742a00"));
/// assert_eq!(made.to_string().parse(), Ok(made));
/// assert!("two words".parse::<RequestId>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

/// A text that cannot be a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIdError;

impl RequestId {
    /// A new id: `req_`, 12 hexadecimal digits of the millisecond, so that ids sort by time, and 20 of chance.
    #[must_use]
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut chance = [0; 10];
        entropy.fill(&mut chance);
        let chance = chance
            .iter()
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let text = format!("req_{:012x}{chance:020x}", now.unix_millis());
        Self(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("req_"))) // digits and letters only
    }

    /// The client's id, if it sent exactly one and that has the form.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(X_REQUEST_ID).iter();
        let only = sent.next().filter(|_| sent.next().is_none())?;
        only.to_str().ok()?.parse().ok()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default() // ASCII, checked when it was made
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;
    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(RequestIdError);
        }
        HeaderValue::from_str(text)
            .map(Self)
            .map_err(|_| RequestIdError)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request id is 1 to 64 of A-Z a-z 0-9 . _ -")
    }
}

impl std::error::Error for RequestIdError {}

/// Gives every request an id: in its extensions, in `X-Request-Id` of its response, and in the body of an [`ApiError`].
///
/// It belongs outside everything that answers.
#[derive(Clone, Debug)]
pub struct RequestIdLayer {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl RequestIdLayer {
    /// A layer that makes ids from this clock and this chance.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;
    fn layer(&self, inner: S) -> RequestIdService<S> {
        RequestIdService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests have ids; see [`RequestIdLayer`].
#[derive(Clone, Debug)]
pub struct RequestIdService<S> {
    inner: S,
    layer: RequestIdLayer,
}

impl<S, B, R> Service<Request<B>> for RequestIdService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let RequestIdLayer { clock, entropy } = &self.layer;
        let id = RequestId::from_headers(request.headers())
            .unwrap_or_else(|| RequestId::generate(clock.now(), &**entropy));
        let format = Format::of(request.headers());
        request.extensions_mut().insert(id.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            answer
                .await
                .map(|response| identified(response, format, id))
        })
    }
}

/// The response with the id in its header, and in its body if that is an error which did not know it; that is told in the client's format.
fn identified<R: From<Bytes>>(
    mut response: Response<R>,
    format: Format,
    id: RequestId,
) -> Response<R> {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        *response.body_mut() = R::from(error.body_as(format, Some(&id)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, format.content_type());
        response.headers_mut().remove(CONTENT_LENGTH); // both spoke of the body without the id
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    response.headers_mut().insert(X_REQUEST_ID, id.0);
    response
}

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests;
