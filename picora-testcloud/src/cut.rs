//! A body that ends before it should.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Announces all of its bytes, and sends all or only the first of them.
pub(crate) struct Cut {
    bytes: Bytes,
    announced: u64,
    breaks: bool,
    /// Until then, what was sent has time to leave; otherwise the client would not even see the headers.
    leaving: Option<Pin<Box<Sleep>>>,
}

impl Cut {
    pub(crate) fn new(mut bytes: Bytes, after: Option<usize>) -> Self {
        let announced = bytes.len() as u64;
        let breaks = after.is_some_and(|after| after < bytes.len());
        bytes.truncate(after.unwrap_or(usize::MAX));
        Self {
            bytes,
            announced,
            breaks,
            leaving: None,
        }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.breaks {
            return Poll::Ready(None);
        }
        let leaving = self.leaving.get_or_insert_with(|| Box::pin(sleep(LEAVES)));
        leaving.as_mut().poll(context).map(|()| Some(Err(Closed)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && !self.breaks
    }
}

const LEAVES: Duration = Duration::from_millis(50);

/// The connection is closed on purpose.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was to be closed")
    }
}

impl std::error::Error for Closed {}
