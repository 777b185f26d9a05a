//! The rule for any tower service of HTTP.

use std::pin::Pin;

use http::{Request, Response};
use tokio::time::Sleep;
use tower::retry::{Policy, RetryLayer};

use crate::backoff::{Rule, Step};
use crate::retry::{Retry, is_repeatable};

/// Repeats what a service answers with 429, and some of its 503s, as [`Retry::after`] says.
///
/// It needs requests whose body can be cloned. Errors of the service are handed on: what they mean is not known here. Each request has
/// retries of its own.
///
/// ```
/// use picora_client::{Retry, RetryPolicy, backoff::Rule};
/// use tower::ServiceBuilder;
/// # use http::{Request, Response};
/// # let service = tower::service_fn(|_: Request<String>| async { Ok::<_, std::io::Error>(Response::new(())) });
/// let patient = ServiceBuilder::new().layer(RetryPolicy::new(Retry::new(Rule::default())).layer()).service(service);
/// # let _ = patient;
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    retry: Retry,
    retries: u32,
}

impl RetryPolicy {
    /// A policy by this rule, clock and chance.
    #[must_use]
    pub const fn new(retry: Retry) -> Self {
        Self { retry, retries: 0 }
    }

    /// The layer that puts it around a service.
    #[must_use]
    pub fn layer(self) -> RetryLayer<Self> {
        RetryLayer::new(self)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(Retry::new(Rule::default()))
    }
}

impl<B: Clone, R, E> Policy<Request<B>, Response<R>, E> for RetryPolicy {
    type Future = Pin<Box<Sleep>>;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Self::Future> {
        let answer = result.as_ref().ok()?;
        let repeatable = is_repeatable(request.method(), request.headers());
        let step = self
            .retry
            .after(answer.status(), answer.headers(), repeatable, self.retries)?;
        let Step::Wait(wait) = step else { return None };
        self.retries += 1;
        Some(Box::pin(tokio::time::sleep(wait)))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}
