//! What is answered, read within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream, TryStreamExt};
use http::response::Parts;
use object_store::client::HttpResponseBody;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::Failure;
use crate::refusal::Refusal;
use crate::xml;

/// The texts of a document, each with its path.
pub(crate) type Document = Vec<(String, String)>;

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) parts: Parts,
    pub(crate) body: HttpResponseBody,
}

/// A failure, and whether an earlier try may have done what was asked for.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// A refusal such as "exists already" may then be about our own work.
    pub(crate) after_loss: bool,
}

/// A body as it comes. Each piece must come within so long; all of them may take as long as they take.
pub(crate) fn pieces(
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

/// Reads a document of this name; an error inside it is a refusal, whatever the status said.
pub(crate) async fn document(
    body: HttpResponseBody,
    name: &str,
    deadline: Instant,
) -> Result<Document, Failure> {
    let body = whole(body, LONGEST_DOCUMENT, deadline).await?;
    let document = xml::texts(&body);
    let document = document.ok_or_else(|| Failure::Lost("its answer is no document".to_owned()))?;
    if document.iter().any(|(path, _)| path == "Error/Code") {
        return Err(Failure::Refused(Box::new(Refusal {
            // Its status said otherwise, so nobody knows.
            status: 500,
            ..Refusal::told(&document)
        })));
    }
    if document.last().is_none_or(|(root, _)| root != name) {
        return Err(Failure::Lost(format!("its answer is no {name}")));
    }
    Ok(document)
}

/// Reads a whole body of at most so many bytes, by then.
pub(crate) async fn whole(
    body: HttpResponseBody,
    longest: usize,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    let mut bytes = body.bytes_stream();
    let reading = async {
        let mut read = BytesMut::new();
        while let Some(more) = bytes
            .try_next()
            .await
            .map_err(|error| Failure::of(&error))?
        {
            if read.len() + more.len() > longest {
                return Err(Failure::Lost(format!("it is longer than {longest} bytes")));
            }
            read.extend_from_slice(&more);
        }
        Ok(read.freeze())
    };
    let read = timeout_at(deadline, reading).await;
    read.unwrap_or_else(|_| Err(Failure::Lost("its end did not come in time".to_owned())))
}

/// A page of 1,000 keys of 1,023 bytes, each byte written with six, and what is said of each.
const LONGEST_DOCUMENT: usize = 8 << 20;

/// Errors have some hundred bytes.
pub(crate) const LONGEST_REFUSAL: usize = 64 << 10;
