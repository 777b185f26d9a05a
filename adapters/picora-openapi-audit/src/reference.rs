//! `$ref` chains within one document.

use std::collections::HashSet;

use serde_json::Value;

/// What a value is after all references: itself, or what its `$ref` leads to.
///
/// **Units**: references are local JSON pointers in URI fragments, `#/components/headers/X`, with `~0`, `~1` and `%7B`.
/// **Boundaries**: any length of chain; members beside `$ref` are ignored.
/// **Errors**: [`Unresolved`] with the first reference that leads nowhere: into another document, to a missing member, or in a circle.
/// **Source**: OpenAPI 3.1 "Reference Object"; RFC 6901 §6 (pointers in fragments).
///
/// ```
/// use picora_openapi_audit::reference::resolve;
/// use serde_json::json;
/// let document = json!({"a": {"$ref": "#/b~1c"}, "b/c": {"x": 1}, "d": {"$ref": "#/d"}});
/// assert_eq!(resolve(&document, &document["a"]), Ok(&json!({"x": 1})));
/// assert_eq!(resolve(&document, &document["d"]).unwrap_err().reference, "#/d");
/// ```
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> Result<&'a Value, Unresolved> {
    let mut value = value;
    let mut seen = HashSet::new();
    while let Some(reference) = value.get("$ref") {
        let target = reference
            .as_str()
            .filter(|text| seen.insert(*text))
            .and_then(|text| target(document, text));
        value = target.ok_or_else(|| Unresolved::of(reference))?;
    }
    Ok(value)
}

/// A reference that leads nowhere within the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{reference}` leads nowhere in this document")]
pub struct Unresolved {
    /// As it is written.
    pub reference: String,
}

impl Unresolved {
    fn of(reference: &Value) -> Self {
        let reference = match reference {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self { reference }
    }
}

/// What one reference names.
#[must_use]
pub fn target<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(&percent_decoded(reference.strip_prefix('#')?)?)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn end(document: &Value) -> Result<&Value, String> {
        resolve(document, &document["start"]).map_err(|error| error.reference)
    }

    #[test]
    fn what_is_no_reference_is_itself() {
        for value in [json!(null), json!([1]), json!({"a": 1}), json!("$ref")] {
            assert_eq!(resolve(&json!({}), &value), Ok(&value));
        }
    }

    #[test]
    fn pointers_are_unescaped_once() {
        let document = json!({
            "start": {"$ref": "#/a~1b/~01/%7Bid%7D/1"},
            "a/b": {"~1": {"{id}": [0, "found"]}},
        });
        assert_eq!(end(&document), Ok(&json!("found")));
    }

    #[test]
    fn circles_end() {
        let document = json!({
            "start": {"$ref": "#/a"}, "a": {"$ref": "#/b"}, "b": {"$ref": "#/c"}, "c": {"$ref": "#/a"},
        });
        assert_eq!(end(&document), Err("#/a".to_owned()));
        let document = json!({"start": {"$ref": "#/start"}});
        assert_eq!(end(&document), Err("#/start".to_owned()));
        // The document holds the reference that names it.
        let document = json!({"start": {"$ref": "#"}, "$ref": "#"});
        assert_eq!(end(&document), Err("#".to_owned()));
    }

    #[test]
    fn chains_of_any_length_end() {
        let mut chain = serde_json::Map::new();
        chain.insert("start".to_owned(), json!({"$ref": "#/0"}));
        for link in 0..50_000 {
            let next = format!("#/{}", link + 1);
            chain.insert(link.to_string(), json!({"$ref": next}));
        }
        chain.insert("50000".to_owned(), json!("found"));
        assert_eq!(end(&Value::Object(chain)), Ok(&json!("found")));
    }

    #[test]
    fn what_leads_elsewhere_is_told() {
        for reference in [
            "other.json#/a",
            "https://example.com/a.json",
            "#/missing",
            "#a",
            "#/a%",
            "#/a%G0",
            "#/%ff",
            "",
        ] {
            let document = json!({"start": {"$ref": reference}, "a": 1});
            assert_eq!(end(&document), Err(reference.to_owned()));
        }
        let document = json!({"start": {"$ref": {"x": 7}}});
        assert_eq!(end(&document), Err(r#"{"x":7}"#.to_owned()));
    }
}
