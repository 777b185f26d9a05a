//! Pages of a list.

use std::future::Future;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, Result};

use crate::failure::Failure;

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// In the store's order.
    pub objects: Vec<ObjectMeta>,
    /// What stands for all objects below it, in a list of one level.
    pub prefixes: Vec<Path>,
    /// Where the next one begins; none after the last.
    pub next: Option<Place>,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// By which name in the query it is asked for.
    pub name: &'static str,
    /// How the store calls it.
    pub token: String,
    /// The greatest key, or prefix, that was told before it.
    pub last: String,
}

impl Place {
    /// That behind a key, which `name` asks for in the query.
    #[must_use]
    pub fn after(name: &'static str, key: &Path) -> Self {
        Self {
            name,
            token: key.to_string(),
            last: key.to_string(),
        }
    }
}

/// A prefix as a list takes it: whole segments, and a slash behind them.
#[must_use]
pub fn folder(prefix: Option<&Path>) -> String {
    match prefix {
        Some(prefix) if !prefix.as_ref().is_empty() => format!("{prefix}/"),
        _ => String::new(),
    }
}

/// What the query of a page has, beside the vendor's own: of one level, or of all below the prefix.
#[must_use]
pub fn query<'a>(
    prefix: &'a str,
    one_level: bool,
    from: Option<&'a Place>,
) -> Vec<(&'static str, &'a str)> {
    let mut query = vec![("max-keys", "1000")];
    query.extend((!prefix.is_empty()).then_some(("prefix", prefix)));
    query.extend(one_level.then_some(("delimiter", "/")));
    query.extend(from.map(|place| (place.name, place.token.as_str())));
    query
}

/// All objects from a place on, page after page.
pub fn objects<P: Future<Output = Result<Page>> + Send>(
    from: Option<Place>,
    page: impl Fn(Option<Place>) -> P + Send + 'static,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let pages = stream::try_unfold((Some(from), page), |(state, page)| async move {
        let Some(from) = state else {
            return Ok::<_, object_store::Error>(None);
        };
        let told = page(from).await?;
        let objects = stream::iter(told.objects.into_iter().map(Ok));
        Ok(Some((objects, (told.next.map(Some), page))))
    });
    pages.try_flatten().boxed()
}

/// All pages as one, of a list of one level.
///
/// **Errors**: that of the first page that has one.
pub async fn level<P: Future<Output = Result<Page>> + Send>(
    page: impl Fn(Option<Place>) -> P,
) -> Result<ListResult> {
    let mut all = ListResult {
        common_prefixes: Vec::new(),
        objects: Vec::new(),
        extensions: Default::default(),
    };
    let mut from = None;
    loop {
        let told = page(from).await?;
        all.common_prefixes.extend(told.prefixes);
        all.objects.extend(told.objects);
        match told.next {
            Some(next) => from = Some(next),
            None => return Ok(all),
        }
    }
}

/// Reads the page that begins there. `goes_on` is the name in the query, and the element that says where the next one begins.
///
/// **Errors**: [`Failure::Lost`] for what is no page, and for one that leads no further, which would never end.
pub fn page(
    document: &[(String, String)],
    goes_on: (&'static str, &str),
    from: Option<&Place>,
) -> std::result::Result<Page, Failure> {
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
            other if other == goes_on.1 && !text.is_empty() => token = Some(text.clone()),
            _ => {}
        }
    }
    page.next = match (more, token) {
        (None, _) => return Err(strange("no word of whether it goes on")),
        (Some(false), _) => None,
        (Some(true), None) => return Err(strange("more pages, and does not say where")),
        (Some(true), Some(token)) => Some(Place {
            name: goes_on.0,
            token,
            last,
        }),
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
    fn meta(self) -> std::result::Result<ObjectMeta, Failure> {
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

fn location(key: &str) -> std::result::Result<Path, Failure> {
    let parsed = Path::parse(key)
        .ok()
        .filter(|path| path.as_ref() == key && !key.is_empty());
    parsed.ok_or_else(|| strange(&format!("a key that no path names: {key:?}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml;

    fn read(entries: &str, from: Option<&Place>) -> std::result::Result<Page, Failure> {
        let document = format!("<ListBucketResult>{entries}</ListBucketResult>");
        page(
            &xml::texts(document.as_bytes()).unwrap(),
            ("next", "Next"),
            from,
        )
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

    proptest! {
        /// Whatever stands in its elements: a page or an error, and what goes on leads further.
        #[test]
        fn any_elements_are_a_page_or_none(
            elements in proptest::collection::vec((ELEMENT, "|true|false|[a-c/.]{0,4}|-?[0-9]{1,25}|2026-11-21T08:00:00Z"), 0..40),
            last in "[a-c/]{0,3}",
        ) {
            let document: Vec<_> = elements
                .into_iter()
                .map(|(element, text)| (format!("ListBucketResult/{element}"), text))
                .collect();
            let from = Place { name: "next", token: "there".to_owned(), last };
            if let Ok(page) = page(&document, ("next", "Next"), Some(&from)) {
                prop_assert!(page.next.is_none_or(|next| next.last > from.last));
                prop_assert!(page.objects.iter().all(|it| !it.location.as_ref().is_empty()));
            }
        }
    }

    const ELEMENT: &str = "IsTruncated|Next|Contents|Contents/(Key|Size|LastModified|ETag)|CommonPrefixes/Prefix|Other";
}
