//! Pages of a list.

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::failure::Failure;

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<ObjectMeta>,
    pub(crate) prefixes: Vec<Path>,
    /// Where the next one begins; none after the last.
    pub(crate) next: Option<String>,
}

/// Reads a page. `next` is the element that says where the next one begins.
pub(crate) fn page(document: &[(String, String)], next: &str) -> Result<Page, Failure> {
    let strange = |what: &str| Failure::Lost(format!("its list has {what}"));
    let (mut page, mut more) = (Page::default(), false);
    let mut object: Option<Listed> = None;
    for (path, text) in document {
        let Some(element) = path.strip_prefix("ListBucketResult/") else {
            continue;
        };
        match element {
            "IsTruncated" => more = text == "true",
            "CommonPrefixes/Prefix" => {
                page.prefixes.push(location(text.trim_end_matches('/'))?);
            }
            "Contents/Key" => {
                object = Some(Listed {
                    key: text.clone(),
                    ..Listed::default()
                })
            }
            "Contents/LastModified" => {
                let at = DateTime::parse_from_rfc3339(text)
                    .map_err(|_| strange("a date that is none"))?;
                if let Some(object) = &mut object {
                    object.modified = Some(at.with_timezone(&Utc));
                }
            }
            "Contents/ETag" => {
                if let Some(object) = &mut object {
                    object.etag = Some(text.clone());
                }
            }
            "Contents/Size" => {
                if let Some(object) = &mut object {
                    object.size = text.parse().ok();
                }
            }
            "Contents" => {
                let listed = object
                    .take()
                    .ok_or_else(|| strange("an object without a key"))?;
                page.objects.push(listed.meta()?);
            }
            other if other == next && !text.is_empty() => page.next = Some(text.clone()),
            _ => {}
        }
    }
    if more && page.next.is_none() {
        return Err(strange("more pages, and does not say where"));
    }
    if !more {
        page.next = None;
    }
    Ok(page)
}

#[derive(Default)]
struct Listed {
    key: String,
    modified: Option<DateTime<Utc>>,
    etag: Option<String>,
    size: Option<u64>,
}

impl Listed {
    fn meta(self) -> Result<ObjectMeta, Failure> {
        let missing = || Failure::Lost(format!("its list says too little of {}", self.key));
        Ok(ObjectMeta {
            location: location(&self.key)?,
            last_modified: self.modified.ok_or_else(missing)?,
            size: self.size.ok_or_else(missing)?,
            e_tag: self.etag,
            version: None,
        })
    }
}

fn location(key: &str) -> Result<Path, Failure> {
    Path::parse(key)
        .map_err(|error| Failure::Lost(format!("its list has a key that is none: {error}")))
}
