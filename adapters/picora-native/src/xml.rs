//! Documents of the vendors.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The texts of all elements of a document in their order, each with its path, such as `Error/Code`; `None` when it is no document that a
/// vendor would send.
///
/// **Boundaries**: one that declares entities is none, and nothing in it is expanded; nor is one that is deeper, has more elements or longer
/// names than a vendor's, so that what is kept of it is never much more than itself.
pub(crate) fn texts(document: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_reader(document);
    let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut text = String::new();
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(start) => {
                let name = start.local_name();
                if path.len() == DEEPEST || name.as_ref().len() > LONGEST_NAME {
                    return None;
                }
                path.push(String::from_utf8(name.as_ref().to_vec()).ok()?);
                text.clear();
            }
            Event::Text(more) => text.push_str(&more.decode().ok()?),
            Event::CData(more) => text.push_str(&more.decode().ok()?),
            Event::GeneralRef(entity) => text.push_str(&resolved(&entity.decode().ok()?)?),
            Event::End(_) => {
                if found.len() == MOST_ELEMENTS {
                    return None;
                }
                found.push((path.join("/"), std::mem::take(&mut text)));
                path.pop()?;
            }
            Event::DocType(_) => return None,
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    (path.is_empty() && !found.is_empty()).then_some(found)
}

fn resolved(entity: &str) -> Option<String> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(String::from);
    }
    quick_xml::escape::resolve_xml_entity(entity).map(str::to_owned)
}

/// No document of a vendor is deeper.
const DEEPEST: usize = 16;

/// The longest is `CompleteMultipartUploadResult`.
const LONGEST_NAME: usize = 64;

/// A page of 1,000 objects, and some twenty elements of each.
const MOST_ELEMENTS: usize = 25_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_vendor_sends_is_none() {
        let laughs = "<!DOCTYPE a [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><Error><Code>&b;</Code></Error>";
        let undeclared = "<Error><Code>&b;</Code></Error>";
        let elsewhere = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>b</a>";
        let deep = "<a>".repeat(17) + "b" + &"</a>".repeat(17);
        let many = format!("<a>{}</a>", "<b>c</b>".repeat(25_000));
        let long = format!("<{0}>c</{0}>", "a".repeat(65));
        for document in [
            "<html><body>oops",
            laughs,
            undeclared,
            elsewhere,
            &deep,
            &many,
            &long,
            "<a>b</c>",
            "<a>&#xD800;</a>",
            "<a>&#99999999999;</a>",
            "",
            "plain",
        ] {
            assert!(texts(document.as_bytes()).is_none(), "{document:.60}");
        }
        assert!(texts(b"<a>\xff</a>").is_none());
        let page = texts(b"<html><body>502</body></html>").unwrap();
        assert!(page.iter().all(|(path, _)| !path.starts_with("Error/")));
    }

    #[test]
    fn what_a_vendor_may_send_is_read() {
        let deep = "<a>".repeat(16) + "b" + &"</a>".repeat(16);
        let many = format!("<a>{}</a>", "<b>c</b>".repeat(24_999));
        let long = format!("<{0}>c</{0}>", "a".repeat(64));
        for document in [deep, many, long] {
            assert!(texts(document.as_bytes()).is_some(), "{document:.60}");
        }
    }

    #[test]
    fn references_are_resolved() {
        let read = texts("<A><B>&lt;&#x732b;&amp;</B></A>".as_bytes()).unwrap();
        assert_eq!(read[0], ("A/B".to_owned(), "<猫&".to_owned()));
    }
}
