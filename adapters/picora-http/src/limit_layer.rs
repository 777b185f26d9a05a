//! The tower layer that asks a limiter before the service, and answers 429 itself.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use picora_core::Clock;
use picora_ratelimit::Limiter;
use tower::{Layer, Service};

use crate::limited::Desk;
use crate::{Charges, FailMode, LimitOptions};
use admission::{Admission, AtOnce, Shared};
use future::LimitFuture;

mod admission;
pub mod future;

/// Limits the requests of one route, or of many that charge alike.
///
/// Every response of the service carries the header triplet, whatever its status (C10). A denied request is answered with 429, the exact
/// body of row #241, `Retry-After`, and the triplet; one that is challenged with 403 and the triplet; who asks for
/// [problems](crate::Format) gets the same facts as one. A request that nobody pays for passes without any of it (C83). A handler
/// reads what was decided as [`Limited`](crate::Limited). The clock is read once for each request.
///
/// The request's [`RequestId`](crate::RequestId) is taken from its extensions; [`RequestIdLayer`](crate::RequestIdLayer) belongs outside.
#[derive(Debug)]
pub struct LimitLayer<C>(Arc<Shared<C>>);

impl<C: Charges> LimitLayer<C> {
    /// A layer with epoch seconds in `Reset`, that refuses when the limiter fails.
    #[must_use]
    pub fn new(limiter: Arc<dyn Limiter>, clock: Arc<dyn Clock>, charges: C) -> Self {
        Self::with_options(limiter, clock, charges, LimitOptions::default())
    }

    /// A layer with these options.
    #[must_use]
    pub fn with_options(
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
        charges: C,
        options: LimitOptions,
    ) -> Self {
        let desk = |limiter| {
            let clock = Arc::clone(&clock);
            Arc::new(Desk { limiter, clock })
        };
        let beside = match &options.fail {
            FailMode::Local(fallback) => Some(desk(Arc::clone(&fallback.limiter))),
            FailMode::Closed | FailMode::Open => None,
        };
        Self(Arc::new(Shared {
            desk: desk(limiter),
            beside,
            charges,
            options,
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
    type Future = LimitFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let shared = &self.layer.0;
        let Some(charge) = shared.charges.charge(&parts) else {
            return LimitFuture::passing(self.inner.call(Request::from_parts(parts, body)), None);
        };
        let now = shared.desk.clock.now();
        // A limiter that answers at once costs no clone of the service and no boxed future.
        match shared.at_once(charge, now, &parts) {
            AtOnce::Is(Admission::Refused(refusal)) => {
                LimitFuture::refused(refusal.into_response(&parts))
            }
            AtOnce::Is(Admission::Free) => {
                LimitFuture::passing(self.inner.call(Request::from_parts(parts, body)), None)
            }
            AtOnce::Is(Admission::Paid(limited, signal)) => {
                parts.extensions.insert(limited);
                let answer = self.inner.call(Request::from_parts(parts, body));
                LimitFuture::passing(answer, Some(signal))
            }
            AtOnce::Waits(charge) => {
                let spare = self.inner.clone();
                let mut ready = mem::replace(&mut self.inner, spare); // the one that has been polled ready
                let shared = Arc::clone(shared);
                LimitFuture::asking(Box::pin(async move {
                    match shared.ask(charge, now, &parts).await {
                        Admission::Refused(refusal) => Ok(refusal.into_response(&parts)),
                        Admission::Free => ready.call(Request::from_parts(parts, body)).await,
                        Admission::Paid(limited, signal) => {
                            parts.extensions.insert(limited);
                            let answer = ready.call(Request::from_parts(parts, body)).await;
                            answer.map(|response| signal.written(response))
                        }
                    }
                }))
            }
        }
    }
}
