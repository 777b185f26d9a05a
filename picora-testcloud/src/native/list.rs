//! Lists of objects.

use std::collections::BTreeSet;

use http::StatusCode;

use super::object::document_date;
use super::{Habits, Store};
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::object::Object;
use crate::xml::element;

/// What a list asks for.
struct Asked<'c> {
    prefix: &'c str,
    delimiter: &'c str,
    /// Keys and common prefixes after this one.
    after: &'c str,
    most: usize,
    /// Whether keys are percent-encoded in the answer.
    encoded: bool,
}

/// A page.
#[derive(Default)]
struct Page<'s> {
    objects: Vec<(&'s str, &'s Object)>,
    prefixes: BTreeSet<String>,
    /// The last entry of the page, when there are more.
    next: Option<String>,
}

/// `ListObjects`.
pub(super) fn first(habits: &Habits, store: &Store, call: &Call) -> Result<Answer, Refusal> {
    let asked = asked(habits, call, call.asked("marker").unwrap_or_default())?;
    let page = page(store, &asked);
    let mut parts = vec![element("Marker", &asked.shown(asked.after))];
    if let Some(next) = &page.next {
        parts.push(element("NextMarker", &asked.shown(next)));
    }
    Ok(told(call, &asked, &page, &parts.concat()))
}

/// `ListObjectsV2`.
pub(super) fn second(habits: &Habits, store: &Store, call: &Call) -> Result<Answer, Refusal> {
    let after = call
        .asked("continuation-token")
        .or(call.asked("start-after"));
    let asked = asked(habits, call, after.unwrap_or_default())?;
    let page = page(store, &asked);
    let mut parts = vec![element(
        "KeyCount",
        &(page.objects.len() + page.prefixes.len()).to_string(),
    )];
    if let Some(start) = call.asked("start-after") {
        parts.push(element("StartAfter", &asked.shown(start)));
    }
    if let Some(token) = call.asked("continuation-token") {
        parts.push(element("ContinuationToken", token));
    }
    if let Some(next) = &page.next {
        parts.push(element("NextContinuationToken", next));
    }
    Ok(told(call, &asked, &page, &parts.concat()))
}

fn asked<'c>(habits: &Habits, call: &'c Call, after: &'c str) -> Result<Asked<'c>, Refusal> {
    let most = match call.asked("max-keys") {
        Some(text) => text.parse::<usize>().ok(),
        None => Some(habits.page),
    };
    let most = most.filter(|most| *most >= 1 && (*most <= PAGE || habits.pages_shrink));
    Ok(Asked {
        prefix: call.asked("prefix").unwrap_or_default(),
        delimiter: call.asked("delimiter").unwrap_or_default(),
        after,
        most: most.map(|most| most.min(PAGE)).ok_or_else(|| {
            Refusal::new(
                400,
                "InvalidArgument",
                "Argument maxKeys must be an integer between 1 and 1000.",
            )
        })?,
        encoded: call.asked("encoding-type") == Some("url"),
    })
}

impl Asked<'_> {
    fn shown(&self, text: &str) -> String {
        if self.encoded {
            picora_sign::encode::component(text)
        } else {
            text.to_owned()
        }
    }
}

fn page<'s>(store: &'s Store, asked: &Asked<'_>) -> Page<'s> {
    let mut page = Page::default();
    let mut last = String::new();
    for (key, object) in &store.objects {
        let Some(rest) = key.strip_prefix(asked.prefix) else {
            continue;
        };
        let folder = rest
            .find(asked.delimiter)
            .filter(|_| !asked.delimiter.is_empty());
        let folder =
            folder.map(|at| format!("{}{}", asked.prefix, &rest[..at + asked.delimiter.len()]));
        let entry = folder.as_deref().unwrap_or(key);
        // What lies in a folder that was told of lies behind it.
        let told = entry <= asked.after || (folder.is_some() && page.prefixes.contains(entry));
        if told {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == asked.most {
            page.next = Some(last);
            break;
        }
        last = entry.to_owned();
        match folder {
            Some(folder) => drop(page.prefixes.insert(folder)),
            None => page.objects.push((key, object)),
        }
    }
    page
}

fn told(call: &Call, asked: &Asked<'_>, page: &Page<'_>, parts: &str) -> Answer {
    let mut body = String::from(super::DECLARATION);
    body.push_str("<ListBucketResult>");
    body.push_str(&element("Name", &call.bucket));
    body.push_str(&element("Prefix", &asked.shown(asked.prefix)));
    body.push_str(&element("MaxKeys", &asked.most.to_string()));
    body.push_str(&element("Delimiter", &asked.shown(asked.delimiter)));
    if asked.encoded {
        body.push_str(&element("EncodingType", "url"));
    }
    body.push_str(&element("IsTruncated", &page.next.is_some().to_string()));
    body.push_str(parts);
    for (key, object) in &page.objects {
        let parts = [
            element("Key", &asked.shown(key)),
            element("LastModified", &document_date(object.modified)),
            element("ETag", &object.etag),
            element("Type", "Normal"),
            element("Size", &object.bytes.len().to_string()),
            element("StorageClass", object.class),
        ];
        body.push_str(&format!("<Contents>{}</Contents>", parts.concat()));
    }
    for prefix in &page.prefixes {
        let prefix = element("Prefix", &asked.shown(prefix));
        body.push_str(&format!("<CommonPrefixes>{prefix}</CommonPrefixes>"));
    }
    body.push_str("</ListBucketResult>");
    Answer::xml(StatusCode::OK, body)
}

/// No vendor has larger pages.
const PAGE: usize = 1_000;
