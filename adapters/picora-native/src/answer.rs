//! What is answered, read within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream, TryStreamExt};
use http::response::Parts;
use object_store::client::HttpResponseBody;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::Failure;
use crate::patience::after;
use crate::refusal::Refusal;
use crate::xml;

/// A document that says what was done.
#[derive(Clone, Debug)]
pub struct Document {
    /// As it came.
    pub bytes: Bytes,
    /// The texts of all its elements in their order, each with its path, such as `ListBucketResult/Contents/Key`.
    pub texts: Vec<(String, String)>,
}

impl Document {
    /// Reads one of this name; an error inside it is a refusal, whatever the status said.
    pub(crate) fn read(bytes: Bytes, name: &str) -> Result<Self, Failure> {
        // Who is slow to make one sends spaces before it.
        let texts = xml::texts(bytes.trim_ascii_start());
        let texts = texts.ok_or_else(|| Failure::Lost("its answer is no document".to_owned()))?;
        if texts.iter().any(|(path, _)| path == "Error/Code") {
            return Err(Failure::Refused(Box::new(Refusal {
                // Its status said otherwise, so nobody knows.
                status: 500,
                ..Refusal::told(&texts)
            })));
        }
        if texts.last().is_none_or(|(root, _)| root != name) {
            return Err(Failure::Lost(format!("its answer is no {name}")));
        }
        Ok(Self { bytes, texts })
    }

    /// The text of an element.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let mut texts = self.texts.iter();
        texts
            .find(|(it, _)| it == path)
            .map(|(_, text)| text.as_str())
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub struct Answered {
    /// Its status and headers.
    pub parts: Parts,
    /// Its body, unread.
    pub body: HttpResponseBody,
}

/// A failure, and whether an earlier try may have done what was asked for.
#[derive(Debug)]
pub struct Failed {
    /// Of the last try.
    pub failure: Failure,
    /// A refusal such as "exists already" may then be about our own work.
    pub after_loss: bool,
}

impl Failed {
    /// Of something that was missing when it was looked for, and was there when it was asked for.
    #[must_use]
    pub fn is_there_now() -> Self {
        Self {
            failure: Failure::Lost("it was missing, and is there".to_owned()),
            after_loss: false,
        }
    }
}

/// A body as it comes. Each piece must come within so long; all of them may take as long as they take.
#[must_use]
pub fn pieces(
    body: HttpResponseBody,
    longest_pause: Duration,
) -> BoxStream<'static, Result<Bytes, Failure>> {
    stream::try_unfold(body.bytes_stream(), move |mut bytes| async move {
        let Ok(next) = timeout(longest_pause, bytes.next()).await else {
            return Err(Failure::Lost(format!("nothing came for {longest_pause:?}")));
        };
        match next {
            Some(Ok(more)) => Ok(Some((more, bytes))),
            Some(Err(error)) => Err(Failure::of(&error)),
            None => Ok(None),
        }
    })
    .boxed()
}

/// When a body must have come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InTime {
    /// All of it.
    pub(crate) end: Instant,
    /// How long each space before it may let wait for itself, and then its end.
    pub(crate) pause: Duration,
}

impl InTime {
    /// All of it by then, in whatever pieces.
    pub(crate) const fn by(end: Instant) -> Self {
        let pause = Duration::MAX;
        Self { end, pause }
    }
}

/// Reads a whole body of at most so many bytes, in time.
pub(crate) async fn whole(
    body: HttpResponseBody,
    longest: usize,
    in_time: InTime,
) -> Result<Bytes, Failure> {
    let mut bytes = body.bytes_stream();
    let (mut read, mut began) = (BytesMut::new(), None);
    loop {
        // Spaces say that it goes on; a document that has begun is made.
        let by = if is_space(&read) {
            after(in_time.pause)
        } else {
            *began.get_or_insert_with(|| after(in_time.pause))
        };
        let by = by.min(in_time.end);
        let next = timeout_at(by, bytes.try_next()).await;
        let next = next.map_err(|_| Failure::Lost("its end did not come in time".to_owned()))?;
        let Some(more) = next.map_err(|error| Failure::of(&error))? else {
            return Ok(read.freeze());
        };
        if read.len() + more.len() > longest {
            return Err(Failure::Lost(format!("it is longer than {longest} bytes")));
        }
        read.extend_from_slice(&more);
    }
}

/// Whether nothing has come but spaces, and perhaps the line that stands before a document.
fn is_space(read: &[u8]) -> bool {
    let read = read.trim_ascii();
    read.is_empty() || (read.starts_with(b"<?xml") && read.ends_with(b"?>"))
}

/// A page of 1,000 keys of 1,023 bytes, each byte written with six, and what is said of each.
pub(crate) const LONGEST_DOCUMENT: usize = 8 << 20;

/// Errors have some hundred bytes.
pub(crate) const LONGEST_REFUSAL: usize = 64 << 10;
