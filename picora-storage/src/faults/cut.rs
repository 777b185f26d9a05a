//! Halves of bodies and of streams.

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::{GetResult, GetResultPayload, PutPayload, Result};

use super::Fault;
use super::plan::Turn;

/// The bytes that this call stores.
pub(super) fn payload(payload: PutPayload, turn: Turn) -> PutPayload {
    if turn.fault != Some(Fault::Truncate) {
        return payload;
    }
    let bytes = Bytes::from(payload);
    bytes.slice(..bytes.len() / 2).into()
}

/// An answer whose body breaks off in the middle. It is read into memory: tests only.
pub(super) async fn object(object: GetResult, turn: Turn) -> Result<GetResult> {
    let (meta, range, attributes, extensions) = (
        object.meta.clone(),
        object.range.clone(),
        object.attributes.clone(),
        object.extensions.clone(),
    );
    let bytes = object.bytes().await?;
    let half = bytes.slice(..bytes.len() / 2);
    let chunks = stream::iter([Ok(half), Err(turn.error())]).boxed();
    Ok(GetResult {
        payload: GetResultPayload::Stream(chunks),
        meta,
        range,
        attributes,
        extensions,
    })
}

/// A stream of which `taken` items pass before the error.
pub(super) fn items<T: Send + 'static>(
    items: BoxStream<'static, Result<T>>,
    taken: usize,
    turn: Turn,
) -> BoxStream<'static, Result<T>> {
    let error = stream::once(async move { Err(turn.error()) });
    items.take(taken).chain(error).boxed()
}
