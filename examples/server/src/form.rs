//! An upload's form: fields, then the file as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body as RequestBody, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use picora_http::ApiError;
use picora_media::{Body, BodyError, Tags};

/// What came before the file, and the file.
pub struct Form {
    /// The file's name as the client gave it.
    pub file_name: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Whether anybody may fetch it; yes, unless the form says no.
    pub is_public: bool,
    /// The most bytes that the file can have, from the request's length; `None` when it has none.
    pub bound_bytes: Option<u64>,
    /// The file.
    pub body: Body,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = (&self.tags, self.is_public, self.bound_bytes);
        f.debug_tuple("Form").field(&known).finish_non_exhaustive()
    }
}

/// Reads a form up to its file.
///
/// Fields (`tags`, repeated; `is_public`) come before the part `file`, because what comes after would be known too late.
///
/// **Errors**: 400 `INVALID_REQUEST` with the field at fault; 415 when the request is no form.
pub async fn read(
    headers: &HeaderMap,
    body: RequestBody,
    idle: Duration,
) -> Result<Form, ApiError> {
    let boundary = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or_else(|| {
            ApiError::unsupported_media_type(
                "Send the file as multipart/form-data in the field `file`",
            )
        })?;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    let bound_bytes = length.map(|length| length.saturating_sub(around_the_file(&boundary)));
    let constraints = multer::Constraints::new().size_limit(
        multer::SizeLimit::new()
            .for_field("tags", MOST_FIELD_BYTES)
            .for_field("is_public", MOST_FIELD_BYTES),
    );
    let allowance = Allowance::default();
    let patient = Patient::new(body, idle, allowance.clone());
    let mut form = multer::Multipart::with_constraints(patient, boundary, constraints);
    let (mut tags, mut is_public, mut fields) = (Vec::new(), true, 0);
    loop {
        let field = form.next_field().await.map_err(malformed)?;
        let Some(field) = field else {
            return Err(ApiError::invalid_request(
                "file",
                "The form has no part `file`",
            ));
        };
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(ApiError::invalid_request(
                "file",
                "The form has too many fields before the part `file`",
            ));
        }
        match field.name() {
            Some("file") => {
                let file_name = field.file_name().map(tame).filter(|name| !name.is_empty());
                let tags = Tags::new(tags)
                    .map_err(|error| ApiError::invalid_request("tags", error.to_string()))?;
                return Ok(Form {
                    file_name,
                    tags,
                    is_public,
                    bound_bytes,
                    body: file(form, field, allowance),
                });
            }
            Some("tags") => tags.push(text("tags", field).await?),
            Some("is_public") => is_public = truth(&text("is_public", field).await?)?,
            _ => {
                return Err(ApiError::invalid_request(
                    "file",
                    "A form has the fields `tags`, `is_public` and `file`, the file last",
                ));
            }
        }
    }
}

/// The file's bytes; the form must end after them, or the upload does not count.
fn file(
    form: multer::Multipart<'static>,
    field: multer::Field<'static>,
    allowance: Allowance,
) -> Body {
    allowance.lift();
    Box::pin(futures::stream::unfold(
        Some((form, field, allowance)),
        |state| async move {
            let (mut form, mut field, allowance) = state?;
            match field.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some((form, field, allowance)))),
                Err(error) => Some((Err(broken(&error)), None)),
                Ok(None) => {
                    drop(field);
                    allowance.renew();
                    match form.next_field().await {
                        Ok(None) => None,
                        Ok(Some(_)) => Some((
                            Err(BodyError::Malformed(
                                "the part `file` must be the last".to_owned(),
                            )),
                            None,
                        )),
                        Err(error) => Some((Err(broken(&error)), None)),
                    }
                }
            }
        },
    ))
}

async fn text(name: &'static str, field: multer::Field<'static>) -> Result<String, ApiError> {
    let bytes = field.bytes().await.map_err(malformed)?;
    String::from_utf8(bytes.to_vec())
        .map_err(|_| ApiError::invalid_request(name, format!("`{name}` is not UTF-8 text")))
}

fn truth(text: &str) -> Result<bool, ApiError> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::invalid_request(
            "is_public",
            "`is_public` is true or false",
        )),
    }
}

/// A name to show: without control characters, and not longer than a file system would take. It is never used as a path.
fn tame(name: &str) -> String {
    name.chars()
        .filter(|char| !char.is_control())
        .take(MOST_NAME_CHARACTERS)
        .collect()
}

fn malformed(error: multer::Error) -> ApiError {
    body_error(&broken(&error))
}

/// The answer for a body that did not come to its end.
#[must_use]
pub fn body_error(error: &BodyError) -> ApiError {
    match error {
        BodyError::Gone => {
            ApiError::invalid_request("file", "The request ended before the form did")
        }
        BodyError::Malformed(what) => {
            ApiError::invalid_request("file", format!("The form cannot be read: {what}"))
        }
        BodyError::TimedOut => {
            ApiError::invalid_request("file", "Nothing more of the form came in time")
        }
    }
}

fn broken(error: &multer::Error) -> BodyError {
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    match error {
        _ if cause.contains(TIMED_OUT) => BodyError::TimedOut,
        _ if cause.contains(TOO_MUCH) => BodyError::Malformed(TOO_MUCH.to_owned()),
        multer::Error::StreamReadFailed(_) => BodyError::Gone,
        other => BodyError::Malformed(other.to_string()),
    }
}

/// The bytes of a form with one part that are surely not the file's: two boundaries and the shortest header.
fn around_the_file(boundary: &str) -> u64 {
    let boundary = boundary.len() as u64;
    (boundary + 4)
        + "Content-Disposition: form-data; name=\"file\"\r\n\r\n".len() as u64
        + (boundary + 6)
}

/// How many bytes may still come: few around the file, whose parser keeps in memory what is not the file's, and any number inside it.
#[derive(Clone)]
struct Allowance(Arc<AtomicU64>);

impl Allowance {
    fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    fn renew(&self) {
        self.0.store(MOST_AROUND_THE_FILE, Ordering::Relaxed);
    }

    fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn spend(&self, bytes: usize) {
        let left = self.0.load(Ordering::Relaxed); // one task reads and writes it
        self.0
            .store(left.saturating_sub(bytes as u64), Ordering::Relaxed);
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(MOST_AROUND_THE_FILE)))
    }
}

/// A request's body that gives up when nothing comes for too long.
///
/// It pauses after each chunk, because the parser takes all that is ready before it looks at any.
struct Patient {
    body: Option<BodyDataStream>,
    idle: Duration,
    deadline: Pin<Box<tokio::time::Sleep>>,
    allowance: Allowance,
    pausing: bool,
}

impl Patient {
    fn new(body: RequestBody, idle: Duration, allowance: Allowance) -> Self {
        Self {
            body: Some(body.into_data_stream()),
            idle,
            deadline: Box::pin(tokio::time::sleep(idle)),
            allowance,
            pausing: false,
        }
    }
}

impl Stream for Patient {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pausing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let spent = self.allowance.is_spent();
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        if spent {
            return Poll::Ready(Some(Err(std::io::Error::other(TOO_MUCH))));
        }
        match body.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                let next = tokio::time::Instant::now() + self.idle;
                self.deadline.as_mut().reset(next);
                self.allowance.spend(chunk.len());
                self.pausing = true;
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.body = None;
                Poll::Ready(Some(Err(std::io::Error::other(error))))
            }
            Poll::Ready(None) => {
                self.body = None;
                Poll::Ready(None)
            }
            Poll::Pending => match self.deadline.as_mut().poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => {
                    self.body = None;
                    Poll::Ready(Some(Err(std::io::Error::new(
                        std::io::ErrorKind::TimedOut,
                        TIMED_OUT,
                    ))))
                }
            },
        }
    }
}

/// Fields before the file: thirty-two tags and the visibility, and some air.
const MOST_FIELDS: usize = 64;
/// Of one field.
const MOST_FIELD_BYTES: u64 = 4_096;
const MOST_NAME_CHARACTERS: usize = 255;
/// Before the file or after it: all fields at their largest, their heads, and a chunk of the connection that ends in the file.
const MOST_AROUND_THE_FILE: u64 = 1 << 20;
const TIMED_OUT: &str = "nothing came in time";
const TOO_MUCH: &str = "there is too much around the part `file`";
