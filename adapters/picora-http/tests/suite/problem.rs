//! Errors as problems of RFC 9457, for who asks for them.

use http_body_util::Full;
use picora_http::ApiError;
use picora_ratelimit::Tier;
use serde_json::{Value, json};

use crate::limiters::Unreachable;
use crate::world::{World, passed, principal, request, send, wanting_problems};

/// The same denial in both formats, word for word.
#[tokio::test]
async fn a_denial_is_a_problem_of_the_drafts_type_with_the_same_facts() {
    let world = World::new();
    let upload = world.route(Tier::Upload);
    assert_eq!(passed(&upload, principal(1, 1), 6).await, 5);
    let plain = send(&upload, request(principal(1, 1))).await;
    let problem = send(&upload, wanting_problems(request(principal(1, 1)))).await;
    assert_eq!((plain.status, problem.status), (429, 429));
    assert_eq!(plain.header("Content-Type"), Some("application/json"));
    assert_eq!(
        problem.header("Content-Type"),
        Some("application/problem+json")
    );
    for name in ["Retry-After", "Cache-Control"] {
        assert_eq!(plain.header(name), problem.header(name), "{name}");
    }
    assert_eq!(plain.triplet(), problem.triplet());
    let body: Value = serde_json::from_str(&problem.body).unwrap();
    let wanted = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": "Rate limit exceeded",
        "violated-policies": ["upload:burst"],
        "code": "RATE_LIMITED",
        "meta": {"retryAfterSec": 1},
        "requestId": problem.header("X-Request-Id"),
    });
    assert_eq!(body, wanted);
}

/// An error of a handler that knows neither the id nor the client's wish.
#[tokio::test]
async fn other_errors_are_problems_without_a_type() {
    let world = World::new();
    let charges = crate::world::Fixed::of([policy()], 1);
    let service = world.handled(charges, |_| async {
        ApiError::invalid_request("limit", "limit must be 1 to 100").into_response::<Full<_>>(None)
    });
    let answer = send(&service, wanting_problems(request(None))).await;
    assert_eq!(
        answer.header("Content-Type"),
        Some("application/problem+json")
    );
    let id = answer.header("X-Request-Id").unwrap();
    let wanted = format!(
        r#"{{"type":"about:blank","title":"Bad Request","status":400,"detail":"limit must be 1 to 100","code":"INVALID_REQUEST","meta":{{"field":"limit"}},"requestId":"{id}"}}"#
    );
    assert_eq!(answer.body, wanted);
    let plain = send(&service, request(None)).await;
    assert!(
        plain.body.starts_with(r#"{"success":false,"#),
        "{}",
        plain.body
    );

    let closed = World {
        limiter: std::sync::Arc::new(Unreachable),
        ..World::new()
    };
    let answer = send(
        &closed.route(Tier::Read),
        wanting_problems(request(principal(1, 1))),
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("Retry-After")),
        (503, Some("1"))
    );
    assert!(
        answer
            .body
            .contains(r#""title":"Service Unavailable","status":503"#)
    );
}

fn policy() -> picora_ratelimit::Policy {
    picora_ratelimit::Tiers::standard().of(Tier::Read).clone()
}
