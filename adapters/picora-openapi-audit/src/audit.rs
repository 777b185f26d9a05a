//! The rule.

use serde_json::{Map, Value};

use crate::operation::{Operation, operations, paths};
use crate::reference::resolve;
use crate::{Finding, Policy, Problem, document};

/// Finds the responses that lack headers, in the document's order.
///
/// **Units**: an OpenAPI document as parsed JSON; findings as [`Finding`] describes them.
/// **Boundaries**: looks at every 2xx, `2XX` and `default` response of every operation that `policy` does not exempt; in strict
/// mode also at the response that covers 429, which is `429`, else `4XX`, else `default`. An operation without a 2xx response
/// is a finding, with or without `default`, which most documents use for errors. Names of headers are compared without case.
/// **Errors**: none. What cannot be read is a finding; a value that is no document at all is one with an empty path.
/// **Source**: #232, #233, #235, #248; C10 (strict mode).
///
/// ```
/// use picora_openapi_audit::{Policy, Problem, audit};
/// use serde_json::json;
/// let document = json!({"openapi": "3.0.4", "paths": {"/v1/images": {"post": {"responses": {"default": {}}}}}});
/// let findings = audit(&document, &Policy::default());
/// assert_eq!(findings[0].problem, Problem::NoSuccess);
/// assert_eq!(findings[1].headers, ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
/// ```
#[must_use]
pub fn audit(document: &Value, policy: &Policy) -> Vec<Finding> {
    if document::check(document).is_err() {
        return vec![Finding::new(String::new(), Problem::NotOpenApi)];
    }
    let audit = Audit { document, policy };
    asked(document, policy)
        .flat_map(|operation| match operation {
            Ok(operation) => audit.operation(&operation),
            Err(finding) => vec![*finding],
        })
        .collect()
}

/// The operations of which the policy asks anything.
pub(crate) fn asked<'a>(
    document: &'a Value,
    policy: &Policy,
) -> impl Iterator<Item = Result<Operation<'a>, Box<Finding>>> {
    paths(document)
        .filter(|(path, _)| !policy.exempts(path))
        .flat_map(|(path, item)| operations(document, path, item))
}

struct Audit<'a> {
    document: &'a Value,
    policy: &'a Policy,
}

impl Audit<'_> {
    fn operation(&self, operation: &Operation<'_>) -> Vec<Finding> {
        let none = Map::new();
        let responses = operation.value.get("responses");
        let responses = responses.and_then(Value::as_object).unwrap_or(&none);
        let denial = denial(responses);

        let mut findings = Vec::new();
        if !responses.keys().any(|status| is_success(status)) {
            findings.push(finding(operation, None, Problem::NoSuccess));
        }
        if self.policy.is_strict() && denial.is_none() {
            findings.push(finding(operation, None, Problem::NoTooManyRequests));
        }
        for (status, response) in responses {
            let denies = self.policy.is_strict() && denial == Some(status);
            if is_success(status) || status == "default" || denies {
                findings.extend(self.response(operation, status, response));
            }
        }
        findings
    }

    fn response(&self, operation: &Operation<'_>, status: &str, response: &Value) -> Vec<Finding> {
        let told = |problem| finding(operation, Some(status), problem);
        let response = match resolve(self.document, response) {
            Ok(response) if response.is_object() => response,
            Ok(_) => return vec![told(Problem::Malformed)],
            Err(unresolved) => {
                return vec![Finding {
                    reference: Some(unresolved.reference),
                    ..told(Problem::Unresolved)
                }];
            }
        };
        let (mut missing, mut optional) = (Vec::new(), Vec::new());
        for header in self.policy.headers() {
            match self.declares(response, header) {
                None => missing.push(header.to_owned()),
                Some(Presence::Optional) if self.policy.is_strict() => {
                    optional.push(header.to_owned());
                }
                Some(_) => {}
            }
        }
        [
            (Problem::MissingHeaders, missing),
            (Problem::OptionalHeaders, optional),
        ]
        .into_iter()
        .filter(|(_, headers)| !headers.is_empty())
        .map(|(problem, headers)| Finding {
            headers,
            ..told(problem)
        })
        .collect()
    }

    /// Whether a response declares a header. One that leads nowhere is not declared: no client could read what it is.
    fn declares(&self, response: &Value, name: &str) -> Option<Presence> {
        let headers = response.get("headers")?.as_object()?;
        headers
            .iter()
            .filter(|(declared, _)| declared.eq_ignore_ascii_case(name))
            .filter_map(|(_, header)| resolve(self.document, header).ok()?.as_object())
            .map(|header| match header.get("required") {
                Some(Value::Bool(true)) => Presence::Required,
                _ => Presence::Optional,
            })
            .max()
    }
}

/// What a response promises of a header; `required` is false unless it is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Presence {
    Optional,
    Required,
}

fn finding(operation: &Operation<'_>, status: Option<&str>, problem: Problem) -> Finding {
    Finding {
        method: Some(operation.method.clone()),
        status: status.map(str::to_owned),
        ..Finding::new(operation.path.to_owned(), problem)
    }
}

/// `204`, `2XX`. Small letters are a slip that must not hide a response.
fn is_success(status: &str) -> bool {
    let mut rest = match status.as_bytes() {
        [b'2', rest @ ..] if rest.len() == 2 => rest.iter(),
        _ => return false,
    };
    rest.all(|byte| byte.is_ascii_digit() || byte.eq_ignore_ascii_case(&b'x'))
}

/// The key of the response that covers 429: the exact one, else the range, else the rest.
fn denial(responses: &Map<String, Value>) -> Option<&String> {
    ["429", "4XX", "default"].into_iter().find_map(|wanted| {
        let mut keys = responses.keys();
        keys.find(|status| status.eq_ignore_ascii_case(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn successes_are_known_by_their_keys() {
        for status in ["200", "204", "299", "2XX", "2xx", "20X"] {
            assert!(is_success(status), "{status}");
        }
        for status in ["", "2", "20", "2000", "302", "default", "x-2", "2-0", "²00"] {
            assert!(!is_success(status), "{status}");
        }
    }

    #[test]
    fn the_most_exact_response_covers_429() {
        let covers = |keys: &[&str]| {
            let responses = keys.iter().map(|key| ((*key).to_owned(), json!({})));
            denial(&responses.collect()).cloned()
        };
        assert_eq!(covers(&["default", "4XX", "429"]).as_deref(), Some("429"));
        assert_eq!(covers(&["default", "4xx", "401"]).as_deref(), Some("4xx"));
        assert_eq!(covers(&["200", "default"]).as_deref(), Some("default"));
        assert_eq!(covers(&["200", "401", "5XX"]), None);
    }

    #[test]
    fn what_is_no_document_does_not_pass() {
        for value in [
            json!(null),
            json!({}),
            json!({"openapi": "3.1.0", "paths": 7}),
        ] {
            let findings = audit(&value, &Policy::default());
            assert_eq!(findings, [Finding::new(String::new(), Problem::NotOpenApi)]);
        }
    }
}
