//! An error as RFC 9457 has it.

use serde_json::{Map, Value};

use super::ApiError;

/// The members of a problem, the registered ones first; `code` and `meta` are those of the usual body.
///
/// A rate limit's denial is of the type that draft-ietf-httpapi-ratelimit-headers §5.1 registers, with its title. Other errors say no
/// more than their status does, which RFC 9457 §4.2.1 calls `about:blank`.
pub(super) fn members(error: &ApiError) -> Map<String, Value> {
    let status = error.code.status();
    let (kind, title) = match error.violated {
        Some(_) => (QUOTA_EXCEEDED, QUOTA_EXCEEDED_TITLE),
        None => ("about:blank", status.canonical_reason().unwrap_or_default()),
    };
    let mut body = Map::new();
    let mut insert = |name: &str, value: Value| body.insert(name.to_owned(), value);
    insert("type", kind.into());
    insert("title", title.into());
    insert("status", status.as_u16().into());
    insert("detail", (*error.message).into());
    if let Some(violated) = &error.violated {
        insert("violated-policies", violated.0.clone().into());
    }
    insert("code", error.code.wire().into());
    insert("meta", error.told_meta().into());
    body
}

const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const QUOTA_EXCEEDED_TITLE: &str =
    "Request cannot be satisfied as assigned quota has been exceeded";
