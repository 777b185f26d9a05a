//! The dialect of Aliyun OSS.
//!
//! **Source**: the vendor's pages of each operation. What they leave open is answered as the official clients expect it.

mod copy;
mod list;
mod multipart;
mod object;
mod restore;
mod seal;

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use picora_core::Timestamp;

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::cloud::BUCKET;
use crate::object::Object;
use crate::xml::element;

/// What a bucket holds.
#[derive(Debug, Default)]
pub struct Store {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, multipart::Upload>,
    started: u64,
}

/// The bucket of a host such as `photos.oss-cn-hangzhou.aliyuncs.com`.
pub(crate) fn bucket_of(host: &str) -> Option<String> {
    let (bucket, rest) = host.split_once('.')?;
    rest.starts_with("oss-").then(|| bucket.to_owned())
}

/// The name of what is asked for.
pub(crate) fn operation(call: &Call) -> &'static str {
    let asks = |name| call.asked(name).is_some();
    match (&call.method, call.key.is_empty()) {
        (&Method::GET, true) if call.asked("list-type") == Some("2") => "ListObjectsV2",
        (&Method::GET, true) => "ListObjects",
        (&Method::POST, true) if asks("delete") => "DeleteMultipleObjects",
        (&Method::POST, false) if asks("restore") => "RestoreObject",
        (&Method::POST, false) if asks("uploads") => "InitiateMultipartUpload",
        (&Method::POST, false) if asks("uploadId") => "CompleteMultipartUpload",
        (&Method::PUT, false) if asks("uploadId") => "UploadPart",
        (&Method::DELETE, false) if asks("uploadId") => "AbortMultipartUpload",
        (&Method::PUT, false) if call.header("x-oss-copy-source").is_some() => "CopyObject",
        (&Method::PUT, false) => "PutObject",
        (&Method::GET, false) => "GetObject",
        (&Method::HEAD, false) if asks("objectMeta") => "GetObjectMeta",
        (&Method::HEAD, false) => "HeadObject",
        (&Method::DELETE, false) => "DeleteObject",
        _ => "Unknown",
    }
}

/// Answers a request.
pub(crate) fn answer(
    store: &mut Store,
    call: &Call,
    now: Timestamp,
    surprises: &mut Vec<String>,
) -> Answer {
    let answer = seal::verify(call, now)
        .and_then(|()| known(call, surprises))
        .and_then(|()| act(store, call, now));
    let answer = answer.unwrap_or_else(|refusal| refuse(call, &refusal));
    answer
        .with("x-oss-request-id", REQUEST_ID)
        .with("server", "AliyunOSS")
}

fn act(store: &mut Store, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    if call.bucket != BUCKET {
        return Err(Refusal::new(
            404,
            "NoSuchBucket",
            "The specified bucket does not exist.",
        ));
    }
    match operation(call) {
        "ListObjects" => list::first(store, call),
        "ListObjectsV2" => list::second(store, call),
        "DeleteMultipleObjects" => object::delete_many(store, call),
        "RestoreObject" => restore::restore(store, call, now),
        "InitiateMultipartUpload" => multipart::begin(store, call),
        "UploadPart" => multipart::part(store, call),
        "CompleteMultipartUpload" => multipart::complete(store, call, now),
        "AbortMultipartUpload" => multipart::abort(store, call),
        "CopyObject" => copy::copy(store, call, now),
        "PutObject" => object::put(store, call, now),
        "GetObject" => object::get(store, call, now),
        "GetObjectMeta" | "HeadObject" => object::head(store, call, now),
        "DeleteObject" => object::delete(store, call),
        _ => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed.",
        )),
    }
}

/// Refuses what OSS does not know, and remembers that it was sent.
fn known(call: &Call, surprises: &mut Vec<String>) -> Result<(), Refusal> {
    let header = call.headers.keys().map(http::HeaderName::as_str);
    let header = header.filter(|name| name.starts_with("x-oss-"));
    let mut header = header.filter(|name| !name.starts_with(META) && !HEADERS.contains(name));
    let mut query = call.query.iter().map(|(name, _)| name.as_str());
    let strange = header
        .next()
        .or_else(|| query.find(|name| !QUERIES.contains(name)));
    let Some(strange) = strange else {
        return Ok(());
    };
    surprises.push(format!("{} {}: {strange}", operation(call), call.key));
    let message = format!("{strange} is unknown.");
    Err(Refusal::new(400, "InvalidArgument", message))
}

fn refuse(call: &Call, refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    Answer::xml(status, error(call, refusal)).with("x-oss-ec", "0000-00000000")
}

fn error(call: &Call, refusal: &Refusal) -> String {
    let parts = [
        element("Code", refusal.code),
        element("Message", &refusal.message),
        element("RequestId", REQUEST_ID),
        element("HostId", call.header("host").unwrap_or_default()),
    ];
    format!("{DECLARATION}<Error>{}</Error>", parts.concat())
}

/// What a store that is in trouble answers.
pub(crate) fn refused(call: &Call, status: u16) -> Answer {
    let code = match status {
        503 => "ServiceUnavailable",
        429 => "QpsLimitExceeded",
        _ => "InternalError",
    };
    let message = "Please try again later.";
    refuse(
        call,
        &Refusal {
            status,
            code,
            message: message.to_owned(),
        },
    )
    .with("x-oss-request-id", REQUEST_ID)
}

/// An error whose status says that all is well.
pub(crate) fn error_inside(call: &Call) -> Answer {
    let refusal = Refusal::new(200, "InternalError", "We encountered an internal error.");
    Answer::xml(StatusCode::OK, error(call, &refusal)).with("x-oss-request-id", REQUEST_ID)
}

/// The storage class of a request.
fn class(call: &Call) -> Result<&'static str, Refusal> {
    let Some(asked) = call.header("x-oss-storage-class") else {
        return Ok(STANDARD);
    };
    let known = CLASSES.into_iter().find(|class| *class == asked);
    known.ok_or_else(|| Refusal::new(400, "InvalidArgument", "The storage class is invalid."))
}

/// What an object is served with, of a request's headers.
fn served(call: &Call) -> BTreeMap<String, String> {
    let named = call.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let kept = SERVED.contains(&name) || name.starts_with(META);
        // Header values are bytes; the user's own may be more than ASCII.
        let value = String::from_utf8(value.as_bytes().to_vec()).ok()?;
        kept.then(|| (name.to_owned(), value))
    });
    let mut headers: BTreeMap<_, _> = named.collect();
    headers
        .entry("content-type".to_owned())
        .or_insert_with(|| "application/octet-stream".to_owned());
    headers
}

fn missing() -> Refusal {
    Refusal::new(404, "NoSuchKey", "The specified key does not exist.")
}

fn frozen() -> Refusal {
    let message = "The operation is not valid for the object's state";
    Refusal::new(403, "InvalidObjectState", message)
}

/// Classes that are read after a restore only.
fn is_archive(class: &str) -> bool {
    matches!(class, "Archive" | "ColdArchive" | "DeepColdArchive")
}

const STANDARD: &str = "Standard";
const CLASSES: [&str; 5] = [STANDARD, "IA", "Archive", "ColdArchive", "DeepColdArchive"];
const META: &str = "x-oss-meta-";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
const REQUEST_ID: &str = "5C06A3B67B8B5A3DA422299D";
const SERVED: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
const HEADERS: [&str; 12] = [
    "x-oss-content-sha256",
    "x-oss-copy-source",
    "x-oss-copy-source-if-match",
    "x-oss-copy-source-if-modified-since",
    "x-oss-copy-source-if-none-match",
    "x-oss-copy-source-if-unmodified-since",
    "x-oss-date",
    "x-oss-forbid-overwrite",
    "x-oss-metadata-directive",
    "x-oss-security-token",
    "x-oss-storage-class",
    "x-oss-user-agent",
];
const QUERIES: [&str; 27] = [
    "continuation-token",
    "delete",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "objectMeta",
    "partNumber",
    "prefix",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "start-after",
    "uploadId",
    "uploads",
    "x-oss-additional-headers",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-signature",
    "x-oss-signature-version",
];
