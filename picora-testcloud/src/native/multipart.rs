//! Uploads in parts.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use md5::{Digest, Md5};
use picora_core::Timestamp;

use super::{Habits, Store, class, digest, object, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::checksum::{Algorithm, Checksum};
use crate::object::{Object, crc64};
use crate::xml::{element, texts};

/// An upload that has begun.
#[derive(Debug)]
pub(super) struct Upload {
    key: String,
    class: &'static str,
    headers: BTreeMap<String, String>,
    /// How the whole is to be checked, where the vendor takes such.
    algorithm: Option<Algorithm>,
    parts: BTreeMap<u32, Bytes>,
}

pub(super) fn begin(habits: &Habits, store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    object::forbid_overwrite(habits, store, call)?;
    let algorithm = algorithm(habits, call)?;
    store.started += 1;
    let id = format!("{:032X}", store.started);
    let upload = Upload {
        key: call.key.clone(),
        class: class(habits, call)?,
        headers: served(habits, call),
        algorithm,
        parts: BTreeMap::new(),
    };
    store.uploads.insert(id.clone(), upload);
    let parts = [
        element("Bucket", &call.bucket),
        element("Key", &call.key),
        element("UploadId", &id),
    ];
    let name = "InitiateMultipartUploadResult";
    let body = format!("{}<{name}>{}</{name}>", super::DECLARATION, parts.concat());
    Ok(Answer::xml(StatusCode::OK, body))
}

/// How the whole is to be checked. Each algorithm has one type only: of all bytes, or of the parts' checksums.
pub(super) fn algorithm(habits: &Habits, call: &Call) -> Result<Option<Algorithm>, Refusal> {
    let Some(name) = habits.header(call, "checksum-algorithm") else {
        return Ok(None);
    };
    let unknown = |what: &str| {
        let (status, code) = habits.unknown;
        let message = format!("Checksum {what} of {name} not implemented");
        Refusal::new(status, code, message)
    };
    let algorithm = Algorithm::named(name).ok_or_else(|| unknown("algorithm"))?;
    match habits.header(call, "checksum-type") {
        Some(kind) if kind != kind_of(algorithm) => Err(unknown("type")),
        _ => Ok(Some(algorithm)),
    }
}

const fn kind_of(algorithm: Algorithm) -> &'static str {
    if algorithm.is_of_the_whole() {
        "FULL_OBJECT"
    } else {
        "COMPOSITE"
    }
}

pub(super) fn part(habits: &Habits, store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    let number = call.asked("partNumber").and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=10_000).contains(number));
    let number = number.ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000.",
        )
    })?;
    let checksum = digest::given(habits, call, false)?;
    let upload = found(store, call)?;
    upload.parts.insert(number, call.body.clone());
    let answer = Answer::empty(StatusCode::OK).with("etag", habits.etag(&call.body));
    if habits.tells_crc64 {
        let crc = crc64(&call.body).to_string();
        return Ok(answer.with(&habits.name("hash-crc64ecma"), crc));
    }
    Ok(match &checksum {
        Some(checksum) => digest::told(habits, checksum, answer),
        None => answer,
    })
}

pub(super) fn complete(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    object::forbid_overwrite(habits, store, call)?;
    let upload = found(store, call)?;
    let parts = listed(habits, upload, &call.body)?;
    let lengths: Vec<_> = parts.iter().map(|part| part.len() as u64).collect();
    sized(habits, &lengths)?;
    let slices: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
    let algorithm = upload.algorithm;
    let checksum = algorithm.map(|algorithm| Checksum::of_parts(algorithm, &slices));
    whole(habits, call, checksum.as_ref())?;
    let object = Object {
        etag: named(habits, &slices),
        bytes: slices.concat().into(),
        damage: None,
        class: upload.class,
        headers: upload.headers.clone(),
        modified: now,
        checksum,
        restore: None,
    };
    let mut told = vec![
        element("Bucket", &call.bucket),
        element("ETag", &object.etag),
        element("Key", &call.key),
        element("Location", "http://127.0.0.1/"),
    ];
    if let Some(checksum) = &object.checksum {
        told.push(element(&tag(checksum.algorithm), &checksum.text));
        told.push(element("ChecksumType", checksum.kind()));
    }
    let name = "CompleteMultipartUploadResult";
    let body = format!("{}<{name}>{}</{name}>", super::DECLARATION, told.concat());
    let mut answer = Answer::xml(StatusCode::OK, body).with("etag", &object.etag);
    if habits.tells_crc64 {
        answer = answer.with(&habits.name("hash-crc64ecma"), object.crc64());
    }
    store.objects.insert(call.key.clone(), object);
    store
        .uploads
        .remove(call.asked("uploadId").unwrap_or_default());
    Ok(answer)
}

/// The parts that a document names, in its order, each by its number, its entity tag and the checksum that it may have.
fn listed(habits: &Habits, upload: &Upload, document: &[u8]) -> Result<Vec<Bytes>, Refusal> {
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed.",
        )
    };
    let lost = || {
        Refusal::new(
            400,
            "InvalidPart",
            "One or more of the specified parts could not be found.",
        )
    };
    let (mut parts, mut last) = (Vec::new(), 0);
    let mut entry: Vec<(String, String)> = Vec::new();
    for (path, text) in texts(document).ok_or_else(malformed)? {
        if let Some(name) = path.strip_prefix("CompleteMultipartUpload/Part/") {
            entry.push((name.to_owned(), text));
            continue;
        }
        if path != "CompleteMultipartUpload/Part" {
            continue;
        }
        let says = |name: &str| {
            let mut entry = entry.iter();
            entry.find(|(it, _)| it == name).map(|(_, text)| text)
        };
        let number: u32 = says("PartNumber")
            .and_then(|text| text.parse().ok())
            .ok_or_else(malformed)?;
        let name = says("ETag").ok_or_else(malformed)?.trim_matches('"');
        if number <= last {
            return Err(Refusal::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order.",
            ));
        }
        last = number;
        let part = upload.parts.get(&number).ok_or_else(lost)?;
        let tag_of_it = habits.etag(part);
        let is_it = tag_of_it.trim_matches('"').eq_ignore_ascii_case(name);
        let checked = upload.algorithm.is_none_or(|algorithm| {
            says(&tag(algorithm)).is_none_or(|text| *text == algorithm.text_of(part))
        });
        if !is_it || !checked {
            return Err(lost());
        }
        parts.push(part.clone());
        entry.clear();
    }
    if parts.is_empty() {
        return Err(malformed());
    }
    Ok(parts)
}

/// Refuses lengths of parts that the vendor does not put together.
pub(super) fn sized(habits: &Habits, lengths: &[u64]) -> Result<(), Refusal> {
    let Some((last, rest)) = lengths.split_last() else {
        return Ok(());
    };
    if rest.iter().any(|it| *it < habits.smallest_part as u64) {
        return Err(Refusal::new(
            400,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size.",
        ));
    }
    let size = rest.first().unwrap_or(last);
    let equal = rest.iter().all(|it| it == size) && last <= size;
    if habits.equal_parts && !equal {
        let message = "All non-trailing parts must have the same length.";
        return Err(Refusal::new(400, "InvalidPart", message));
    }
    Ok(())
}

/// Whether the whole is what the request says that it is.
pub(super) fn whole(habits: &Habits, call: &Call, found: Option<&Checksum>) -> Result<(), Refusal> {
    let Some(found) = found else {
        return Ok(());
    };
    let name = format!("checksum-{}", found.algorithm.name());
    let given = habits.header(call, &name);
    if given.is_none_or(|text| text == found.text) {
        return Ok(());
    }
    let message = "The checksum you specified did not match what we received.";
    Err(Refusal::new(400, habits.digest_differs, message))
}

/// The digest of the parts' digests and their count, with quotes.
fn named(habits: &Habits, parts: &[&[u8]]) -> String {
    let each: Vec<_> = parts.iter().map(Md5::digest).collect();
    let name = habits.etag(&each.concat());
    format!("\"{}-{}\"", name.trim_matches('"'), parts.len())
}

/// The element of a checksum.
pub(super) fn tag(algorithm: Algorithm) -> String {
    format!("Checksum{}", algorithm.name().to_uppercase())
}

pub(super) fn abort(store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    found(store, call)?;
    store
        .uploads
        .remove(call.asked("uploadId").unwrap_or_default());
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn found<'s>(store: &'s mut Store, call: &Call) -> Result<&'s mut Upload, Refusal> {
    let id = call.asked("uploadId").unwrap_or_default();
    let upload = store
        .uploads
        .get_mut(id)
        .filter(|upload| upload.key == call.key);
    upload.ok_or_else(|| Refusal::new(404, "NoSuchUpload", "The specified upload does not exist."))
}
