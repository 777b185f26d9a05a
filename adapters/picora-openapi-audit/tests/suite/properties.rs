//! Any JSON is audited without a panic, and baselines add up.

use std::collections::BTreeSet;

use picora_openapi_audit::{Baseline, Finding, Format, Glob, Policy, Report, audit, document};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Words of OpenAPI, so that what is made up by chance looks like a document often enough.
const KEYS: &[&str] = &[
    "$ref",
    "paths",
    "/a",
    "/a/{b}",
    "/health",
    "get",
    "query",
    "additionalOperations",
    "COPY",
    "responses",
    "200",
    "2XX",
    "429",
    "4XX",
    "default",
    "headers",
    "RateLimit-Limit",
    "ratelimit-reset",
    "X-RateLimit-Limit",
    "required",
    "components",
    "~",
    "",
];
const TEXTS: &[&str] = &[
    "#",
    "#/",
    "#/paths/~1a",
    "#/paths/~1a/get/responses/200",
    "#/components",
    "#/components/headers",
    "#/components/$ref",
    "#/%7",
    "#/paths/~1a~1%7Bb%7D",
    "other.json#/a",
    "3.1.0",
    "\u{1b}\n::error::",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(TEXTS).prop_map(Value::from),
        select(TEXTS).prop_map(|text| json!({"$ref": text})),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(KEYS).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_json(depth: u32) -> impl Strategy<Value = Value> {
    leaf().prop_recursive(depth, depth * 16, 8, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            6 => btree_map(key(), inner, 0..8).prop_map(object),
        ]
    })
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    members.into_iter().collect::<Map<_, _>>().into()
}

/// Something with the outline of a document, and any JSON in every place.
fn any_document() -> impl Strategy<Value = Value> {
    let maybe = |inner: BoxedStrategy<Value>| prop_oneof![5 => inner, 1 => any_json(2)].boxed();
    let members = move |keys: &'static [&'static str], inner: BoxedStrategy<Value>| {
        let member = (select(keys).prop_map(str::to_owned), inner);
        maybe(vec(member, 0..4).prop_map(object).boxed())
    };
    let headers = members(
        &[
            "RateLimit-Limit",
            "RATELIMIT-REMAINING",
            "RateLimit-Reset",
            "$ref",
        ],
        any_json(2).boxed(),
    );
    let response = members(&["headers", "$ref"], headers);
    let responses = members(&["200", "2XX", "429", "4XX", "default", "302"], response);
    let operation = members(&["responses"], responses);
    let methods = members(&["get", "put", "query", "COPY", "$ref"], operation.clone());
    let item = members(
        &["get", "post", "additionalOperations", "$ref"],
        prop_oneof![operation, methods].boxed(),
    );
    let paths = vec(
        (
            select(&["/a", "/a/{b}", "/health", "x-a", ""][..]).prop_map(str::to_owned),
            item,
        ),
        0..4,
    );
    (paths, any_json(3)).prop_map(|(paths, components)| {
        json!({"openapi": "3.2.0", "paths": object(paths), "components": components})
    })
}

/// Findings header by header.
fn parts(findings: &[Finding]) -> BTreeSet<Finding> {
    findings.iter().flat_map(Finding::split).collect()
}

fn rendered(document: &Value, policy: &Policy) {
    let report = Report::of(document, policy, Some(&Baseline::default()));
    for format in [Format::Text, Format::Json, Format::Github, Format::Baseline] {
        for baseline in [None, Some("known.json")] {
            let _ = report.render(format, "openapi.json", baseline);
        }
    }
    let text = report.render(Format::Github, "openapi.json", None);
    let plain = text.lines().filter(|line| !line.starts_with("::")).count();
    assert_eq!(plain, 1, "only the summary is no annotation: {text}");
}

fn baseline_of(findings: &[Finding]) -> Baseline {
    Baseline::read(&serde_json::to_vec(findings).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn any_json_is_audited(value in any_json(8)) {
        for policy in [Policy::default(), Policy::without_exemptions().strict()] {
            rendered(&value, &policy);
        }
    }

    #[test]
    fn any_document_is_audited(value in any_document()) {
        for policy in [Policy::default(), Policy::without_exemptions().strict()] {
            rendered(&value, &policy);
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..200)) {
        let _ = document::read(&bytes);
        let _ = Baseline::read(&bytes);
    }

    #[test]
    fn strict_mode_finds_what_a_plain_audit_finds(value in any_document()) {
        let plain = parts(&audit(&value, &Policy::default()));
        let strict = parts(&audit(&value, &Policy::default().strict()));
        prop_assert!(plain.is_subset(&strict));
    }

    #[test]
    fn an_exemption_removes_its_own_findings_only(value in any_document()) {
        let exempted = Policy::without_exemptions().exempting("/a/**".parse().unwrap());
        let glob: Glob = "/a/**".parse().unwrap();
        let mut expected = audit(&value, &Policy::without_exemptions());
        expected.retain(|finding| !glob.matches(&finding.path));
        prop_assert_eq!(audit(&value, &exempted), expected);
    }

    #[test]
    fn a_baseline_of_all_findings_is_exact(value in any_document()) {
        let findings = audit(&value, &Policy::default().strict());
        let compared = baseline_of(&findings).compare(&findings);
        prop_assert_eq!(compared.known, findings);
        prop_assert_eq!((compared.new, compared.stale), (vec![], vec![]));
    }

    #[test]
    fn baselines_add_up(before in any_document(), after in any_document()) {
        let before = audit(&before, &Policy::default());
        let after = audit(&after, &Policy::default());
        let compared = baseline_of(&before).compare(&after);
        let (before, after) = (parts(&before), parts(&after));
        prop_assert_eq!(parts(&compared.new), &after - &before);
        prop_assert_eq!(parts(&compared.known), &after & &before);
        prop_assert_eq!(parts(&compared.stale), &before - &after);
    }

    #[test]
    fn globs_match_as_their_definition_says(glob in "(/(a|b|\\*|\\*\\*|a\\*|\\*a\\*b)){1,5}", path in "(/[ab]{0,3}){1,5}") {
        let segments = |text: &str| text[1..].split('/').map(str::to_owned).collect::<Vec<_>>();
        let expected = naive(&segments(&glob), &segments(&path));
        prop_assert_eq!(glob.parse::<Glob>().unwrap().matches(&path), expected);
    }
}

/// The definition of a glob, by recursion.
fn naive(glob: &[String], path: &[String]) -> bool {
    match (glob, path) {
        ([], path) => path.is_empty(),
        ([last], path) if last == "**" => !path.is_empty(),
        ([first, rest @ ..], path) if first == "**" => {
            (0..=path.len()).any(|taken| naive(rest, &path[taken..]))
        }
        ([first, glob @ ..], [segment, path @ ..]) => {
            naive_segment(first.as_bytes(), segment.as_bytes()) && naive(glob, path)
        }
        (_, []) => false,
    }
}

fn naive_segment(glob: &[u8], segment: &[u8]) -> bool {
    match glob {
        [] => segment.is_empty(),
        [b'*', rest @ ..] => {
            (0..=segment.len()).any(|taken| naive_segment(rest, &segment[taken..]))
        }
        [byte, rest @ ..] => segment.first() == Some(byte) && naive_segment(rest, &segment[1..]),
    }
}

#[test]
fn depth_does_not_matter() {
    // Deeper than any stack would bear, if references were followed by recursion.
    let mut document = json!({"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/components/0"}}});
    let links = (0..20_000).map(|link: u32| {
        (
            link.to_string(),
            json!({"$ref": format!("#/components/{}", link + 1)}),
        )
    });
    document["components"] = object(links);
    let findings = audit(&document, &Policy::default());
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].reference.as_deref(), Some("#/components/20000"));
}
