//! Copies, which is also how an object changes its class.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use picora_core::Timestamp;

use super::conditions::{Conditions, Said};
use super::habits::SelfCopy;
use super::{Habits, Store, class, frozen, missing, named, object, served};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
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
    let guard = habits.name("copy-source-");
    if Conditions::of(call, &guard).of_object(Some(found)) != Said::Hold {
        return Err(object::unmet());
    }
    let class = class(habits, call)?;
    let directive = directive(habits, call)?;
    let itself = from == call.key;
    let allowed = match habits.self_copy {
        SelfCopy::Drops => true,
        SelfCopy::MustReplace => directive != Directive::Keep,
        // A class that is not named is none that is changed, though it becomes the standard one in copies elsewhere.
        SelfCopy::MustChange => {
            let named = habits.header(call, "storage-class").is_some();
            directive != Directive::Keep || (named && class != found.class)
        }
    };
    if itself && !allowed {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata or storage class.";
        return Err(Refusal::new(400, "InvalidRequest", message));
    }
    // Only now: the source is selected before the destination is committed.
    object::may_write(habits, store, call, "cf-copy-destination-")?;
    let drops = itself && habits.self_copy == SelfCopy::Drops;
    let headers = match directive {
        Directive::Keep if !drops => found.headers.clone(),
        Directive::Keep | Directive::Replace => served(habits, call),
        Directive::Merge => {
            let mut headers = found.headers.clone();
            headers.extend(named(habits, call));
            headers
        }
    };
    let copied = Object {
        etag: if habits.copy_is_named_anew {
            habits.etag(&found.bytes)
        } else {
            found.etag.clone()
        },
        class,
        headers,
        modified: now,
        // One of parts would not be that of the copy, which has none.
        checksum: found.checksum.clone().filter(|it| it.kind() != "COMPOSITE"),
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

/// What becomes of the headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Keep,
    Replace,
    Merge,
}

fn directive(habits: &Habits, call: &Call) -> Result<Directive, Refusal> {
    let Some(text) = habits.header(call, "metadata-directive") else {
        return Ok(Directive::Keep);
    };
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("COPY") {
        Ok(Directive::Keep)
    } else if is(habits.replaces) {
        Ok(Directive::Replace)
    } else if habits.merges.is_some_and(is) {
        Ok(Directive::Merge)
    } else {
        let message = "Unknown metadata directive.";
        Err(Refusal::new(400, "InvalidArgument", message))
    }
}

pub(super) fn source(habits: &Habits, call: &Call) -> Result<String, Refusal> {
    let invalid = || Refusal::new(400, "InvalidArgument", "Copy source is not valid.");
    let text = habits.header(call, "copy-source").ok_or_else(invalid)?;
    // Behind one that is not encoded would stand a version.
    if text.contains('?') {
        return Err(invalid());
    }
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid())?;
    let key = (habits.copied_key)(&text).filter(|key| !key.is_empty());
    key.map(str::to_owned).ok_or_else(invalid)
}
