//! A store that keeps digests only: gigabytes go in, and nothing grows.
//!
//! It takes what an upload needs and refuses the rest. An object with a seed (the user's own header `seed`) is sent back as the bytes that
//! are [generated](crate::generated) from it; they are those that were put when their digest is, and readers check that.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::StatusCode;
use picora_core::Timestamp;

use super::object::{digested, http_date, range};
use super::{Habits, class, digest, multipart, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::checksum::{Algorithm, Checksum};
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
    /// Whether the whole is to be checked, where the vendor takes that.
    checked: bool,
    parts: BTreeMap<u32, Digests>,
}

#[derive(Clone, Debug)]
struct Swallowed {
    digests: Digests,
    etag: String,
    headers: BTreeMap<String, String>,
    modified: Timestamp,
    checksum: Option<Checksum>,
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
        _ => Err(beyond("A sink keeps digests, and can do nothing else.")),
    }
}

fn put(habits: &Habits, sink: &mut Sink, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    class(habits, call)?;
    let (digests, checksum) = arrived(habits, call)?;
    let swallowed = Swallowed {
        digests,
        etag: name(habits, &digests),
        headers: served(habits, call),
        modified: now,
        checksum,
    };
    let answer = with_digest(habits, &swallowed, told(&swallowed));
    sink.objects.insert(call.key.clone(), swallowed);
    Ok(answer)
}

fn begin(habits: &Habits, sink: &mut Sink, call: &Call) -> Result<Answer, Refusal> {
    class(habits, call)?;
    let checked = match multipart::algorithm(habits, call)? {
        None => false,
        Some(Algorithm::Crc64Nvme) => true,
        Some(other) => return Err(beyond(&format!("A sink joins no {}.", other.name()))),
    };
    sink.started += 1;
    let id = format!("{:032X}", sink.started);
    let upload = Upload {
        key: call.key.clone(),
        headers: served(habits, call),
        checked,
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
    let (digests, checksum) = arrived(habits, call)?;
    let id = call.asked("uploadId").unwrap_or_default();
    let upload = sink.uploads.get_mut(id).ok_or_else(no_upload)?;
    upload.parts.insert(number, digests);
    let answer = Answer::empty(StatusCode::OK).with("etag", name(habits, &digests));
    Ok(match (habits.tells_crc64, checksum) {
        (true, _) => answer.with(&habits.name("hash-crc64ecma"), digests.crc64.to_string()),
        (false, Some(checksum)) => digest::told(habits, &checksum, answer),
        (false, None) => answer,
    })
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
        parts.push(part.ok_or_else(lost)?);
    }
    if parts.is_empty() {
        return Err(malformed());
    }
    let checked: Vec<_> = of("CompleteMultipartUpload/Part/ChecksumCRC64NVME").collect();
    let found = parts.iter().map(|part| nvme(part).text);
    if !checked.is_empty() && !found.eq(checked) {
        return Err(lost());
    }
    let lengths: Vec<_> = parts.iter().map(|part| part.length).collect();
    multipart::sized(habits, &lengths)?;
    let digests = Digests::joined(parts.iter().copied());
    let checksum = upload.checked.then(|| nvme(&digests));
    multipart::whole(habits, call, checksum.as_ref())?;
    let tag = name(habits, &digests);
    let swallowed = Swallowed {
        digests,
        etag: format!("\"{}-{}\"", tag.trim_matches('"'), parts.len()),
        headers: upload.headers.clone(),
        modified: now,
        checksum,
    };
    let mut parts = vec![element("ETag", &swallowed.etag), element("Key", &call.key)];
    if let Some(checksum) = &swallowed.checksum {
        let tag = multipart::tag(checksum.algorithm);
        parts.push(element(&tag, &checksum.text));
    }
    let mut answer = document("CompleteMultipartUploadResult", &parts);
    answer = answer.with("etag", &swallowed.etag);
    if habits.tells_crc64 {
        answer = with_digest(habits, &swallowed, answer);
    }
    sink.objects.insert(call.key.clone(), swallowed);
    sink.uploads.remove(id);
    Ok(answer)
}

fn get(habits: &Habits, sink: &Sink, call: &Call) -> Result<Answer, Refusal> {
    let found = sink.objects.get(&call.key).ok_or_else(super::missing)?;
    let mut answer = told(found);
    if habits.tells_crc64 || habits.header(call, "checksum-mode") == Some("ENABLED") {
        answer = with_digest(habits, found, answer);
    }
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

fn told(swallowed: &Swallowed) -> Answer {
    Answer::empty(StatusCode::OK)
        .with("etag", &swallowed.etag)
        .with("last-modified", http_date(swallowed.modified))
}

fn with_digest(habits: &Habits, swallowed: &Swallowed, answer: Answer) -> Answer {
    let crc64 = || swallowed.digests.crc64.to_string();
    digested(habits, crc64, swallowed.checksum.as_ref(), answer)
}

fn nvme(digests: &Digests) -> Checksum {
    Checksum {
        algorithm: Algorithm::Crc64Nvme,
        text: BASE64_STANDARD.encode(digests.crc64_nvme.to_be_bytes()),
    }
}

/// The digests of a body and the checksum that was sent with it, if it is the one that was sent.
fn arrived(habits: &Habits, call: &Call) -> Result<(Digests, Option<Checksum>), Refusal> {
    let checksum = digest::given(habits, call, false)?;
    let digests = call.digests.unwrap_or_else(|| Digests::of(&call.body));
    Ok((digests, checksum))
}

/// With quotes, as the vendor writes it.
fn name(habits: &Habits, digests: &Digests) -> String {
    habits.cased(format!("\"{}\"", hex(&digests.md5)))
}

fn document(name: &str, parts: &[String]) -> Answer {
    let body = format!("{}<{name}>{}</{name}>", super::DECLARATION, parts.concat());
    Answer::xml(StatusCode::OK, body)
}

fn beyond(message: &str) -> Refusal {
    Refusal::new(501, "NotImplemented", message)
}

fn no_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "The specified upload does not exist.")
}

fn lost() -> Refusal {
    let message = "One or more of the specified parts could not be found.";
    Refusal::new(400, "InvalidPart", message)
}

fn malformed() -> Refusal {
    let message = "The XML you provided was not well-formed.";
    Refusal::new(400, "MalformedXML", message)
}
