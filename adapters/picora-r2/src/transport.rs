//! object_store's requests on the wire.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Method};
use http_body::Frame;
use http_body_util::StreamBody;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use picora_native::Failure;
use picora_native::answer::{Answered, Document, pieces};
use picora_native::attributes::text;
use picora_storage::Corrupt;
use picora_tiering::ObjectHeaders;

use crate::answer::{self, Answer, COPIED, META};
use crate::wire::Wire;

/// Gives object_store's client the wire for its connection.
///
/// What the wire has failed at is told as an error that the client does not try again: how often and when, has been decided already.
#[derive(Clone, Debug)]
pub(crate) struct Transport(pub(crate) Arc<Wire>);

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut parts, body, answer) = if let Some(name) = document(&request) {
            let read = self.0.document(&request, name).await;
            let (parts, document) = read.map_err(|failed| told(failed.failure))?;
            let answer = Answer::with(&parts.headers, &document);
            (parts, Bytes::from(in_short(&document)).into(), answer)
        } else {
            let sent = self.0.send(&request).await;
            let Answered { parts, body } = sent.map_err(|failed| told(failed.failure))?;
            let answer = Answer::of(&parts.headers);
            (parts, timely(body, self.0.waits().read_timeout), answer)
        };
        answer::verified(&answer.headers).map_err(told)?;
        countable(&answer.headers).map_err(told)?;
        if let (Some(expected), Some(found)) = (answer::crc64(request.headers()), answer.crc64)
            && expected != found
        {
            return Err(told(Failure::Corrupt(Corrupt { expected, found })));
        }
        // The client takes what an object is served with for an error where it is not ASCII; we read it all.
        for (name, value) in &answer.headers {
            let served = ObjectHeaders::default().read(name.as_str(), "", META);
            if served && value.to_str().is_err() {
                parts.headers.remove(name);
            }
        }
        parts.extensions.insert(answer);
        Ok(HttpResponse::from_parts(parts, body))
    }
}

/// The client counts one beyond the last byte of a range, and does not survive it when there is no such number.
fn countable(headers: &HeaderMap) -> Result<(), Failure> {
    let range = text(headers, "content-range").unwrap_or_default();
    let mut numbers = range.split(|it: char| !it.is_ascii_digit());
    if numbers.any(|it| it.parse() == Ok(u64::MAX)) {
        let beyond = "its answer has a range beyond all numbers";
        return Err(Failure::Lost(beyond.to_owned()));
    }
    Ok(())
}

/// A body whose pieces come in time, or not at all.
fn timely(body: HttpResponseBody, longest_pause: Duration) -> HttpResponseBody {
    let frames = pieces(body, longest_pause).map(|piece| piece.map(Frame::data).map_err(told));
    // Bodies must be `Sync`, which streams are not; this one is only ever reached through its owner.
    let mut frames = Mutex::new(frames);
    let frames = stream::poll_fn(move |context| {
        let frames = frames.get_mut().unwrap_or_else(PoisonError::into_inner);
        frames.poll_next_unpin(context)
    });
    HttpResponseBody::new(StreamBody::new(frames))
}

/// The document that answers copies, and the beginnings and ends of uploads. Some of them begin before what they tell of is done, so
/// their status says nothing.
fn document(request: &HttpRequest) -> Option<&'static str> {
    let asks = |name| request.uri().query().is_some_and(|it| it.contains(name));
    match *request.method() {
        Method::PUT if request.headers().contains_key("x-amz-copy-source") => Some(COPIED),
        Method::POST if asks("uploadId=") => Some("CompleteMultipartUploadResult"),
        Method::POST => Some("InitiateMultipartUploadResult"),
        _ => None,
    }
}

/// What the client reads of a document. It takes what is done for undone where `SlowDown` or `InternalError` stand anywhere else in it, as in
/// a key; whether it is an error has been looked at.
fn in_short(document: &Document) -> String {
    let read = document.texts.iter().filter_map(|(path, text)| {
        let (_, name) = path.split_once('/')?;
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        matches!(name, "ETag" | "UploadId").then(|| format!("<{name}>{text}</{name}>"))
    });
    format!("<Result>{}</Result>", read.collect::<String>())
}

fn told(failure: Failure) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, failure)
}
