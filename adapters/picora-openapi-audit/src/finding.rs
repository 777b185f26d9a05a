//! One omission.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a document does not declare, and where.
///
/// **Units**: the path as the document writes it; the method in upper case, or as `additionalOperations` spells it; the status
/// as the key of the response, `200`, `2XX` or `default`; headers as [`policy`](crate::policy) writes them.
/// **Boundaries**: one finding for each response and problem, with all the headers that share it. What is absent in JSON is
/// `None` or empty here; members that are not known are refused, because a baseline with a slip would hide nothing or too much.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The path; empty when the whole document is meant.
    pub path: String,
    /// The method; `None` when all of the path is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The key of the response; `None` when all of the operation is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What is wrong there.
    pub problem: Problem,
    /// The headers that it is wrong with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// The `$ref` that leads nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// The response does not declare these headers, or by a reference that leads nowhere.
    MissingHeaders,
    /// It declares them, but not as `required: true` (strict mode).
    OptionalHeaders,
    /// The operation has no 2xx response that could declare anything.
    NoSuccess,
    /// No response of the operation covers 429 (strict mode).
    NoTooManyRequests,
    /// A `$ref` leads to another document, nowhere, or in a circle.
    Unresolved,
    /// What stands there is not the object that OpenAPI puts there.
    Malformed,
    /// The JSON is not a document of OpenAPI 3.0, 3.1 or 3.2.
    NotOpenApi,
}

impl Finding {
    /// A problem with the document.
    #[must_use]
    pub const fn new(path: String, problem: Problem) -> Self {
        Self {
            path,
            method: None,
            status: None,
            problem,
            headers: Vec::new(),
            reference: None,
        }
    }

    /// The same problem, one finding for each header: what a baseline compares.
    ///
    /// **Boundaries**: a finding without headers is one finding still.
    pub fn split(&self) -> impl Iterator<Item = Self> + '_ {
        let whole = self.headers.is_empty().then(|| self.clone());
        let parts = self.headers.iter().map(|header| Self {
            headers: vec![header.clone()],
            ..self.clone()
        });
        whole.into_iter().chain(parts)
    }

    /// Where it is: `GET /v1/images 200`.
    #[must_use]
    pub fn place(&self) -> String {
        let path = (!self.path.is_empty()).then_some(&self.path);
        let parts = [self.method.as_ref(), path, self.status.as_ref()];
        let parts: Vec<_> = parts.into_iter().flatten().map(|it| visible(it)).collect();
        if parts.is_empty() {
            return "The document".to_owned();
        }
        parts.join(" ")
    }

    /// What is wrong, as the rest of a sentence.
    #[must_use]
    pub fn what(&self) -> String {
        let headers = visible(&self.headers.join(", "));
        match self.problem {
            Problem::MissingHeaders => format!("does not declare {headers}"),
            Problem::OptionalHeaders => format!("does not declare as required: {headers}"),
            Problem::NoSuccess => "declares no 2xx response".to_owned(),
            Problem::NoTooManyRequests => "declares no 429 response".to_owned(),
            Problem::Unresolved => {
                let reference = visible(self.reference.as_deref().unwrap_or_default());
                format!("refers to `{reference}`, which leads nowhere in this document")
            }
            Problem::Malformed => "is not the object that OpenAPI puts there".to_owned(),
            Problem::NotOpenApi => "is not OpenAPI 3.0, 3.1 or 3.2".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    /// One line, whatever the document holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what())
    }
}

/// The text with control characters spelled out: a path with a line break shall not write lines of its own into a log.
fn visible(text: &str) -> String {
    let spelled = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Finding {
        Finding {
            method: Some("GET".to_owned()),
            status: Some("200".to_owned()),
            headers: vec!["RateLimit-Limit".to_owned(), "RateLimit-Reset".to_owned()],
            ..Finding::new("/v1/images".to_owned(), Problem::MissingHeaders)
        }
    }

    #[test]
    fn it_reads_as_a_sentence() {
        let line = "GET /v1/images 200: does not declare RateLimit-Limit, RateLimit-Reset";
        assert_eq!(missing().to_string(), line);
        let document = Finding::new(String::new(), Problem::NotOpenApi);
        assert_eq!(
            document.to_string(),
            "The document: is not OpenAPI 3.0, 3.1 or 3.2"
        );
    }

    #[test]
    fn it_stays_on_one_line() {
        let finding = Finding {
            reference: Some("#/\u{1b}[2J".to_owned()),
            ..Finding::new("/a\n::error::b".to_owned(), Problem::Unresolved)
        };
        let line = r"/a\n::error::b: refers to `#/\u{1b}[2J`, which leads nowhere in this document";
        assert_eq!(finding.to_string(), line);
    }

    #[test]
    fn json_has_what_is_there_and_nothing_else() {
        let json = serde_json::to_value(missing()).unwrap();
        let expected = serde_json::json!({
            "path": "/v1/images", "method": "GET", "status": "200", "problem": "missing_headers",
            "headers": ["RateLimit-Limit", "RateLimit-Reset"],
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), missing());
        let slip = serde_json::json!({"path": "/a", "problem": "no_success", "verb": "GET"});
        assert!(serde_json::from_value::<Finding>(slip).is_err());
    }

    #[test]
    fn it_splits_by_header() {
        let parts: Vec<_> = missing().split().map(|it| it.headers).collect();
        assert_eq!(parts, [["RateLimit-Limit"], ["RateLimit-Reset"]]);
        let whole = Finding::new("/a".to_owned(), Problem::NoSuccess);
        let parts: Vec<_> = whole.split().collect();
        assert_eq!(parts, std::slice::from_ref(&whole));
    }
}
