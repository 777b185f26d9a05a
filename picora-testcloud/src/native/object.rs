//! Objects: put, get, head, delete.

use std::ops::Range;

use http::StatusCode;
use picora_core::Timestamp;

use super::conditions::{Conditions, Said};
use super::{Habits, Store, class, digest, frozen, missing, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::checksum::Checksum;
use crate::object::{Object, Thaw};
use crate::xml::{element, texts};

pub(super) fn put(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    may_write(habits, store, call, "")?;
    let checksum = digest::given(habits, call, false)?;
    let object = Object {
        etag: habits.etag(&call.body),
        bytes: call.body.clone(),
        damage: None,
        class: class(habits, call)?,
        headers: served(habits, call),
        modified: now,
        checksum,
        restore: None,
    };
    let answer = Answer::empty(StatusCode::OK).with("etag", &object.etag);
    let crc64 = || object.crc64();
    let answer = digested(habits, crc64, object.checksum.as_ref(), answer);
    store.objects.insert(call.key.clone(), object);
    Ok(answer)
}

/// Tells an answer of an object's checksum: its CRC-64/XZ, or that which its uploader gave.
pub(super) fn digested(
    habits: &Habits,
    crc64: impl FnOnce() -> String,
    checksum: Option<&Checksum>,
    answer: Answer,
) -> Answer {
    if habits.tells_crc64 {
        return answer.with(&habits.name("hash-crc64ecma"), crc64());
    }
    match checksum {
        Some(checksum) => digest::told(habits, checksum, answer)
            .with(&habits.name("checksum-type"), checksum.kind()),
        None => answer,
    }
}

/// Refuses to write when the conditions on what is there do not hold; they stand in headers with this prefix.
pub(super) fn may_write(
    habits: &Habits,
    store: &Store,
    call: &Call,
    prefix: &str,
) -> Result<(), Refusal> {
    forbid_overwrite(habits, store, call)?;
    let there = store.objects.get(&call.key);
    if habits.conditional_writes && Conditions::of(call, prefix).of_object(there) != Said::Hold {
        return Err(unmet());
    }
    Ok(())
}

/// Refuses to write over what is there, when that is forbidden.
pub(super) fn forbid_overwrite(habits: &Habits, store: &Store, call: &Call) -> Result<(), Refusal> {
    let forbidden = habits.header(call, "forbid-overwrite") == Some("true");
    if forbidden && store.objects.contains_key(&call.key) {
        let message = "The object you specified already exists and can not be overwritten.";
        return Err(Refusal::new(409, "FileAlreadyExists", message));
    }
    Ok(())
}

pub(super) fn get(
    habits: &Habits,
    store: &Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let object = store.objects.get(&call.key).ok_or_else(missing)?;
    if habits.is_archive(object.class) && !matches!(object.thaw(now), Thaw::ReadableUntil(_)) {
        return Err(frozen());
    }
    if let Some(answer) = conditions(object, call)? {
        return Ok(answer);
    }
    let mut answer = described(habits, object, call, now);
    for (name, value) in &call.query {
        if let Some(header) = name.strip_prefix("response-") {
            answer.headers.retain(|(it, _)| it != header);
            answer = answer.with(header, value);
        }
    }
    let length = object.bytes.len();
    let asked = call.header("range");
    let cuts = habits.cuts_ranges_for;
    let cuts = cuts.map(|(name, value)| habits.header(call, name) == Some(value));
    let asked = asked.filter(|text| cuts != Some(false) || !ends_outside(text, length));
    match asked.and_then(|text| range(text, length)) {
        Some(Ok(range)) => {
            answer.status = StatusCode::PARTIAL_CONTENT;
            let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            answer.body = object.read(range);
            answer = answer.with("content-range", shown);
        }
        Some(Err(())) if habits.ranges_must_fit || cuts == Some(true) => {
            let message = "The requested range is not satisfiable";
            return Err(Refusal::new(416, "InvalidRange", message));
        }
        Some(Err(())) | None => answer.body = object.read(0..length),
    }
    Ok(answer)
}

pub(super) fn head(
    habits: &Habits,
    store: &Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let object = store.objects.get(&call.key).ok_or_else(missing)?;
    if let Some(answer) = conditions(object, call)? {
        return Ok(answer);
    }
    // Its length is told, also when it is zero; its bytes are not sent.
    let length = object.bytes.len().to_string();
    let mut answer = described(habits, object, call, now).with("content-length", length);
    answer.body = object.bytes.clone();
    Ok(answer)
}

/// What is told of an object beside its bytes.
fn described(habits: &Habits, object: &Object, call: &Call, now: Timestamp) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK)
        .with("accept-ranges", "bytes")
        .with("etag", &object.etag)
        .with("last-modified", http_date(object.modified));
    if habits.tells_crc64 || habits.header(call, "checksum-mode") == Some("ENABLED") {
        let crc64 = || object.crc64();
        answer = digested(habits, crc64, object.checksum.as_ref(), answer);
    }
    if habits.tells_standard || object.class != habits.standard {
        answer = answer.with(&habits.name("storage-class"), object.class);
    }
    for (name, value) in &object.headers {
        answer = answer.with(name, value);
    }
    match object.thaw(now) {
        Thaw::Frozen => answer,
        Thaw::Ongoing => answer.with(&habits.name("restore"), "ongoing-request=\"true\""),
        Thaw::ReadableUntil(end) => {
            let until = format!(
                "ongoing-request=\"false\", expiry-date=\"{}\"",
                http_date(end)
            );
            answer.with(&habits.name("restore"), until)
        }
    }
}

/// The answer instead of the object when a condition of the request does not hold.
fn conditions(object: &Object, call: &Call) -> Result<Option<Answer>, Refusal> {
    match Conditions::of(call, "").of_object(Some(object)) {
        Said::Hold => Ok(None),
        Said::Differs => Err(unmet()),
        Said::Known => {
            let answer = Answer::empty(StatusCode::NOT_MODIFIED);
            Ok(Some(answer.with("etag", &object.etag)))
        }
    }
}

pub(super) fn unmet() -> Refusal {
    let message = "At least one of the pre-conditions you specified did not hold.";
    Refusal::new(412, "PreconditionFailed", message)
}

/// A single range; what is none is ignored. The other result is one that lies outside.
pub(super) fn range(text: &str, length: usize) -> Option<Result<Range<usize>, ()>> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (start.parse::<usize>(), end.parse::<usize>()) {
        (Ok(start), Ok(end)) if start <= end => start..end.saturating_add(1).min(length),
        (Ok(start), Err(_)) if end.is_empty() => start..length,
        (Err(_), Ok(last)) if start.is_empty() => length.saturating_sub(last)..length,
        _ => return None,
    };
    Some((range.start < range.end).then_some(range).ok_or(()))
}

/// Whether a range wants more than there is.
fn ends_outside(text: &str, length: usize) -> bool {
    let range = text
        .strip_prefix("bytes=")
        .and_then(|it| it.split_once('-'));
    match range.map(|(start, end)| (start.is_empty(), end.parse::<usize>())) {
        Some((true, Ok(last))) => last > length,
        Some((false, Ok(end))) => end >= length,
        _ => false,
    }
}

pub(super) fn delete(store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    store.objects.remove(&call.key);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete_many(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
) -> Result<Answer, Refusal> {
    let by_md5 = call.header("content-md5").is_some();
    let checksum = digest::given(habits, call, true)?;
    if !by_md5 && (habits.deletes_by_md5 || checksum.is_none()) {
        return Err(Refusal::new(
            400,
            "MissingArgument",
            "Missing Some Required Arguments.",
        ));
    }
    let malformed = || {
        Refusal::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed.",
        )
    };
    let document = texts(&call.body).ok_or_else(malformed)?;
    let keys: Vec<_> = document
        .iter()
        .filter(|(path, _)| path == "Delete/Object/Key")
        .collect();
    if keys.is_empty() || keys.len() > 1_000 {
        return Err(malformed());
    }
    let quiet = document
        .iter()
        .any(|(path, text)| path == "Delete/Quiet" && text == "true");
    let mut told = String::new();
    for (_, key) in keys {
        store.objects.remove(key);
        if !quiet {
            told.push_str(&format!("<Deleted>{}</Deleted>", element("Key", key)));
        }
    }
    let body = format!("{}<DeleteResult>{told}</DeleteResult>", super::DECLARATION);
    Ok(Answer::xml(StatusCode::OK, body))
}

pub(super) fn http_date(at: Timestamp) -> String {
    let since = u64::try_from(at.unix_seconds()).unwrap_or(0);
    httpdate::fmt_http_date(
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since),
    )
}

/// `2026-11-21T08:00:00.000Z`, as documents have times.
pub(super) fn document_date(at: Timestamp) -> String {
    let whole = Timestamp::from_unix_seconds(at.unix_seconds());
    let text = whole.to_rfc3339();
    format!(
        "{}.000Z",
        text.trim_end_matches('Z')
            .split('.')
            .next()
            .unwrap_or_default()
    )
}
