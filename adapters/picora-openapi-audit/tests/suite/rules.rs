//! Each rule on a document that keeps all of them, then breaks that one.

use picora_openapi_audit::operation::METHODS;
use picora_openapi_audit::policy::{EXEMPT, LEGACY, TRIPLET};
use picora_openapi_audit::{Policy, audit};
use serde_json::{Map, Value, json};

/// All six headers, required.
fn headers() -> Value {
    let names = TRIPLET.into_iter().chain(LEGACY);
    let header = json!({"required": true, "schema": {"type": "integer"}});
    names
        .map(|name| (name.to_owned(), header.clone()))
        .collect::<Map<_, _>>()
        .into()
}

fn response() -> Value {
    json!({"description": "…", "headers": headers()})
}

fn operation() -> Value {
    json!({"responses": {"200": response(), "429": response()}})
}

/// A document with one path.
fn document(path: &str, item: &Value) -> Value {
    json!({"openapi": "3.2.0", "paths": {path: item}})
}

/// Clean in strict mode.
fn good() -> Value {
    document("/v1/a", &json!({"get": operation()}))
}

fn found(document: &Value, policy: &Policy) -> Vec<String> {
    let findings = audit(document, policy);
    findings.iter().map(ToString::to_string).collect()
}

/// The sentences of a plain audit and of a strict one, after a change to the good document's responses.
fn after(change: impl Fn(&mut Value)) -> (Vec<String>, Vec<String>) {
    let mut document = good();
    change(&mut document["paths"]["/v1/a"]["get"]["responses"]);
    let strict = Policy::default().strict();
    (
        found(&document, &Policy::default()),
        found(&document, &strict),
    )
}

const NONE: [&str; 0] = [];
const ALL_THREE: &str = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset";

#[test]
fn the_good_document_is_clean() {
    let (plain, strict) = after(|_| {});
    assert_eq!((plain, strict), (vec![], vec![]));
}

#[test]
fn every_method_is_audited() {
    for method in METHODS {
        let upper = method.to_ascii_uppercase();
        let bad = document("/v1/a", &json!({method: {"responses": {"200": {}}}}));
        let told = format!("{upper} /v1/a 200: does not declare {ALL_THREE}");
        assert_eq!(found(&bad, &Policy::default()), [told]);
    }
    let bad = json!({"additionalOperations": {"COPY": {"responses": {"200": {}}}}});
    let told = format!("COPY /v1/a 200: does not declare {ALL_THREE}");
    assert_eq!(found(&document("/v1/a", &bad), &Policy::default()), [told]);
}

#[test]
fn every_success_and_the_default_are_audited() {
    for status in ["200", "201", "202", "204", "206", "2XX", "2xx", "default"] {
        let (plain, _) = after(|responses| responses[status] = json!({"description": "…"}));
        let told = format!("GET /v1/a {status}: does not declare {ALL_THREE}");
        assert_eq!(plain, [told]);
    }
    for status in ["101", "304", "400", "401", "5XX", "x-200"] {
        let (plain, strict) = after(|responses| responses[status] = json!({"description": "…"}));
        assert_eq!((plain, strict), (vec![], vec![]), "{status}");
    }
}

#[test]
fn a_success_is_needed() {
    let told = "GET /v1/a: declares no 2xx response";
    let (plain, strict) = after(|it| *it = json!({"302": {}, "429": response()}));
    assert_eq!(
        (plain, strict),
        (vec![told.to_owned()], vec![told.to_owned()])
    );
    let (plain, _) = after(|it| *it = json!({"default": response()}));
    assert_eq!(plain, [told]);
    for nothing in [json!({}), json!(null), json!([]), json!(200)] {
        let (plain, _) = after(|it| *it = nothing.clone());
        assert_eq!(plain, [told]);
    }
}

#[test]
fn names_have_no_case() {
    let respelled = |respell: fn(&str) -> String| {
        after(|responses| {
            for response in responses.as_object_mut().unwrap().values_mut() {
                let headers = response["headers"].as_object().unwrap().clone();
                let headers = headers.into_iter().map(|(name, it)| (respell(&name), it));
                response["headers"] = headers.collect::<Map<_, _>>().into();
            }
        })
    };
    assert_eq!(respelled(str::to_ascii_lowercase), (vec![], vec![]));
    assert_eq!(respelled(str::to_ascii_uppercase), (vec![], vec![]));
    let (plain, strict) = respelled(|name| format!("{name}-"));
    assert_eq!((plain.len(), strict.len()), (1, 2));
}

#[test]
fn the_older_family_is_asked_for_in_strict_mode() {
    let (plain, strict) = after(|responses| {
        let headers = responses["200"]["headers"].as_object_mut().unwrap();
        headers.retain(|name, _| !name.starts_with("X-"));
    });
    assert_eq!(plain, NONE);
    let all = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";
    assert_eq!(strict, [format!("GET /v1/a 200: does not declare {all}")]);
}

#[test]
fn required_is_asked_for_in_strict_mode() {
    for optional in [
        json!({}),
        json!({"required": false}),
        json!({"required": "true"}),
    ] {
        let (plain, strict) =
            after(|responses| responses["200"]["headers"]["RateLimit-Reset"] = optional.clone());
        assert_eq!(plain, NONE);
        let told = "GET /v1/a 200: does not declare as required: RateLimit-Reset";
        assert_eq!(strict, [told]);
    }
}

#[test]
fn the_denial_is_asked_for_in_strict_mode() {
    let (plain, strict) = after(|responses| responses["429"] = json!({}));
    assert_eq!(plain, NONE);
    assert!(strict[0].starts_with("GET /v1/a 429: does not declare RateLimit-Limit"));
    let (plain, strict) = after(|responses| *responses = json!({"200": response()}));
    assert_eq!(plain, NONE);
    assert_eq!(strict, ["GET /v1/a: declares no 429 response"]);
    // A range or the default covers what has no key of its own.
    let (_, strict) = after(|it| *it = json!({"200": response(), "4XX": response()}));
    assert_eq!(strict, NONE);
    let (_, strict) = after(|it| *it = json!({"200": response(), "4XX": {}}));
    assert!(strict[0].starts_with("GET /v1/a 4XX: does not declare"));
    let (_, strict) = after(|it| *it = json!({"200": response(), "default": response()}));
    assert_eq!(strict, NONE);
    let (_, strict) = after(|it| it["4XX"] = json!({}));
    assert_eq!(strict, NONE);
}

#[test]
fn exempt_paths_are_not_asked() {
    let bad = json!({"get": {"responses": {}}});
    for glob in EXEMPT {
        let path = glob.replace("**", "a/{b}/c");
        assert_eq!(found(&document(&path, &bad), &Policy::default()), NONE);
        let asked = found(&document(&path, &bad), &Policy::without_exemptions());
        assert_eq!(asked, [format!("GET {path}: declares no 2xx response")]);
    }
    let policy = Policy::default().exempting("/v1/*/open".parse().unwrap());
    assert_eq!(found(&document("/v1/{id}/open", &bad), &policy), NONE);
    assert_eq!(found(&document("/v1/a/b/open", &bad), &policy).len(), 1);
    // Even what cannot be read is nobody's business there.
    assert_eq!(found(&document("/health", &json!(7)), &policy), NONE);
}

#[test]
fn what_leads_nowhere_is_told() {
    let lost = json!({"$ref": "other.json#/a"});
    let (plain, _) = after(|responses| responses["200"] = lost.clone());
    let told = "refers to `other.json#/a`, which leads nowhere in this document";
    assert_eq!(plain, [format!("GET /v1/a 200: {told}")]);
    let (plain, _) =
        after(|responses| responses["200"]["headers"]["RateLimit-Limit"] = lost.clone());
    assert_eq!(plain, ["GET /v1/a 200: does not declare RateLimit-Limit"]);
    let document = document("/v1/a", &lost);
    assert_eq!(
        found(&document, &Policy::default()),
        [format!("/v1/a: {told}")]
    );
}

#[test]
fn circles_are_told() {
    let circle = |kind: &str| json!({"$ref": format!("#/components/{kind}/A")});
    let mut document = good();
    document["components"] = json!({
        "responses": {"A": {"$ref": "#/components/responses/B"}, "B": circle("responses")},
        "headers": {"A": circle("headers")},
    });
    let responses = &mut document["paths"]["/v1/a"]["get"]["responses"];
    responses["201"] = circle("responses");
    responses["200"]["headers"]["RateLimit-Limit"] = circle("headers");
    let expected = [
        "GET /v1/a 200: does not declare RateLimit-Limit",
        "GET /v1/a 201: refers to `#/components/responses/A`, which leads nowhere in this document",
    ];
    assert_eq!(found(&document, &Policy::default()), expected);
}

#[test]
fn what_stands_beside_a_reference_does_not_count() {
    let (plain, _) = after(|responses| {
        let beside = json!({"$ref": "#/components/nothing", "headers": headers()});
        responses["200"] = beside;
    });
    assert_eq!(plain.len(), 1);
}

#[test]
fn what_is_no_object_is_told() {
    for nothing in [json!(null), json!([]), json!("OK")] {
        let (plain, _) = after(|responses| responses["200"] = nothing.clone());
        let told = "GET /v1/a 200: is not the object that OpenAPI puts there";
        assert_eq!(plain, [told]);
        let (plain, _) = after(|it| it["200"]["headers"] = nothing.clone());
        assert_eq!(
            plain,
            [format!("GET /v1/a 200: does not declare {ALL_THREE}")]
        );
        let (plain, _) = after(|it| it["200"]["headers"]["RateLimit-Limit"] = nothing.clone());
        assert_eq!(plain, ["GET /v1/a 200: does not declare RateLimit-Limit"]);
    }
}

#[test]
fn one_good_spelling_is_enough() {
    let (_, strict) = after(|it| it["200"]["headers"]["ratelimit-limit"] = json!(7));
    assert_eq!(strict, NONE);
    let (_, strict) = after(|it| it["200"]["headers"]["ratelimit-limit"] = json!({}));
    assert_eq!(strict, NONE);
}
