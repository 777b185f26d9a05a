//! Objects: put, get, head, delete.

use std::ops::Range;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::StatusCode;
use picora_core::Timestamp;

use super::{Habits, Store, class, frozen, missing, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::object::{Object, Thaw};
use crate::xml::{element, texts};

pub(super) fn put(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    forbid_overwrite(habits, store, call)?;
    digest(call)?;
    let object = Object {
        etag: habits.etag(&call.body),
        bytes: call.body.clone(),
        damage: None,
        class: class(habits, call)?,
        headers: served(habits, call),
        modified: now,
        restore: None,
    };
    let answer = Answer::empty(StatusCode::OK)
        .with("etag", &object.etag)
        .with(&habits.name("hash-crc64ecma"), object.crc64());
    store.objects.insert(call.key.clone(), object);
    Ok(answer)
}

/// Refuses a body that is not the one that was sent, where the request says which one that was.
pub(super) fn digest(call: &Call) -> Result<(), Refusal> {
    let Some(expected) = call.header("content-md5") else {
        return Ok(());
    };
    let found = crate::object::etag(&call.body);
    if base64_md5(expected).as_deref() == Some(found.trim_matches('"')) {
        return Ok(());
    }
    let message = "The Content-MD5 you specified did not match what we received.";
    Err(Refusal::new(400, "InvalidDigest", message))
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
    let mut answer = described(habits, object, now);
    for (name, value) in &call.query {
        if let Some(header) = name.strip_prefix("response-") {
            answer.headers.retain(|(it, _)| it != header);
            answer = answer.with(header, value);
        }
    }
    let length = object.bytes.len();
    match call.header("range").and_then(|text| range(text, length)) {
        Some(range) => {
            answer.status = StatusCode::PARTIAL_CONTENT;
            let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            answer.body = object.read(range);
            answer = answer.with("content-range", shown);
        }
        None => answer.body = object.read(0..length),
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
    let mut answer = described(habits, object, now).with("content-length", length);
    answer.body = object.bytes.clone();
    Ok(answer)
}

/// What is told of an object beside its bytes.
fn described(habits: &Habits, object: &Object, now: Timestamp) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK)
        .with("accept-ranges", "bytes")
        .with("etag", &object.etag)
        .with("last-modified", http_date(object.modified))
        .with(&habits.name("hash-crc64ecma"), object.crc64());
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
    let names = |text: &str| {
        text.trim() == "*" || text.trim().trim_matches('"') == object.etag.trim_matches('"')
    };
    let modified = object.modified.unix_seconds();
    let date = |name| {
        let at = httpdate::parse_http_date(call.header(name)?).ok()?;
        let at = at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(at.as_secs()).ok()
    };
    let failed = call.header("if-match").is_some_and(|it| !names(it))
        || date("if-unmodified-since").is_some_and(|it| modified > it);
    if failed {
        let message = "At least one of the pre-conditions you specified did not hold.";
        return Err(Refusal::new(412, "PreconditionFailed", message));
    }
    let unchanged = call.header("if-none-match").is_some_and(names)
        || date("if-modified-since").is_some_and(|it| modified <= it);
    Ok(unchanged.then(|| Answer::empty(StatusCode::NOT_MODIFIED).with("etag", &object.etag)))
}

/// A single range; one that is none is ignored, as OSS does unless it is asked for more.
pub(super) fn range(text: &str, length: usize) -> Option<Range<usize>> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (start.parse::<usize>(), end.parse::<usize>()) {
        (Ok(start), Ok(end)) => start..end.saturating_add(1).min(length),
        (Ok(start), Err(_)) if end.is_empty() => start..length,
        (Err(_), Ok(last)) if start.is_empty() => length.saturating_sub(last)..length,
        _ => return None,
    };
    (range.start < range.end).then_some(range)
}

pub(super) fn delete(store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    store.objects.remove(&call.key);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete_many(store: &mut Store, call: &Call) -> Result<Answer, Refusal> {
    if call.header("content-md5").is_none() {
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

/// The upper-case hexadecimal of a digest in base 64.
pub(super) fn base64_md5(text: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    (bytes.len() == 16).then(|| crate::object::hex(&bytes))
}
