//! The tower layer that asks a limiter before the service, and answers 429 itself.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use picora_core::{Clock, StoreError};
use picora_ratelimit::{Check, Decision, Limiter};
use tower::{Layer, Service};

use crate::error::STORE_RETRY_SECONDS;
use crate::{ApiError, Charges, RateLimitHeaders, RequestId, ResetStyle};

/// Limits the requests of one route, or of many that charge alike.
///
/// Every response of the service carries the header triplet, whatever its status (C10). A denied request is answered with 429, the exact
/// body of row #241, `Retry-After`, and the triplet. A request that nobody pays for passes without either (C83). The clock is read once
/// for each request.
///
/// The request's [`RequestId`] is taken from its extensions; [`RequestIdLayer`](crate::RequestIdLayer) belongs outside.
#[derive(Debug)]
pub struct LimitLayer<C>(Arc<Shared<C>>);

/// What happens to a request when the limiter's store fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailMode {
    /// It is refused: 503 `UNAVAILABLE` with `Retry-After`.
    #[default]
    Closed,
    /// It passes, unlimited and without the triplet.
    Open,
}

#[derive(Debug)]
struct Shared<C> {
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
    charges: C,
    reset: ResetStyle,
    fail: FailMode,
}

impl<C: Charges> LimitLayer<C> {
    /// A layer with epoch seconds in `Reset`, that refuses when the limiter fails.
    #[must_use]
    pub fn new(limiter: Arc<dyn Limiter>, clock: Arc<dyn Clock>, charges: C) -> Self {
        Self::with_options(
            limiter,
            clock,
            charges,
            ResetStyle::default(),
            FailMode::default(),
        )
    }

    /// A layer with these options.
    #[must_use]
    pub fn with_options(
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
        charges: C,
        reset: ResetStyle,
        fail: FailMode,
    ) -> Self {
        Self(Arc::new(Shared {
            limiter,
            clock,
            charges,
            reset,
            fail,
        }))
    }
}

impl<C> Clone for LimitLayer<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, C> Layer<S> for LimitLayer<C> {
    type Service = LimitService<S, C>;
    fn layer(&self, inner: S) -> LimitService<S, C> {
        LimitService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests are limited; see [`LimitLayer`].
#[derive(Debug)]
pub struct LimitService<S, C> {
    inner: S,
    layer: LimitLayer<C>,
}

impl<S: Clone, C> Clone for LimitService<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, C, B, R> Service<Request<B>> for LimitService<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    C: Charges,
    B: Send + 'static,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let spare = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, spare); // the one that has been polled ready
        let shared = Arc::clone(&self.layer.0);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match shared.admit(&parts).await {
                Admission::Free => ready.call(Request::from_parts(parts, body)).await,
                Admission::Refused(error, headers) => Ok(refuse(error, headers, &parts)),
                Admission::Paid(headers) => {
                    let answer = ready.call(Request::from_parts(parts, body)).await;
                    answer.map(|response| with_triplet(response, headers))
                }
            }
        })
    }
}

/// What becomes of a request.
enum Admission {
    /// It passes, and nobody's budget is known.
    Free,
    /// It passes, and this is what is left.
    Paid(Option<RateLimitHeaders>),
    /// It is answered here.
    Refused(ApiError, Option<RateLimitHeaders>),
}

impl<C: Charges> Shared<C> {
    async fn admit(&self, request: &Parts) -> Admission {
        let Some(charge) = self.charges.charge(request) else {
            return Admission::Free;
        };
        let check = match Check::new(charge.home, &charge.subjects, charge.cost) {
            Ok(check) => check,
            Err(error) => {
                tracing::error!(%error, "a route charges what can never pass");
                return Admission::Refused(ApiError::internal(), None);
            }
        };
        match self.decide(&check).await {
            Ok(decision) => {
                let headers = RateLimitHeaders::of(&decision, self.reset);
                if decision.is_allowed() {
                    Admission::Paid(headers)
                } else {
                    Admission::Refused(ApiError::rate_limited(&decision), headers)
                }
            }
            Err(error) => self.without_answer(&error),
        }
    }

    async fn decide<'a>(&self, check: &Check<'a>) -> Result<Decision<'a>, StoreError> {
        let now = self.clock.now();
        match self.limiter.try_decide(check, now) {
            Some(decision) => Ok(decision),
            None => self.limiter.decide(check, now).await,
        }
    }

    fn without_answer(&self, error: &StoreError) -> Admission {
        tracing::warn!(%error, mode = ?self.fail, "the rate limiter failed");
        match self.fail {
            FailMode::Closed => {
                Admission::Refused(ApiError::unavailable(STORE_RETRY_SECONDS), None)
            }
            FailMode::Open => Admission::Free,
        }
    }
}

fn refuse<R: From<Bytes>>(
    error: ApiError,
    headers: Option<RateLimitHeaders>,
    request: &Parts,
) -> Response<R> {
    let id = request.extensions.get::<RequestId>();
    with_triplet(error.into_response(id), headers)
}

fn with_triplet<R>(mut response: Response<R>, headers: Option<RateLimitHeaders>) -> Response<R> {
    if let Some(headers) = headers {
        headers.write(response.headers_mut());
    }
    response
}
