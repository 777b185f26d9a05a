//! The server's own document: it is clean, and no header can leave it unnoticed (#248).

use picora_openapi_audit::operation::METHODS;
use picora_openapi_audit::policy::{LEGACY, TRIPLET};
use picora_openapi_audit::{Finding, Policy, Problem, audit};
use picora_server::openapi::Documents;
use picora_server::routes::table;
use serde_json::{Value, json};

fn document() -> Value {
    Documents::of(&table()).all().clone()
}

/// `/health/ready` is asked by an orchestrator before any account is known, as `/health` is.
fn policy() -> Policy {
    Policy::default().exempting("/health/**".parse().unwrap())
}

/// Where a header is declared.
struct Declared {
    path: String,
    method: &'static str,
    status: String,
    header: String,
}

impl Declared {
    fn in_headers<'a>(&self, document: &'a mut Value) -> &'a mut Value {
        &mut document["paths"][&self.path][self.method]["responses"][&self.status]["headers"]
    }

    fn finding(&self, problem: Problem) -> Finding {
        Finding {
            method: Some(self.method.to_ascii_uppercase()),
            status: Some(self.status.clone()),
            headers: vec![self.header.clone()],
            ..Finding::new(self.path.clone(), problem)
        }
    }

    fn limits(&self) -> bool {
        TRIPLET.contains(&self.header.as_str()) || self.is_legacy()
    }

    fn is_legacy(&self) -> bool {
        LEGACY.contains(&self.header.as_str())
    }
}

/// Every header that the document declares anywhere.
fn declared(document: &Value) -> Vec<Declared> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let responses = item[method]["responses"].as_object();
            for (status, response) in responses.into_iter().flatten() {
                for header in response["headers"].as_object().into_iter().flatten() {
                    all.push(Declared {
                        path: path.clone(),
                        method,
                        status: status.clone(),
                        header: header.0.clone(),
                    });
                }
            }
        }
    }
    all
}

/// The path, the method and the statuses of each operation that the policy asks something of.
fn throttled(document: &Value) -> Vec<(&str, &str, Vec<&str>)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let statuses = responses.keys().map(String::as_str).collect();
            all.push((path.as_str(), method.as_str(), statuses));
        }
    }
    all.retain(|(path, ..)| !policy().exempts(path));
    assert!(all.len() > 20);
    all
}

/// How many responses have to declare six headers: the successes and the denial of each operation.
fn asked(document: &Value) -> usize {
    let statuses = throttled(document).into_iter().flat_map(|it| it.2);
    statuses
        .filter(|status| status.starts_with('2') || *status == "429")
        .count()
}

#[test]
fn it_is_clean_even_in_strict_mode() {
    assert_eq!(audit(&document(), &policy()), []);
    assert_eq!(audit(&document(), &policy().strict()), []);
}

#[test]
fn readiness_needs_the_exemption() {
    let findings = audit(&document(), &Policy::default());
    let places: Vec<_> = findings.iter().map(Finding::place).collect();
    assert_eq!(places, ["GET /health/ready 200"]);
}

#[test]
fn each_header_that_is_removed_is_one_finding() {
    let document = document();
    let mut found = 0;
    for declared in declared(&document) {
        let mut mutant = document.clone();
        let headers = declared.in_headers(&mut mutant).as_object_mut().unwrap();
        headers.shift_remove(&declared.header).unwrap();
        let findings = audit(&mutant, &policy().strict());
        if declared.limits() {
            assert_eq!(findings, [declared.finding(Problem::MissingHeaders)]);
            let told = findings[0].to_string();
            let (method, path) = (declared.method.to_ascii_uppercase(), &declared.path);
            assert!(told.starts_with(&format!("{method} {path} ")), "{told}");
            assert!(told.ends_with(&declared.header), "{told}");
            found += 1;
        } else {
            assert_eq!(findings, []);
        }
    }
    // None was overlooked.
    assert_eq!(found, asked(&document) * 6);
}

#[test]
fn without_strict_mode_the_triplet_of_a_success_counts() {
    let document = document();
    for declared in declared(&document) {
        let mut mutant = document.clone();
        let headers = declared.in_headers(&mut mutant).as_object_mut().unwrap();
        headers.shift_remove(&declared.header).unwrap();
        let asked = declared.limits() && !declared.is_legacy() && declared.status != "429";
        let expected = asked.then(|| declared.finding(Problem::MissingHeaders));
        assert_eq!(audit(&mutant, &policy()), Vec::from_iter(expected));
    }
}

#[test]
fn each_header_that_becomes_optional_is_one_finding() {
    let document = document();
    for declared in declared(&document).iter().filter(|it| it.limits()) {
        let mut mutant = document.clone();
        declared.in_headers(&mut mutant)[&declared.header]["required"] = json!(false);
        let expected = [declared.finding(Problem::OptionalHeaders)];
        assert_eq!(audit(&mutant, &policy().strict()), expected);
        assert_eq!(audit(&mutant, &policy()), []);
    }
}

#[test]
fn each_kind_of_response_that_is_removed_is_one_finding() {
    let document = document();
    for (path, method, _) in throttled(&document) {
        let kinds = [
            ("2", Problem::NoSuccess),
            ("429", Problem::NoTooManyRequests),
        ];
        for (kind, problem) in kinds {
            let mut mutant = document.clone();
            let responses = &mut mutant["paths"][path][method]["responses"];
            let responses = responses.as_object_mut().unwrap();
            responses.retain(|status, _| !status.starts_with(kind));
            let expected = Finding {
                method: Some(method.to_ascii_uppercase()),
                ..Finding::new(path.to_owned(), problem)
            };
            assert_eq!(audit(&mutant, &policy().strict()), [expected]);
        }
    }
}

/// The same document with its headers, its responses and its path items behind references, two links each.
fn behind_references() -> Value {
    let mut document = document();
    for declared in declared(&document) {
        let header = &mut declared.in_headers(&mut document)[&declared.header];
        *header = json!({"$ref": format!("#/components/headers/{}", declared.header)});
    }
    let mut components = json!({"headers": {}, "responses": {}, "pathItems": {}});
    for name in TRIPLET.into_iter().chain(LEGACY) {
        components["headers"][name] = json!({"$ref": "#/components/headers/Number"});
    }
    components["headers"]["Number"] = json!({"required": true, "schema": {"type": "integer"}});
    let paths = document["paths"].as_object_mut().unwrap();
    for (number, (path, item)) in paths.iter_mut().enumerate() {
        for (method, operation) in item.as_object_mut().unwrap() {
            for (status, response) in operation["responses"].as_object_mut().unwrap() {
                let name = format!("{number}/{method}~{status}");
                let reference = name.replace('~', "~0").replace('/', "~1");
                components["responses"][name] = response.take();
                *response = json!({"$ref": format!("#/components/responses/{reference}")});
            }
        }
        components["pathItems"][path.as_str()] = item.take();
        let reference = path
            .replace('/', "~1")
            .replace('{', "%7B")
            .replace('}', "%7D");
        *item = json!({"$ref": format!("#/components/pathItems/{reference}")});
    }
    document["components"] = components;
    document
}

#[test]
fn references_change_nothing() {
    assert_eq!(audit(&behind_references(), &policy().strict()), []);
    for name in TRIPLET.into_iter().chain(LEGACY) {
        let mut mutant = behind_references();
        mutant["components"]["headers"][name] = json!({"$ref": "#/components/headers/Gone"});
        let findings = audit(&mutant, &policy().strict());
        assert_eq!(findings.len(), asked(&document()));
        assert!(findings.iter().all(|it| it.headers == [name]));
    }
}
