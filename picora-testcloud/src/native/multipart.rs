//! Uploads in parts.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use md5::{Digest, Md5};
use picora_core::Timestamp;

use super::{Habits, Store, class, object, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::object::{Object, crc64};
use crate::xml::{element, texts};

/// An upload that has begun.
#[derive(Debug)]
pub(super) struct Upload {
    key: String,
    class: &'static str,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Bytes>,
}

pub(super) fn begin(habits: &Habits, store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    object::forbid_overwrite(habits, store, call)?;
    store.started += 1;
    let id = format!("{:032X}", store.started);
    let upload = Upload {
        key: call.key.clone(),
        class: class(habits, call)?,
        headers: served(habits, call),
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
    object::digest(call)?;
    let upload = found(store, call)?;
    upload.parts.insert(number, call.body.clone());
    Ok(Answer::empty(StatusCode::OK)
        .with("etag", habits.etag(&call.body))
        .with(
            &habits.name("hash-crc64ecma"),
            crc64(&call.body).to_string(),
        ))
}

pub(super) fn complete(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    object::forbid_overwrite(habits, store, call)?;
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed.",
        )
    };
    let document = texts(&call.body).ok_or_else(malformed)?;
    let of = |path: &str| {
        let found = document.iter().filter(|(it, _)| it == path);
        found.map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    let numbers = of("CompleteMultipartUpload/Part/PartNumber");
    let names = of("CompleteMultipartUpload/Part/ETag");
    let upload = found(store, call)?;
    let (mut bytes, mut names_of_parts) = (BytesMut::new(), Vec::new());
    let mut last = 0;
    let count = numbers.len();
    for (at, (number, name)) in numbers.iter().zip(&names).enumerate() {
        let number: u32 = number.parse().map_err(|_| malformed())?;
        if number <= last {
            return Err(Refusal::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order.",
            ));
        }
        last = number;
        let part = upload.parts.get(&number);
        let part = part.filter(|part| {
            habits
                .etag(part)
                .trim_matches('"')
                .eq_ignore_ascii_case(name.trim_matches('"'))
        });
        let part = part.ok_or_else(|| {
            Refusal::new(
                400,
                "InvalidPart",
                "One or more of the specified parts could not be found.",
            )
        })?;
        if at + 1 < count && part.len() < habits.smallest_part {
            return Err(Refusal::new(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size.",
            ));
        }
        names_of_parts.extend_from_slice(&Md5::digest(part));
        bytes.extend_from_slice(part);
    }
    if count == 0 || names.len() != count {
        return Err(malformed());
    }
    let bytes = bytes.freeze();
    let object = Object {
        etag: format!(
            "\"{}-{count}\"",
            habits.etag(&names_of_parts).trim_matches('"')
        ),
        bytes,
        damage: None,
        class: upload.class,
        headers: upload.headers.clone(),
        modified: now,
        restore: None,
    };
    let parts = [
        element("Bucket", &call.bucket),
        element("ETag", &object.etag),
        element("Key", &call.key),
        element("Location", "http://127.0.0.1/"),
    ];
    let name = "CompleteMultipartUploadResult";
    let body = format!("{}<{name}>{}</{name}>", super::DECLARATION, parts.concat());
    let answer = Answer::xml(StatusCode::OK, body)
        .with("etag", &object.etag)
        .with(&habits.name("hash-crc64ecma"), object.crc64());
    store.objects.insert(call.key.clone(), object);
    store
        .uploads
        .remove(call.asked("uploadId").unwrap_or_default());
    Ok(answer)
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
