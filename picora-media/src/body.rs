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
pub(crate) async fn take_head(body: Body, least: usize) -> Result<(Bytes, Body), BodyError> {
    let mut body = body.fuse(); // a short file ends here, and a stream need not bear being asked again after its end
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

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;

    use super::*;

    /// A body that panics when it is asked again after its end, as generators do.
    fn body(chunks: Vec<Result<&'static str, BodyError>>) -> Body {
        let next = |mut chunks: std::vec::IntoIter<Result<&'static str, BodyError>>| async move {
            let chunk = chunks.next()?;
            Some((chunk.map(Bytes::from), chunks))
        };
        Box::pin(stream::unfold(chunks.into_iter(), next))
    }

    fn rest(body: Body) -> Vec<Result<Bytes, BodyError>> {
        block_on(body.collect())
    }

    #[test]
    fn a_head_is_looked_at_and_put_back() {
        for (chunks, head, whole) in [
            (vec![], "", ""),
            (vec![""], "", ""),
            (vec!["abc"], "abc", "abc"),
            (vec!["", "ab", "", "c"], "abc", "abc"),
            (vec!["abcd"], "abcd", "abcd"),
            (vec!["abcdef", "g"], "abcdef", "abcdefg"),
            (vec!["ab", "cd", "ef"], "abcd", "abcdef"),
        ] {
            let chunks = chunks.into_iter().map(Ok).collect();
            let (seen, body) = block_on(take_head(body(chunks), 4)).unwrap();
            assert_eq!(seen, head);
            let all: Vec<_> = rest(body).into_iter().map(Result::unwrap).collect();
            assert_eq!(all.concat(), whole.as_bytes());
        }
    }

    #[test]
    fn an_error_comes_where_it_happened() {
        let broken = || body(vec![Ok("abcd"), Err(BodyError::TimedOut)]);
        let early = block_on(take_head(broken(), 5)).map(|(head, _)| head);
        assert_eq!(early, Err(BodyError::TimedOut));
        let (head, later) = block_on(take_head(broken(), 4)).unwrap();
        assert_eq!(head, "abcd");
        assert_eq!(rest(later), [Ok("abcd".into()), Err(BodyError::TimedOut)]);
        let whole = block_on(read_whole(broken(), 9));
        assert_eq!(whole, Err(BodyError::TimedOut));
    }

    #[test]
    fn a_whole_body_has_at_most_so_many_bytes() {
        let read = |most| block_on(read_whole(body(vec![Ok("ab"), Ok("cd")]), most)).unwrap();
        assert_eq!(read(4), Some("abcd".into()));
        assert_eq!(read(3), None);
        assert_eq!(
            block_on(read_whole(body(vec![]), 0)),
            Ok(Some(Bytes::new()))
        );
    }

    #[test]
    fn a_body_ends_once_with_its_sender() {
        let (waiting, gone) = oneshot::channel();
        let mut body = until_gone(body(vec![Ok("ab"), Ok("cd")]), gone);
        assert_eq!(block_on(body.next()), Some(Ok("ab".into())));
        drop(waiting);
        assert_eq!(block_on(body.next()), Some(Err(BodyError::Gone)));
        assert_eq!(block_on(body.next()), None);
    }
}
