//! Copies, which is also how an object changes its class.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use picora_core::Timestamp;

use super::{Store, class, frozen, is_archive, missing, object, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::cloud::BUCKET;
use crate::object::{Object, Thaw};
use crate::xml::element;

/// A copy onto itself takes its headers from the request alone, whatever the directive says: what is not sent again is lost. The class is
/// never copied.
pub(super) fn copy(store: &mut Store, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    object::forbid_overwrite(store, call)?;
    let from = source(call)?;
    let found = store.objects.get(&from).ok_or_else(missing)?;
    if is_archive(found.class) && !matches!(found.thaw(now), Thaw::ReadableUntil(_)) {
        return Err(frozen());
    }
    if found.bytes.len() as u64 > LARGEST {
        return Err(Refusal::new(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size.",
        ));
    }
    let is_named = |name: &str| name.trim().trim_matches('"') == found.etag.trim_matches('"');
    let header = |name| call.header(name);
    if header("x-oss-copy-source-if-match").is_some_and(|it| !is_named(it))
        || header("x-oss-copy-source-if-none-match").is_some_and(is_named)
    {
        let message = "At least one of the pre-conditions you specified did not hold.";
        return Err(Refusal::new(412, "PreconditionFailed", message));
    }
    let replaces =
        header("x-oss-metadata-directive").is_some_and(|it| it.eq_ignore_ascii_case("REPLACE"));
    let copied = Object {
        class: class(call)?,
        headers: if replaces || from == call.key {
            served(call)
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

fn source(call: &Call) -> Result<String, Refusal> {
    let invalid = || Refusal::new(400, "InvalidArgument", "Copy source is not valid.");
    let text = call.header("x-oss-copy-source").ok_or_else(invalid)?;
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid())?;
    let (bucket, key) = text
        .trim_start_matches('/')
        .split_once('/')
        .ok_or_else(invalid)?;
    if bucket != BUCKET || key.is_empty() {
        return Err(invalid());
    }
    Ok(key.to_owned())
}

/// Larger objects are copied in parts.
const LARGEST: u64 = 1 << 30;
