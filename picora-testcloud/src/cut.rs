//! A body that may end before it should.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::object::flipped;

/// Announces all of its bytes, and sends all or only the first of them.
pub(crate) struct Cut {
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    announced: u64,
    /// Those that are still to be sent.
    left: u64,
    breaks: bool,
    /// Counts what is sent.
    counter: Arc<AtomicU64>,
    /// Spaces that come before all of them, and how long before each.
    drips: (usize, Duration),
    /// Until then the next of these spaces has time.
    dripping: Option<Pin<Box<Sleep>>>,
    /// Until then, what was sent has time to leave; otherwise the client would not even see the headers.
    leaving: Option<Pin<Box<Sleep>>>,
}

impl Cut {
    /// These bytes.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::of(bytes.len() as u64, std::iter::once(bytes))
    }

    /// So many bytes, in pieces that are made when they are wanted.
    pub(crate) fn of(length: u64, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self {
            pieces: Box::new(pieces),
            announced: length,
            left: length,
            breaks: false,
            counter: Arc::default(),
            drips: (0, Duration::ZERO),
            dripping: None,
            leaving: None,
        }
    }

    /// The first of them only.
    pub(crate) fn after(mut self, after: usize) -> Self {
        self.breaks = (after as u64) < self.announced;
        self.left = self.announced.min(after as u64);
        self
    }

    /// The same but for one bit, if there is any.
    pub(crate) fn flipped(mut self) -> Self {
        let mut flips = true;
        let flip = move |piece: Bytes| {
            let middle = piece.len() / 2;
            if std::mem::take(&mut flips) {
                flipped(&piece, middle)
            } else {
                piece
            }
        };
        self.pieces = Box::new(self.pieces.map(flip));
        self
    }

    /// The same after so many spaces, each of which lets wait for itself.
    pub(crate) fn dripping(mut self, spaces: usize, pause: Duration) -> Self {
        self.drips = (spaces, pause);
        self.announced += spaces as u64;
        self
    }

    /// The same, counted.
    pub(crate) fn counted(mut self, counter: &Arc<AtomicU64>) -> Self {
        self.counter = Arc::clone(counter);
        self
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if self.drips.0 > 0 {
            let pause = self.drips.1;
            let dripping = self.dripping.get_or_insert_with(|| Box::pin(sleep(pause)));
            ready!(dripping.as_mut().poll(context));
            self.dripping = None;
            self.drips.0 -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))));
        }
        if self.left > 0 {
            let Some(mut piece) = self.pieces.next() else {
                return Poll::Ready(Some(Err(Closed)));
            };
            piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= piece.len() as u64;
            self.counter.fetch_add(piece.len() as u64, Ordering::SeqCst);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
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
        self.left == 0 && self.drips.0 == 0 && !self.breaks
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
