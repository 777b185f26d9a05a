//! What the server says of itself: the OpenAPI documents, and what browsers of other origins may do.

use std::collections::BTreeSet;

use picora_http::ErrorCode;
use picora_server::routes::{self, Access};
use reqwest::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::world::World;

const TRIPLETS: [&str; 6] = [
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
];

async fn document(world: &World, path: &str) -> Value {
    let answer = Answer::to(world.anyone(Method::GET, path)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.triplet(), None, "{path} is exempt (#250)");
    answer.json()
}

/// Method and path of every operation of a document.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, verbs): (&String, &Value)| {
        let verbs = verbs.as_object().unwrap().keys();
        verbs
            .map(|verb| (verb.to_uppercase(), path.clone()))
            .collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(of).collect()
}

#[tokio::test]
async fn the_documents_are_the_route_table() {
    let world = World::start().await;
    let (all, public, internal) = (
        document(&world, "/openapi.json").await,
        document(&world, "/openapi-public.json").await,
        document(&world, "/openapi-internal.json").await,
    );
    let table: BTreeSet<_> = routes::table()
        .iter()
        .filter(|route| route.doc.is_some())
        .flat_map(|route| {
            route
                .paths()
                .into_iter()
                .map(|path| (route.method.to_string(), path))
        })
        .collect();
    assert_eq!(operations(&all), table);
    let (shown, hidden) = (operations(&public), operations(&internal));
    assert_eq!(&(&shown | &hidden), &table);
    assert!(shown.is_disjoint(&hidden));
    for (verb, path) in &shown {
        assert!(
            !path.starts_with("/v1/admin") && path != "/health/ready",
            "{verb} {path}"
        );
    }
    assert!(
        !public.to_string().contains("admin_"),
        "nor anything else of it"
    );
    for path in ["/v1/user/me/usage", "/v1/me/usage"] {
        assert!(
            shown.contains(&("GET".to_owned(), path.to_owned())),
            "{path}"
        );
    }
    let undocumented: Vec<_> = routes::table()
        .into_iter()
        .filter(|it| it.doc.is_none())
        .collect();
    let paths = undocumented.iter().map(|it| it.path.as_str());
    let expected = ["/media/{name}", "/unsubscribe", "/unsubscribe"];
    assert!(paths.eq(expected), "what people see, and no other");
    let ids: Vec<_> = operations(&all)
        .iter()
        .map(|(verb, path)| all["paths"][path][verb.to_lowercase()]["operationId"].to_string())
        .collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "each id once"
    );
}

#[tokio::test]
async fn every_operation_promises_what_it_keeps() {
    let world = World::start().await;
    let all = document(&world, "/openapi.json").await;
    for route in routes::table() {
        let verb = route.method.as_str().to_lowercase();
        for path in route.paths().iter().filter(|_| route.doc.is_some()) {
            let operation = &all["paths"][path][&verb];
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let tells = TRIPLETS.map(|name| answer["headers"][name]["required"] == true);
                let wanted = route.access != Access::Everybody
                    && (status.starts_with('2') || status == "429");
                assert_eq!(tells, [wanted; 6], "{verb} {path} {status}");
                assert_eq!(answer["headers"]["X-Request-Id"]["required"], true);
            }
            let secured = operation["security"].is_array();
            assert_eq!(secured, route.access != Access::Everybody, "{verb} {path}");
        }
    }
    let error = &all["components"]["schemas"]["Error"];
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.wire()).collect();
    assert_eq!(
        error["properties"]["code"]["enum"],
        serde_json::json!(codes)
    );
    dangling(&all, &all);
}

/// Every reference of a document leads somewhere.
fn dangling(part: &Value, document: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let pointer = target.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{target}");
            }
            members.values().for_each(|value| dangling(value, document));
        }
        Value::Array(items) => items.iter().for_each(|value| dangling(value, document)),
        _ => {}
    }
}

/// #64, #237: a desktop application calls with its key, and reads what it needs.
#[tokio::test]
async fn other_origins_may_call_and_read() {
    let world = World::start().await;
    let account = world.trial().await;
    let asked = [
        "authorization",
        "content-type",
        "idempotency-key",
        "x-request-id",
        "range",
    ];
    for (method, path) in [
        ("POST", "/v1/images"),
        ("DELETE", "/v1/images/x"),
        ("PATCH", "/v1/docs/x"),
        ("PUT", "/v1/admin/accounts/x/plan"),
    ] {
        let preflight = world
            .anyone(Method::OPTIONS, path)
            .header("Origin", "tauri://localhost")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", asked.join(","));
        let answer = Answer::to(preflight).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        let methods = answer.header("access-control-allow-methods");
        assert!(methods.split(',').any(|it| it == method), "{methods}");
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for name in asked {
            assert!(allowed.split(',').any(|it| it == name), "{name}: {allowed}");
        }
    }
    let anyone = world.anyone(Method::GET, "/v1/images");
    let mine = world.request(&account, Method::GET, "/v1/images");
    for (request, status) in [(mine, 200), (anyone, 401)] {
        let answer = Answer::to(request.header("Origin", "tauri://localhost")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let exposed = answer
            .header("access-control-expose-headers")
            .to_lowercase();
        let exposed: BTreeSet<_> = exposed.split(',').collect();
        for name in TRIPLETS.iter().chain(&["Retry-After", "X-Request-Id"]) {
            assert!(exposed.contains(name.to_lowercase().as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_request_has_an_id_and_may_bring_its_own() {
    let world = World::start().await;
    let ask = |id: &str| {
        let request = world.anyone(Method::GET, "/v1/nowhere");
        Answer::to(request.header("X-Request-Id", id.to_owned()))
    };
    let own = ask("build-7.3_x").await;
    own.error(404, "NOT_FOUND");
    assert_eq!(own.header("x-request-id"), "build-7.3_x");
    for unfit in ["a b", "", "\"", &"x".repeat(65)] {
        let answer = ask(unfit).await;
        answer.error(404, "NOT_FOUND");
        assert_ne!(answer.header("x-request-id"), unfit);
    }
}
