//! Copies, which is also how an object changes its class.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use picora_core::Timestamp;

use super::{Habits, Store, class, frozen, missing, object, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::cloud::BUCKET;
use crate::object::{Object, Thaw};
use crate::xml::element;

/// The class is never copied. At Aliyun, a copy onto itself takes its headers from the request alone, whatever the directive says: what is
/// not sent again is lost.
pub(super) fn copy(
    habits: &Habits,
    store: &mut Store,
    call: &Call,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    object::forbid_overwrite(habits, store, call)?;
    let from = source(habits, call)?;
    let found = store.objects.get(&from).ok_or_else(missing)?;
    if habits.is_archive(found.class) && !matches!(found.thaw(now), Thaw::ReadableUntil(_)) {
        return Err(frozen());
    }
    if found.bytes.len() as u64 > habits.largest_copy {
        return Err(Refusal::new(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size.",
        ));
    }
    let is_named = |name: &str| name.trim().trim_matches('"') == found.etag.trim_matches('"');
    let header = |name| habits.header(call, name);
    if header("copy-source-if-match").is_some_and(|it| !is_named(it))
        || header("copy-source-if-none-match").is_some_and(is_named)
    {
        let message = "At least one of the pre-conditions you specified did not hold.";
        return Err(Refusal::new(412, "PreconditionFailed", message));
    }
    let replaces =
        header("metadata-directive").is_some_and(|it| it.eq_ignore_ascii_case(habits.replaces));
    let itself = from == call.key;
    if itself && !replaces && habits.self_copy_must_replace {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.";
        return Err(Refusal::new(400, "InvalidRequest", message));
    }
    let copied = Object {
        class: class(habits, call)?,
        headers: if replaces || (itself && habits.self_copy_drops) {
            served(habits, call)
        } else {
            found.headers.clone()
        },
        modified: now,
        restore: None,
        ..found.clone()
    };
    let parts = [
        element("ETag", &copied.etag),
        element("LastModified", &object::document_date(now)),
    ];
    let body = format!(
        "{}<CopyObjectResult>{}</CopyObjectResult>",
        super::DECLARATION,
        parts.concat()
    );
    store.objects.insert(call.key.clone(), copied);
    Ok(Answer::xml(StatusCode::OK, body))
}

pub(super) fn source(habits: &Habits, call: &Call) -> Result<String, Refusal> {
    let invalid = || Refusal::new(400, "InvalidArgument", "Copy source is not valid.");
    let text = habits.header(call, "copy-source").ok_or_else(invalid)?;
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid())?;
    let (bucket, key) = text
        .trim_start_matches('/')
        .split_once('/')
        .ok_or_else(invalid)?;
    // Tencent's has the host of the bucket instead of its name, and the name ends with the number of the owner.
    let bucket = bucket.split('.').next().unwrap_or_default();
    let bucket = bucket
        .trim_end_matches(|it: char| it.is_ascii_digit())
        .trim_end_matches('-');
    if bucket != BUCKET || key.is_empty() {
        return Err(invalid());
    }
    Ok(key.to_owned())
}
