//! The bytes of a request, as they come.

use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures::channel::oneshot;
use futures::stream::{Stream, StreamExt};

/// The bytes of one file of a request.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// Why the bytes stopped coming before their end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The sender went away.
    #[error("the sender went away before the end of the file")]
    Gone,
    /// What came is not the form of a request; the text says what is wrong.
    #[error("the request's body is malformed: {0}")]
    Malformed(String),
    /// Nothing came for too long.
    #[error("no more of the file came in time")]
    TimedOut,
}

/// Ends the body with [`BodyError::Gone`] as soon as nobody waits for its upload any more.
pub(crate) fn until_gone(mut body: Body, mut gone: oneshot::Receiver<()>) -> Body {
    let mut over = false;
    Box::pin(futures::stream::poll_fn(move |context| {
        if over {
            return Poll::Ready(None);
        }
        if Pin::new(&mut gone).poll(context).is_ready() {
            over = true; // the other end was dropped: nothing is ever sent
            return Poll::Ready(Some(Err(BodyError::Gone)));
        }
        body.poll_next_unpin(context)
    }))
}

/// Takes chunks until there are `least` bytes or the body ends, and puts them back in front of the rest.
pub(crate) async fn take_head(mut body: Body, least: usize) -> Result<(Bytes, Body), BodyError> {
    let mut head = BytesMut::new();
    while head.len() < least {
        match body.next().await {
            Some(chunk) => head.extend_from_slice(&chunk?),
            None => break,
        }
    }
    let head = head.freeze();
    let first = (!head.is_empty()).then(|| Ok(head.clone()));
    Ok((head, Box::pin(futures::stream::iter(first).chain(body))))
}

/// Reads all of a body, up to and including `most` bytes; `None` when there are more.
pub(crate) async fn read_whole(mut body: Body, most: u64) -> Result<Option<Bytes>, BodyError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if (whole.len() + chunk.len()) as u64 > most {
            return Ok(None);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Some(whole.freeze()))
}
