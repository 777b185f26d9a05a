//! What clients send, and what they are answered.

use std::task::Poll;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{StreamExt, stream};
use picora_core::MediaKind;
use picora_media::{Asset, Body, BodyError, NewUpload, UploadError, Uploaded};
use picora_quota::Denial;

use super::host::OWNER;

/// A new image of the owner whose length nobody announced.
pub(super) fn image() -> NewUpload {
    new(MediaKind::Image)
}

pub(super) fn new(kind: MediaKind) -> NewUpload {
    NewUpload {
        account: OWNER,
        kind,
        video: true,
        file_name: None,
        tags: picora_media::Tags::default(),
        is_public: true,
        bound_bytes: None,
        idempotency: None,
    }
}

/// So many bytes that are an image by their first ones.
pub(super) fn png(bytes: usize) -> Bytes {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend((png.len()..bytes).map(|at| u8::try_from(at % 251).expect("below 251")));
    png.into()
}

/// A body in chunks of so many bytes, that yields before each and must not be asked again after its end.
pub(super) fn chunked(bytes: &Bytes, chunk: usize) -> Body {
    let chunks: Vec<_> = bytes
        .chunks(chunk)
        .map(|chunk| Ok(bytes.slice_ref(chunk)))
        .collect();
    scripted(chunks)
}

pub(super) fn scripted(chunks: Vec<Result<Bytes, BodyError>>) -> Body {
    let chunks = chunks.into_iter();
    let next = |mut chunks: std::vec::IntoIter<_>| async move {
        yield_once().await;
        chunks.next().map(|chunk| (chunk, chunks))
    };
    Box::pin(stream::unfold(chunks, next)) // panics when it is asked again after its end
}

/// A body whose chunks come when the test sends them.
pub(super) fn live() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, chunks) = mpsc::unbounded();
    (sender, Box::pin(chunks.map(Ok)))
}

async fn yield_once() {
    let mut yielded = false;
    futures::future::poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

pub(super) fn created(answer: Result<Uploaded, UploadError>) -> Asset {
    match answer {
        Ok(Uploaded::Created(asset)) => asset,
        other => panic!("should have been created: {other:?}"),
    }
}

pub(super) fn asset_of(answer: Uploaded) -> Asset {
    match answer {
        Uploaded::AlreadyThere(asset) | Uploaded::Created(asset) | Uploaded::Replayed(asset) => {
            asset
        }
    }
}

pub(super) fn denied(answer: Result<Uploaded, UploadError>) -> Denial {
    match answer {
        Err(UploadError::Denied(denial)) => denial,
        other => panic!("should have been denied: {other:?}"),
    }
}
