//! Documents of the vendors.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The texts of all elements of a document in their order, each with its path, such as `Error/Code`; `None` when it is no document that a
/// vendor would send. One that declares entities is none, and nothing in it is expanded.
pub(crate) fn texts(document: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_reader(document);
    let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut text = String::new();
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(start) => {
                if path.len() == DEEPEST {
                    return None;
                }
                path.push(String::from_utf8(start.local_name().as_ref().to_vec()).ok()?);
                text.clear();
            }
            Event::Text(more) => text.push_str(&more.decode().ok()?),
            Event::CData(more) => text.push_str(&more.decode().ok()?),
            Event::GeneralRef(entity) => text.push_str(&resolved(&entity.decode().ok()?)?),
            Event::End(_) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_vendor_sends_is_none() {
        let bomb = b"<!DOCTYPE a [<!ENTITY b \"bbbb\">]><Error><Code>&b;</Code></Error>";
        let deep = "<a>".repeat(1_000);
        for document in [
            &b"<html><body>oops"[..],
            bomb,
            deep.as_bytes(),
            b"",
            b"plain",
        ] {
            assert!(texts(document).is_none());
        }
        let page = texts(b"<html><body>502</body></html>").unwrap();
        assert!(page.iter().all(|(path, _)| !path.starts_with("Error/")));
    }

    #[test]
    fn references_are_resolved() {
        let read = texts("<A><B>&lt;&#x732b;&amp;</B></A>".as_bytes()).unwrap();
        assert_eq!(read[0], ("A/B".to_owned(), "<猫&".to_owned()));
    }
}
