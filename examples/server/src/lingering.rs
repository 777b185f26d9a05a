//! A request's body that is read on for a moment after nobody wants it any more.
//!
//! An upload that is refused early, by 401 or 403 or 415, is answered while its client is still sending. Closing the connection at once
//! would reset it, and the client would see a broken pipe instead of the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use http_body::{Body as _, Frame, SizeHint};

/// Makes the bodies of all requests linger.
pub async fn linger(request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(Lingering(body))))
        .await
}

/// See the module.
struct Lingering(Body);

impl http_body::Body for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut rest = std::mem::take(&mut self.0).into_data_stream();
        runtime.spawn(tokio::time::timeout(LONGEST, async move {
            while let Ok(Some(Ok(_))) = tokio::time::timeout(LONGEST_PAUSE, rest.next()).await {}
        }));
    }
}

/// How long an unwanted body is read before the connection is cut, however much of it comes.
const LONGEST: Duration = Duration::from_secs(30);

/// How long it may pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
