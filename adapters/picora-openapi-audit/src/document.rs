//! What can be audited at all.

use serde_json::Value;

/// Reads a document from JSON text.
///
/// **Units**: UTF-8, with or without a byte order mark. **Boundaries**: those of [`check`]; nesting to the parser's 128 levels.
/// **Errors**: [`DocumentError`], each one sentence that tells what to mend.
///
/// ```
/// use picora_openapi_audit::document;
/// assert!(document::read(br#"{"openapi": "3.1.0", "paths": {}}"#).is_ok());
/// let error = document::read(br#"{"swagger": "2.0"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "it has no `openapi` member with a version");
/// ```
pub fn read(text: &[u8]) -> Result<Value, DocumentError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let document = serde_json::from_slice(text).map_err(DocumentError::NotJson)?;
    check(&document)?;
    Ok(document)
}

/// Whether a value is a document of OpenAPI 3.0, 3.1 or 3.2, as far as an audit has to know.
///
/// **Boundaries**: `paths` may be absent, as 3.1 allows; what it holds is the audit's to judge.
/// **Errors**: [`DocumentError`]. **Source**: OpenAPI 3.1 "OpenAPI Object".
pub fn check(document: &Value) -> Result<(), DocumentError> {
    let version = document.get("openapi").and_then(Value::as_str);
    let version = version.ok_or(DocumentError::NoVersion)?;
    let known = VERSIONS.iter().any(|known| {
        let patch = version.strip_prefix(known);
        patch.is_some_and(|patch| patch.is_empty() || patch.starts_with(['.', '-']))
    });
    if !known {
        return Err(DocumentError::OtherVersion(version.to_owned()));
    }
    match document.get("paths") {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(DocumentError::NoPaths),
    }
}

/// Why something cannot be audited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The text is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// No version is told; Swagger 2.0 is such a document.
    #[error("it has no `openapi` member with a version")]
    NoVersion,
    /// Another version might put its headers elsewhere.
    #[error("its version {0:?} is none of OpenAPI 3.0, 3.1 and 3.2")]
    OtherVersion(String),
    /// The paths are not an object.
    #[error("its `paths` are not an object")]
    NoPaths,
}

const VERSIONS: [&str; 3] = ["3.0", "3.1", "3.2"];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let read = read(text.as_bytes());
        read.map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn three_versions_are_read() {
        for version in ["3.0.0", "3.0.4", "3.1.1", "3.2.0", "3.2.0-rc1", "3.1"] {
            assert_eq!(told(&format!(r#"{{"openapi": "{version}"}}"#)), "fine");
        }
        for version in ["3.3.0", "3.10.0", "2.0", "4", "", "3.1x"] {
            let told = told(&format!(r#"{{"openapi": "{version}"}}"#));
            assert!(
                told.ends_with("is none of OpenAPI 3.0, 3.1 and 3.2"),
                "{told}"
            );
        }
    }

    #[test]
    fn other_things_are_told_apart() {
        assert_eq!(told("\u{feff}{\"openapi\": \"3.1.0\"}"), "fine");
        assert!(told("openapi: 3.1.0").starts_with("it is not JSON: expected value at line 1"));
        assert!(told("").starts_with("it is not JSON: EOF"));
        assert!(told(&"[".repeat(100_000)).starts_with("it is not JSON: recursion limit"));
        for text in ["[]", "7", "null", r#"{"openapi": 3.1}"#] {
            assert_eq!(told(text), "it has no `openapi` member with a version");
        }
        let paths = r#"{"openapi": "3.1.0", "paths": []}"#;
        assert_eq!(told(paths), "its `paths` are not an object");
    }
}
