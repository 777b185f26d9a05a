use bytes::Bytes;
use picora_core::{StoreError, StoreErrorKind};
use serde_json::json;

use super::ApiError;
use crate::{ErrorCode, RequestId};

fn id() -> RequestId {
    "req_1".parse().unwrap()
}

#[test]
fn the_members_stand_in_their_order_and_the_id_comes_last() {
    let error = ApiError::new(ErrorCode::QuotaExceeded, "Quota exceeded: img_storage")
        .with_meta("type", "img_storage")
        .with_meta("used", 104_857_600)
        .with_meta("limit", 104_857_600);
    let wanted = r#"{"success":false,"error":"Quota exceeded: img_storage","code":"QUOTA_EXCEEDED","meta":{"type":"img_storage","used":104857600,"limit":104857600},"requestId":"req_1"}"#;
    assert_eq!(error.body(Some(&id())), wanted);
    assert_eq!(
        error.body(None),
        wanted.replace(r#","requestId":"req_1""#, "")
    );
}

#[test]
fn an_error_is_json_that_no_cache_keeps() {
    let response = ApiError::not_found().into_response::<Bytes>(Some(&id()));
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["Content-Type"], "application/json");
    assert_eq!(response.headers()["Cache-Control"], "no-store");
    assert!(!response.headers().contains_key("Retry-After"));
    assert!(
        response
            .body()
            .ends_with(br#""meta":{},"requestId":"req_1"}"#)
    );
}

#[test]
fn retry_after_is_in_the_header_and_last_in_meta() {
    let error = ApiError::new(ErrorCode::RateLimit, "Daily uploads used up")
        .with_retry_after(12)
        .with_meta("limit", 50);
    let response = error.into_response::<Bytes>(Some(&id()));
    assert_eq!(response.headers()["Retry-After"], "12");
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(
        body["meta"].to_string(),
        r#"{"limit":50,"retryAfterSec":12}"#
    );
}

#[test]
fn a_code_that_promises_retry_after_keeps_its_promise() {
    for code in ErrorCode::ALL {
        let response = ApiError::new(*code, "x").into_response::<Bytes>(None);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let header = response
            .headers()
            .get("Retry-After")
            .map(|seconds| seconds.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(header.is_some(), code.promises_retry_after(), "{code}");
        assert_eq!(
            body["meta"].get("retryAfterSec").cloned(),
            header.map(|seconds| json!(seconds)),
            "{code}"
        );
    }
    assert_eq!(ApiError::unavailable(0).retry_after(), Some(1));
}

#[test]
fn text_from_outside_stays_inside_its_string() {
    let error = ApiError::invalid_request("a\"b", "\u{2028}\"\\\n</script>");
    let body: serde_json::Value = serde_json::from_slice(&error.body(None)).unwrap();
    assert_eq!(body["error"], "\u{2028}\"\\\n</script>");
    assert_eq!(body["meta"]["field"], "a\"b");
}

#[test]
fn a_store_that_may_come_back_is_unavailable_and_never_forbidden() {
    let code = |kind| ApiError::from(&StoreError::new(kind, "sqlite", "reserve")).code();
    assert_eq!(code(StoreErrorKind::Unavailable), ErrorCode::Unavailable);
    assert_eq!(code(StoreErrorKind::Unknown), ErrorCode::Unavailable);
    assert_eq!(code(StoreErrorKind::Conflict), ErrorCode::Conflict);
    assert_eq!(code(StoreErrorKind::Corrupt), ErrorCode::Internal);
}
