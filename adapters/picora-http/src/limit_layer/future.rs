//! The future of a limited service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::admission::Signal;

pin_project! {
    /// The response of a [`LimitService`](crate::LimitService): the service's own with the headers, or a refusal.
    pub struct LimitFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<F, R, E> {
        Passing { #[pin] answer: F, signal: Option<Signal> },
        Refused { response: Option<Response<R>> },
        Asking { answer: Asking<R, E> },
    }
}

/// Waits for the limiter, and then for the service.
pub(super) type Asking<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

impl<F, R, E> LimitFuture<F, R, E> {
    pub(super) const fn passing(answer: F, signal: Option<Signal>) -> Self {
        let state = State::Passing { answer, signal };
        Self { state }
    }

    pub(super) const fn refused(response: Response<R>) -> Self {
        let response = Some(response);
        let state = State::Refused { response };
        Self { state }
    }

    pub(super) const fn asking(answer: Asking<R, E>) -> Self {
        let state = State::Asking { answer };
        Self { state }
    }
}

impl<F, R, E> Future for LimitFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Passing { answer, signal } => {
                let response = ready!(answer.poll(context))?;
                Poll::Ready(Ok(match signal.take() {
                    Some(signal) => signal.written(response),
                    None => response,
                }))
            }
            Projection::Refused { response } => {
                let response = response.take();
                Poll::Ready(Ok(response.expect("a future is not polled after its end")))
            }
            Projection::Asking { answer } => answer.as_mut().poll(context),
        }
    }
}

impl<F, R, E> fmt::Debug for LimitFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitFuture").finish_non_exhaustive()
    }
}
