//! The operations of a document.

use std::collections::HashSet;

use serde_json::Value;

use crate::reference::target;
use crate::{Finding, Problem};

/// One method of one path.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation<'a> {
    /// The path as the document writes it.
    pub path: &'a str,
    /// In upper case, or as `additionalOperations` spells it.
    pub method: String,
    /// The Operation Object.
    pub value: &'a Value,
}

/// The paths of a document with what stands there, in the document's order.
///
/// **Boundaries**: extensions (`x-…`) are no paths. `webhooks` and `callbacks` are not looked at: they describe requests that
/// the API sends, and whose answers others give. **Errors**: none; without an object of paths there are none.
pub fn paths(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object);
    let paths = paths.into_iter().flatten();
    paths
        .map(|(path, item)| (path.as_str(), item))
        .filter(|(path, _)| !path.starts_with("x-"))
}

/// The operations of one path, its own first, then those of the path items that its `$ref` chain leads to.
///
/// **Units**: the nine methods of [`METHODS`] and all of `additionalOperations`.
/// **Boundaries**: where both the item and its reference have a method, the item's own counts; OpenAPI leaves that open.
/// **Errors**: what cannot be read takes its place as a [`Finding`]; the rest is still there.
/// **Source**: OpenAPI 3.0–3.2 "Path Item Object"; 3.2 `query` and `additionalOperations`.
#[must_use]
pub fn operations<'a>(
    document: &'a Value,
    path: &'a str,
    item: &'a Value,
) -> Vec<Result<Operation<'a>, Box<Finding>>> {
    let mut found = Vec::new();
    let mut known = HashSet::new();
    for item in chain(document, path, item) {
        match item {
            Ok(item) => {
                let new = of_item(path, item).filter(|(key, _)| known.insert(*key));
                found.extend(new.map(|(_, operation)| operation));
            }
            Err(finding) => found.push(Err(finding)),
        }
    }
    found
}

/// A path item and those that it refers to, each once.
fn chain<'a>(
    document: &'a Value,
    path: &str,
    item: &'a Value,
) -> Vec<Result<&'a Value, Box<Finding>>> {
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(item);
    while let Some(item) = next {
        if !item.is_object() {
            let finding = Finding::new(path.to_owned(), Problem::Malformed);
            items.push(Err(Box::new(finding)));
            break;
        }
        items.push(Ok(item));
        let Some(reference) = item.get("$ref") else {
            break;
        };
        let reference_text = reference.as_str();
        next = reference_text
            .filter(|text| seen.insert(*text))
            .and_then(|text| target(document, text));
        if next.is_none() {
            let text = reference_text.map_or_else(|| reference.to_string(), str::to_owned);
            items.push(Err(Box::new(Finding {
                reference: Some(text),
                ..Finding::new(path.to_owned(), Problem::Unresolved)
            })));
        }
    }
    items
}

/// The operations of one item under keys that tell `get` from an additional `GET`.
fn of_item<'a>(
    path: &'a str,
    item: &'a Value,
) -> impl Iterator<Item = ((bool, &'a str), Result<Operation<'a>, Box<Finding>>)> {
    let fixed = METHODS.into_iter().filter_map(move |method| {
        let value = item.get(method)?;
        let operation = operation(path, method.to_ascii_uppercase(), value);
        Some(((false, method), operation))
    });
    let additional = item.get("additionalOperations");
    let malformed = additional.filter(|it| !it.is_object()).map(|value| {
        let operation = operation(path, "additionalOperations".to_owned(), value);
        ((true, ""), operation)
    });
    let additional = additional.and_then(Value::as_object).into_iter().flatten();
    let additional = additional.map(move |(method, value)| {
        (
            (true, method.as_str()),
            operation(path, method.clone(), value),
        )
    });
    fixed.chain(malformed).chain(additional)
}

fn operation<'a>(
    path: &'a str,
    method: String,
    value: &'a Value,
) -> Result<Operation<'a>, Box<Finding>> {
    if !value.is_object() {
        return Err(Box::new(Finding {
            method: Some(method),
            ..Finding::new(path.to_owned(), Problem::Malformed)
        }));
    }
    Ok(Operation {
        path,
        method,
        value,
    })
}

/// The members of a Path Item Object that are operations; `query` since 3.2.
pub const METHODS: [&str; 9] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `GET` for an operation, the sentence for what cannot be read.
    fn told(document: &Value) -> Vec<String> {
        let all = paths(document).flat_map(|(path, item)| operations(document, path, item));
        let told = all.map(|it| it.map_or_else(|it| it.to_string(), |it| it.method));
        told.collect()
    }

    #[test]
    fn every_method_is_an_operation() {
        let mut item = serde_json::Map::new();
        for member in ["summary", "parameters", "servers", "x-get", "GET"] {
            item.insert(member.to_owned(), json!({}));
        }
        for method in METHODS {
            item.insert(method.to_owned(), json!({}));
        }
        item.insert(
            "additionalOperations".to_owned(),
            json!({"COPY": {}, "GET": {}}),
        );
        let expected = [
            "GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY", "COPY",
            "GET",
        ];
        assert_eq!(told(&json!({"paths": {"/a": item}})), expected);
    }

    #[test]
    fn only_paths_are_paths() {
        let document = json!({
            "paths": {"x-paths": {"get": {}}, "a": {"put": {}}},
            "webhooks": {"/b": {"post": {}}},
        });
        assert_eq!(told(&document), ["PUT"]);
        assert_eq!(told(&json!({"paths": [1]})), Vec::<String>::new());
    }

    #[test]
    fn references_add_what_the_item_lacks() {
        let document = json!({
            "paths": {"/a": {"$ref": "#/components/pathItems/A", "get": {"id": "own"}}},
            "components": {"pathItems": {
                "A": {"$ref": "#/paths/~1b", "get": {"id": "other"}, "put": {}},
            }},
        });
        let lost = "/a: refers to `#/paths/~1b`, which leads nowhere in this document";
        assert_eq!(told(&document), ["GET", "PUT", lost]);
        let (path, item) = paths(&document).next().unwrap();
        let first = operations(&document, path, item).remove(0).unwrap();
        assert_eq!(first.value["id"], "own");
    }

    #[test]
    fn circles_of_items_end_and_are_told() {
        let document = json!({"paths": {
            "/a": {"$ref": "#/paths/~1b", "get": {}},
            "/b": {"$ref": "#/paths/~1a", "put": {}},
        }});
        let a = "/a: refers to `#/paths/~1b`, which leads nowhere in this document";
        let b = "/b: refers to `#/paths/~1a`, which leads nowhere in this document";
        assert_eq!(told(&document), ["GET", "PUT", a, "PUT", "GET", b]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let document = json!({"paths": {
            "/a": null,
            "/b": {"get": 7, "put": {}},
            "/c": {"additionalOperations": [], "get": {}},
            "/d": {"$ref": 7},
        }});
        let expected = [
            "/a: is not the object that OpenAPI puts there",
            "GET /b: is not the object that OpenAPI puts there",
            "PUT",
            "GET",
            "additionalOperations /c: is not the object that OpenAPI puts there",
            "/d: refers to `7`, which leads nowhere in this document",
        ];
        assert_eq!(told(&document), expected);
    }
}
