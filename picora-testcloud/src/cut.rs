//! A body that ends before it should.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Announces all of its bytes, and sends all or only the first of them.
pub(crate) struct Cut {
    bytes: Bytes,
    announced: u64,
    breaks: bool,
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
        }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready(if !bytes.is_empty() {
            Some(Ok(Frame::data(bytes)))
        } else if self.breaks {
            Some(Err(Closed))
        } else {
            None
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && !self.breaks
    }
}

/// The connection is closed on purpose.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was to be closed")
    }
}

impl std::error::Error for Closed {}
