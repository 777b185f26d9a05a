//! A store that keeps digests only: gigabytes go in, and nothing grows.
//!
//! It takes what an upload needs and refuses the rest. An object with a seed (the user's own header `seed`) is sent back as the bytes that
//! are [generated](crate::generated) from it; they are those that were put when their digest is, and readers check that.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::StatusCode;
use picora_core::Timestamp;

use super::object::{http_date, range};
use super::{Habits, class, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::digests::Digests;
use crate::object::hex;
use crate::xml::{element, texts};

/// What it knows of what it has swallowed.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    uploads: BTreeMap<String, Upload>,
    objects: BTreeMap<String, Swallowed>,
    started: u64,
}

#[derive(Debug)]
struct Upload {
    key: String,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Digests>,
}

#[derive(Clone, Debug)]
struct Swallowed {
    digests: Digests,
    etag: String,
    headers: BTreeMap<String, String>,
    modified: Timestamp,
}

pub(super) fn act(
    habits: &Habits,
    sink: &mut Sink,
    operation: &str,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match operation {
        "PutObject" => put(habits, sink, call, now),
        "InitiateMultipartUpload" => begin(habits, sink, call),
        "UploadPart" => part(habits, sink, call),
        "CompleteMultipartUpload" => complete(habits, sink, call, now),
        "AbortMultipartUpload" => {
            let id = call.asked("uploadId").unwrap_or_default();
            sink.uploads.remove(id).ok_or_else(no_upload)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        "GetObject" | "HeadObject" => get(habits, sink, call),
        "DeleteObject" => {
            sink.objects.remove(&call.key);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => {
            let message = "A sink keeps digests, and can do nothing else.";
            Err(Refusal::new(501, "NotImplemented", message))
        }
    }
}

fn put(habits: &Habits, sink: &mut Sink, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    class(habits, call)?;
    let digests = arrived(call)?;
    let swallowed = Swallowed {
        digests,
        etag: name(habits, &digests),
        headers: served(habits, call),
        modified: now,
    };
    let answer = told(habits, &swallowed);
    sink.objects.insert(call.key.clone(), swallowed);
    Ok(answer)
}

fn begin(habits: &Habits, sink: &mut Sink, call: &Call) -> Result<Answer, Refusal> {
    class(habits, call)?;
    sink.started += 1;
    let id = format!("{:032X}", sink.started);
    let upload = Upload {
        key: call.key.clone(),
        headers: served(habits, call),
        parts: BTreeMap::new(),
    };
    sink.uploads.insert(id.clone(), upload);
    Ok(document(
        "InitiateMultipartUploadResult",
        &[element("Key", &call.key), element("UploadId", &id)],
    ))
}

fn part(habits: &Habits, sink: &mut Sink, call: &Call) -> Result<Answer, Refusal> {
    let number = call.asked("partNumber").and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=10_000).contains(number));
    let number = number.ok_or_else(malformed)?;
    let digests = arrived(call)?;
    let id = call.asked("uploadId").unwrap_or_default();
    let upload = sink.uploads.get_mut(id).ok_or_else(no_upload)?;
    upload.parts.insert(number, digests);
    Ok(Answer::empty(StatusCode::OK)
        .with("etag", name(habits, &digests))
        .with(&habits.name("hash-crc64ecma"), digests.crc64.to_string()))
}

fn complete(
    habits: &Habits,
    sink: &mut Sink,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let listed = texts(&call.body).ok_or_else(malformed)?;
    let of = |path: &'static str| {
        let found = listed.iter().filter(move |(it, _)| it == path);
        found.map(|(_, text)| text.as_str())
    };
    let id = call.asked("uploadId").unwrap_or_default();
    let upload = sink.uploads.get(id).filter(|it| it.key == call.key);
    let upload = upload.ok_or_else(no_upload)?;
    let named =
        of("CompleteMultipartUpload/Part/PartNumber").zip(of("CompleteMultipartUpload/Part/ETag"));
    let mut parts = Vec::new();
    for (number, etag) in named {
        let part = number.parse().ok().and_then(|it| upload.parts.get(&it));
        let part = part.filter(|part| name(habits, part) == etag);
        let missing = "One or more of the specified parts could not be found.";
        parts.push(part.ok_or_else(|| Refusal::new(400, "InvalidPart", missing))?);
    }
    let most = parts.split_last().map_or(&[][..], |(_, most)| most);
    if parts.is_empty()
        || most
            .iter()
            .any(|it| it.length < habits.smallest_part as u64)
    {
        let small = "Your proposed upload is smaller than the minimum allowed size.";
        return Err(Refusal::new(400, "EntityTooSmall", small));
    }
    let digests = Digests::joined(parts.iter().copied());
    let tag = name(habits, &digests);
    let swallowed = Swallowed {
        digests,
        etag: format!("\"{}-{}\"", tag.trim_matches('"'), parts.len()),
        headers: upload.headers.clone(),
        modified: now,
    };
    let parts = [element("ETag", &swallowed.etag), element("Key", &call.key)];
    let mut answer = document("CompleteMultipartUploadResult", &parts);
    answer.headers.extend(told(habits, &swallowed).headers);
    sink.objects.insert(call.key.clone(), swallowed);
    sink.uploads.remove(id);
    Ok(answer)
}

fn get(habits: &Habits, sink: &Sink, call: &Call) -> Result<Answer, Refusal> {
    let found = sink.objects.get(&call.key).ok_or_else(super::missing)?;
    let mut answer = told(habits, found);
    for (name, value) in &found.headers {
        answer = answer.with(name, value);
    }
    let length = found.digests.length;
    let seed = found.headers.get(&format!("{}seed", habits.meta()));
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or_default();
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    let asked = call.header("range").and_then(|text| range(text, whole));
    let asked = asked.and_then(Result::ok);
    answer.generated = Some(match asked {
        Some(range) => {
            answer.status = StatusCode::PARTIAL_CONTENT;
            let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            answer = answer.with("content-range", shown);
            (seed, range.start as u64..range.end as u64)
        }
        None => (seed, 0..length),
    });
    Ok(answer)
}

fn told(habits: &Habits, swallowed: &Swallowed) -> Answer {
    Answer::empty(StatusCode::OK)
        .with("etag", &swallowed.etag)
        .with("last-modified", http_date(swallowed.modified))
        .with(
            &habits.name("hash-crc64ecma"),
            swallowed.digests.crc64.to_string(),
        )
}

/// The digests of a body, if it is the one that was sent.
fn arrived(call: &Call) -> Result<Digests, Refusal> {
    let digests = call.digests.unwrap_or_else(|| Digests::of(&call.body));
    let sent = call.header("content-md5");
    if sent.is_some_and(|sent| sent != BASE64_STANDARD.encode(digests.md5)) {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(Refusal::new(400, "InvalidDigest", message));
    }
    Ok(digests)
}

/// With quotes, as the vendor writes it.
fn name(habits: &Habits, digests: &Digests) -> String {
    habits.cased(format!("\"{}\"", hex(&digests.md5)))
}

fn document(name: &str, parts: &[String]) -> Answer {
    let body = format!("{}<{name}>{}</{name}>", super::DECLARATION, parts.concat());
    Answer::xml(StatusCode::OK, body)
}

fn no_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "The specified upload does not exist.")
}

fn malformed() -> Refusal {
    let message = "The XML you provided was not well-formed.";
    Refusal::new(400, "MalformedXML", message)
}
