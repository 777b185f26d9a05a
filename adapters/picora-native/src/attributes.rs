//! Headers, and what object_store calls them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, Attributes, ObjectMeta};
use picora_tiering::ObjectHeaders;

use crate::failure::Failure;

/// The headers of a request for what an object shall be served with; the class, where one is named.
#[must_use]
pub fn headers(attributes: &Attributes, prefix: &str) -> Vec<(String, String)> {
    let pairs = attributes.iter().filter_map(|(attribute, value)| {
        let name = match attribute {
            Attribute::ContentDisposition => "content-disposition".to_owned(),
            Attribute::ContentEncoding => "content-encoding".to_owned(),
            Attribute::ContentLanguage => "content-language".to_owned(),
            Attribute::ContentType => "content-type".to_owned(),
            Attribute::CacheControl => "cache-control".to_owned(),
            Attribute::StorageClass => format!("{prefix}storage-class"),
            Attribute::Metadata(name) => format!("{prefix}meta-{}", name.to_ascii_lowercase()),
            _ => return None,
        };
        Some((name, value.to_string()))
    });
    pairs.collect()
}

/// What an object is served with, of an answer's headers.
#[must_use]
pub fn served(headers: &HeaderMap, prefix: &str) -> ObjectHeaders {
    let (meta, mut served) = (format!("{prefix}meta-"), ObjectHeaders::default());
    for (name, value) in headers {
        if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
            served.read(name.as_str(), value, &meta);
        }
    }
    served
}

/// The same for readers of bytes. A class that `is_standard` is no attribute: everything has it unless it was moved.
#[must_use]
pub fn attributes(
    headers: &HeaderMap,
    prefix: &str,
    is_standard: impl Fn(&str) -> bool,
) -> Attributes {
    let served = served(headers, prefix);
    let mut attributes = Attributes::new();
    for (name, value) in served.standard() {
        let attribute = match name {
            "content-disposition" => Attribute::ContentDisposition,
            "content-encoding" => Attribute::ContentEncoding,
            "content-language" => Attribute::ContentLanguage,
            "content-type" => Attribute::ContentType,
            "cache-control" => Attribute::CacheControl,
            _ => continue,
        };
        attributes.insert(attribute, AttributeValue::from(value.to_owned()));
    }
    for (name, value) in served.metadata {
        attributes.insert(
            Attribute::Metadata(name.into()),
            AttributeValue::from(value),
        );
    }
    let class = text(headers, &format!("{prefix}storage-class"));
    if let Some(class) = class
        && !is_standard(class)
    {
        let class = AttributeValue::from(class.to_owned());
        attributes.insert(Attribute::StorageClass, class);
    }
    attributes
}

/// What is known of an object from an answer's headers; `size` is that of the whole object.
pub(crate) fn meta(headers: &HeaderMap, location: &Path, size: u64) -> Result<ObjectMeta, Failure> {
    let modified = text(headers, "last-modified").and_then(|it| httpdate::parse_http_date(it).ok());
    let modified =
        modified.ok_or_else(|| Failure::Lost("its answer has no last-modified".to_owned()))?;
    Ok(ObjectMeta {
        location: location.clone(),
        last_modified: DateTime::<Utc>::from(modified),
        size,
        e_tag: text(headers, "etag").map(str::to_owned),
        version: None,
    })
}

/// A header that is text.
#[must_use]
pub fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The same with what is not text shown as it can be: something is there, and it is nothing that is known.
#[must_use]
pub fn shown<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()))
}

/// A header that is a number.
#[must_use]
pub fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}
