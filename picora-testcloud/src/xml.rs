//! Documents: written by hand, read by a parser.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Text as it stands between tags.
#[must_use]
pub fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// An element with a text.
#[must_use]
pub fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// The texts of all elements of a document in their order, each with its path, such as `Delete/Object/Key`; `None` when it is no document.
#[must_use]
pub fn texts(document: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_reader(document);
    let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut text = String::new();
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(start) => {
                path.push(String::from_utf8(start.local_name().as_ref().to_vec()).ok()?);
                text.clear();
            }
            Event::Empty(start) => {
                let name = String::from_utf8(start.local_name().as_ref().to_vec()).ok()?;
                found.push((format!("{}/{name}", path.join("/")), String::new()));
            }
            Event::Text(more) => text.push_str(&more.decode().ok()?),
            Event::GeneralRef(entity) => text.push_str(resolved(&entity.decode().ok()?)?.as_str()),
            Event::End(_) => {
                found.push((path.join("/"), std::mem::take(&mut text)));
                path.pop()?;
            }
            Event::DocType(_) => return None, // nobody sends one, but who wants to blow up a parser
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    path.is_empty().then_some(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_back() {
        let document = format!("<A><B>{}</B><C/></A>", escaped("a<b>&'\" 猫"));
        let read = texts(document.as_bytes()).unwrap();
        assert_eq!(read[0], ("A/B".to_owned(), "a<b>&'\" 猫".to_owned()));
        assert_eq!(read[1].0, "A/C");
        assert!(texts(b"<A><B></A>").is_none());
        assert!(texts(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").is_none());
    }
}
