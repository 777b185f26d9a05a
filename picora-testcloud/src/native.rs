//! The dialects of Aliyun OSS, Tencent COS and Cloudflare R2, which descend from the same one.
//!
//! **Source**: the vendors' pages of each operation. What they leave open is answered as the official clients expect it.

mod book;
mod conditions;
mod copy;
mod digest;
mod habits;
mod habits_r2;
mod list;
mod multipart;
mod object;
mod restore;
mod seal_cos;
mod seal_oss;
mod seal_oss_v1;
mod seal_r2;
mod shelf;
mod sink;

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{Method, StatusCode};
use picora_core::Timestamp;

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::cloud::BUCKET;
use crate::keys::Keys;
use crate::xml::element;
pub(crate) use habits::{COS, Habits, OSS};
pub(crate) use habits_r2::R2;
use shelf::Shelf;
pub(crate) use sink::Sink;

/// What a bucket holds.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// Whether it takes the first version of Aliyun's signatures, too.
    pub(crate) old: bool,
    pub(crate) objects: Shelf,
    /// In place of all else, where bytes are not kept.
    pub(crate) sink: Option<Sink>,
    uploads: BTreeMap<String, multipart::Upload>,
    started: u64,
}

impl Store {
    /// Changes one bit of an object; `false` when there is none, or none of it.
    pub(crate) fn damage(&mut self, key: &str) -> bool {
        let object = self.objects.get_mut(key);
        let object = object.filter(|object| !object.bytes.is_empty());
        object.is_some_and(|object| {
            object.damage = Some(object.bytes.len() / 2);
            true
        })
    }

    /// Lets the restore of an object go on for ever.
    pub(crate) fn stall(&mut self, key: &str) {
        let restore = self.objects.get_mut(key);
        if let Some(restore) = restore.and_then(|object| object.restore.as_mut()) {
            restore.ready = Timestamp::from_unix_micros(i64::MAX);
        }
    }

    /// Takes an object away.
    pub(crate) fn vanish(&mut self, key: &str, now: Timestamp) {
        self.objects.now = now;
        self.objects.remove(key);
    }
}

/// The vendor's name of what is asked for.
pub(crate) fn operation(habits: &Habits, call: &Call) -> &'static str {
    let name = common_operation(habits, call);
    let mut renamed = habits.renamed.iter();
    renamed
        .find(|(common, _)| *common == name)
        .map_or(name, |(_, own)| own)
}

fn common_operation(habits: &Habits, call: &Call) -> &'static str {
    let asks = |name| call.asked(name).is_some();
    let copies = habits.header(call, "copy-source").is_some();
    match (&call.method, call.key.is_empty()) {
        (&Method::GET, true) if call.asked("list-type") == Some("2") => "ListObjectsV2",
        (&Method::GET, true) => "ListObjects",
        (&Method::POST, true) if asks("delete") => "DeleteMultipleObjects",
        (&Method::POST, false) if asks("restore") => "RestoreObject",
        (&Method::POST, false) if asks("uploads") => "InitiateMultipartUpload",
        (&Method::POST, false) if asks("uploadId") => "CompleteMultipartUpload",
        (&Method::PUT, false) if asks("uploadId") && copies => "UploadPartCopy",
        (&Method::PUT, false) if asks("uploadId") => "UploadPart",
        (&Method::DELETE, false) if asks("uploadId") => "AbortMultipartUpload",
        (&Method::PUT, false) if copies => "CopyObject",
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
    habits: &Habits,
    keys: &Keys,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
    surprises: &mut Vec<String>,
) -> Answer {
    let operation = operation(habits, call);
    let before = book::Before::of(habits, &store.objects, operation, call);
    store.objects.now = now;
    let first = store.old && seal_oss_v1::is_one(call);
    let sealed = match first {
        true => seal_oss_v1::verify(call, keys, now),
        false => (habits.seal)(call, keys, now),
    };
    let answer = sealed
        .and_then(|()| known(habits, call, first, surprises))
        .and_then(|()| (habits.bounds)(call))
        .and_then(|()| act(habits, store, call, now));
    let answer = answer.unwrap_or_else(|refusal| refuse(habits, call, &refusal));
    let shelf = &mut store.objects;
    book::enter(habits, shelf, operation, (call, &before), &answer, now);
    marked(habits, answer).with("date", object::http_date(now))
}

/// Every answer of a vendor has its headers, and no answer of somebody in front of it has.
pub(crate) fn marked(habits: &Habits, answer: Answer) -> Answer {
    answer
        .with(habits.request_id, REQUEST_ID)
        .with("server", habits.server)
}

fn act(habits: &Habits, store: &mut Store, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    if call.bucket != BUCKET {
        return Err(Refusal::new(
            404,
            "NoSuchBucket",
            "The specified bucket does not exist.",
        ));
    }
    let operation = common_operation(habits, call);
    if let Some(sink) = &mut store.sink {
        return sink::act(habits, sink, operation, call, now);
    }
    match operation {
        "ListObjects" => list::first(habits, store, call),
        "ListObjectsV2" => list::second(habits, store, call),
        "DeleteMultipleObjects" => object::delete_many(habits, store, call),
        "RestoreObject" => restore::restore(habits, store, call, now),
        "InitiateMultipartUpload" => multipart::begin(habits, store, call),
        "UploadPart" => multipart::part(habits, store, call),
        "CompleteMultipartUpload" => multipart::complete(habits, store, call, now),
        "AbortMultipartUpload" => multipart::abort(store, call),
        "CopyObject" => copy::copy(habits, store, call, now),
        "PutObject" => object::put(habits, store, call, now),
        "GetObject" => object::get(habits, store, call, now),
        "GetObjectMeta" | "HeadObject" => object::head(habits, store, call, now),
        "DeleteObject" => object::delete(store, call),
        other => {
            let (status, code) = habits.no_such_operation;
            let message = format!("{other} not implemented");
            Err(Refusal::new(status, code, message))
        }
    }
}

/// Refuses what the vendor does not know, and remembers that it was sent.
fn known(
    habits: &Habits,
    call: &Call,
    first: bool,
    surprises: &mut Vec<String>,
) -> Result<(), Refusal> {
    let operation = operation(habits, call);
    let mut header = call.headers.keys().map(http::HeaderName::as_str);
    let mut query = call.query.iter().map(|(name, _)| name.as_str());
    let of_seal = |name: &str| first && seal_oss_v1::QUERIES.contains(&name);
    let strange = header
        .find(|name| !habits.takes_header(operation, name))
        .or_else(|| query.find(|name| !of_seal(name) && !habits.takes_query(operation, name)));
    let Some(strange) = strange else {
        return Ok(());
    };
    surprises.push(format!("{operation} {}: {strange}", call.key));
    let (status, code) = habits.unknown;
    let message = format!("{strange} is unknown to {operation}.");
    Err(Refusal::new(status, code, message))
}

fn refuse(habits: &Habits, call: &Call, refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let document = error(habits, call, refusal);
    let repeated = BASE64_STANDARD.encode(&document);
    let mut answer = Answer::xml(status, document);
    if habits.tells_of_errors {
        answer = answer.with(&habits.name("ec"), refusal.case);
    }
    if habits.repeats_errors {
        answer.with(&habits.name("err"), repeated)
    } else {
        answer
    }
}

fn error(habits: &Habits, call: &Call, refusal: &Refusal) -> String {
    let mut parts = vec![
        element("Code", refusal.code),
        element("Message", &refusal.message),
    ];
    if habits.tells_of_errors {
        parts.extend([
            element("RequestId", REQUEST_ID),
            element("HostId", call.header("host").unwrap_or_default()),
            element("Resource", &format!("/{}", call.key)),
            element("TraceId", REQUEST_ID),
            element("EC", refusal.case),
        ]);
    }
    format!("{DECLARATION}<Error>{}</Error>", parts.concat())
}

/// What a store answers that refuses by this word.
pub(crate) fn denied(habits: &Habits, call: &Call, status: u16, code: &'static str) -> Answer {
    let refusal = Refusal::new(status, code, "Nothing was done.");
    refuse(habits, call, &refusal).with(habits.request_id, REQUEST_ID)
}

/// What a store that is in trouble answers.
pub(crate) fn refused(habits: &Habits, call: &Call, status: u16) -> Answer {
    let code = match status {
        503 => "ServiceUnavailable",
        429 if habits.tells_of_errors => "QpsLimitExceeded",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let message = "Please try again later.";
    refuse(habits, call, &Refusal::new(status, code, message)).with(habits.request_id, REQUEST_ID)
}

/// An error whose status says that all is well.
pub(crate) fn error_inside(habits: &Habits, call: &Call) -> Answer {
    let refusal = Refusal::new(200, "InternalError", "We encountered an internal error.");
    Answer::xml(StatusCode::OK, error(habits, call, &refusal)).with(habits.request_id, REQUEST_ID)
}

/// The storage class of a request.
fn class(habits: &Habits, call: &Call) -> Result<&'static str, Refusal> {
    let Some(asked) = habits.header(call, "storage-class") else {
        return Ok(habits.standard);
    };
    let known = habits.classes.iter().copied().find(|class| *class == asked);
    known.ok_or_else(|| Refusal::new(400, habits.no_such_class, "The storage class is invalid."))
}

/// What an object is served with, of a request's headers.
fn served(habits: &Habits, call: &Call) -> BTreeMap<String, String> {
    let mut headers = named(habits, call);
    headers
        .entry("content-type".to_owned())
        .or_insert_with(|| "application/octet-stream".to_owned());
    headers
}

/// Those of a request's headers that an object is served with.
fn named(habits: &Habits, call: &Call) -> BTreeMap<String, String> {
    let meta = habits.meta();
    let named = call.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let kept = SERVED.contains(&name) || name.starts_with(&meta);
        // Header values are bytes; the user's own may be more than ASCII.
        let value = String::from_utf8(value.as_bytes().to_vec()).ok()?;
        kept.then(|| (name.to_owned(), value))
    });
    named.collect()
}

fn missing() -> Refusal {
    Refusal::new(404, "NoSuchKey", "The specified key does not exist.")
}

fn frozen() -> Refusal {
    let message = "The operation is not valid for the object's state";
    Refusal::new(403, "InvalidObjectState", message)
}

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
