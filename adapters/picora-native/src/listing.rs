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
    pub(crate) next: Option<Place>,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// How the store calls it.
    pub(crate) token: String,
    /// The greatest key, or prefix, that was told before it.
    last: String,
}

/// Reads the page that begins there. `next` is the element that says where the next one begins.
///
/// **Errors**: [`Failure::Lost`] for what is no page, and for one that leads no further, which would never end.
pub(crate) fn page(
    document: &[(String, String)],
    next: &str,
    from: Option<&Place>,
) -> Result<Page, Failure> {
    let (mut page, mut more, mut token) = (Page::default(), None, None);
    let mut last = from.map(|place| place.last.clone()).unwrap_or_default();
    let mut object: Option<Listed> = None;
    for (path, text) in document {
        let Some(element) = path.strip_prefix("ListBucketResult/") else {
            continue;
        };
        if matches!(element, "CommonPrefixes/Prefix" | "Contents/Key") && *text > last {
            last.clone_from(text);
        }
        match element {
            "IsTruncated" => more = text.parse().ok(),
            "CommonPrefixes/Prefix" => {
                page.prefixes
                    .push(location(text.strip_suffix('/').unwrap_or(text))?);
            }
            "Contents/Key" => {
                object = Some(Listed {
                    key: text.clone(),
                    ..Listed::default()
                });
            }
            "Contents/LastModified" => {
                let at = DateTime::parse_from_rfc3339(text);
                let at = at.map_err(|_| strange("a date that is none"))?;
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
                let listed = object.take();
                let listed = listed.ok_or_else(|| strange("an object without a key"))?;
                // Consoles leave an empty object where a folder was made; no path names it.
                if !listed.key.ends_with('/') {
                    page.objects.push(listed.meta()?);
                }
            }
            other if other == next && !text.is_empty() => token = Some(text.clone()),
            _ => {}
        }
    }
    page.next = match (more, token) {
        (None, _) => return Err(strange("no word of whether it goes on")),
        (Some(false), _) => None,
        (Some(true), None) => return Err(strange("more pages, and does not say where")),
        (Some(true), Some(token)) => Some(Place { token, last }),
    };
    let stays = |place: &Place| place.last == from.map_or("", |from| from.last.as_str());
    if page.next.as_ref().is_some_and(stays) {
        return Err(strange("a page that leads no further"));
    }
    Ok(page)
}

fn strange(what: &str) -> Failure {
    Failure::Lost(format!("its list has {what}"))
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
    let parsed = Path::parse(key)
        .ok()
        .filter(|path| path.as_ref() == key && !key.is_empty());
    parsed.ok_or_else(|| strange(&format!("a key that no path names: {key:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn read(entries: &str, from: Option<&Place>) -> Result<Page, Failure> {
        let document = format!("<ListBucketResult>{entries}</ListBucketResult>");
        page(&xml::texts(document.as_bytes()).unwrap(), "Next", from)
    }

    fn object(key: &str) -> String {
        sized(key, "7")
    }

    fn sized(key: &str, size: &str) -> String {
        let at = "2026-11-21T08:00:00.000Z";
        format!(
            "<Contents><Key>{key}</Key><LastModified>{at}</LastModified><ETag>\"1\"</ETag><Size>{size}</Size></Contents>"
        )
    }

    const LAST: &str = "<IsTruncated>false</IsTruncated>";
    const MORE: &str = "<IsTruncated>true</IsTruncated><Next>there</Next>";

    #[test]
    fn a_page_is_read_with_its_folders_and_without_their_markers() {
        let folder = "<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes>";
        let entries = [LAST, &object("a/"), &object("a/x"), folder].concat();
        let page = read(&entries, None).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|it| it.location.as_ref()).collect();
        assert_eq!(keys, ["a/x"]);
        assert_eq!(page.prefixes, [Path::from("a/b")]);
        assert_eq!(page.next, None);
    }

    #[test]
    fn pages_go_on_as_long_as_they_lead_further() {
        let first = read(&[MORE, &object("a"), &object("b")].concat(), None);
        let place = first.unwrap().next.unwrap();
        assert_eq!(place.token, "there");
        let second = read(&[MORE, &object("c")].concat(), Some(&place));
        assert!(second.unwrap().next.is_some());
        for again in [object("b"), object("a"), String::new()] {
            let again = read(&[MORE, &again].concat(), Some(&place));
            assert!(matches!(again, Err(Failure::Lost(_))), "{again:?}");
        }
        assert!(read(MORE, None).is_err());
        // The last one may be empty.
        assert!(read(LAST, Some(&place)).unwrap().next.is_none());
    }

    #[test]
    fn what_is_no_page_is_told_so() {
        let (good, big) = (object("a"), "18446744073709551616");
        let entries = [
            good.clone(),
            format!("<IsTruncated>perhaps</IsTruncated>{good}"),
            format!("<IsTruncated>true</IsTruncated>{good}"),
            format!("{LAST}<Contents><Size>1</Size></Contents>"),
            [LAST, &object("a//b")].concat(),
            [LAST, &object("/a")].concat(),
            [LAST, &object("a/../b")].concat(),
            [LAST, &object("")].concat(),
            [LAST, &sized("a", "-1")].concat(),
            [LAST, &sized("a", big)].concat(),
            [LAST, &sized("a", "1e3")].concat(),
            [LAST, &good.replace("2026", "soon")].concat(),
            format!("{LAST}<CommonPrefixes><Prefix>a//</Prefix></CommonPrefixes>"),
        ];
        for entries in entries {
            let page = read(&entries, None);
            assert!(matches!(page, Err(Failure::Lost(_))), "{entries}: {page:?}");
        }
    }
}
