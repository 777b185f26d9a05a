//! Ids of requests, on every answer and in every error body.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use picora_core::{ManualClock, SeededEntropy};
use picora_http::{ApiError, RequestId, RequestIdLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::world::START;

/// What a handler answers, with whatever id came: its answer's id in the header, and the body.
async fn ask<F>(sent: Option<&str>, handler: F) -> (String, String, http::HeaderMap)
where
    F: Fn(RequestId) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
    let service = service_fn(move |request: Request<()>| {
        let id = request
            .extensions()
            .get::<RequestId>()
            .expect("the layer has put it there")
            .clone();
        let response = handler(id);
        async { Ok::<_, Infallible>(response) }
    });
    let (clock, entropy) = (
        Arc::new(ManualClock::at(START)),
        Arc::new(SeededEntropy::new(1)),
    );
    let mut request = Request::new(());
    if let Some(id) = sent {
        request
            .headers_mut()
            .insert("X-Request-Id", HeaderValue::from_str(id).unwrap());
    }
    let response = RequestIdLayer::new(clock, entropy)
        .layer(service)
        .oneshot(request)
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let id = parts.headers["X-Request-Id"].to_str().unwrap().to_owned();
    (id, String::from_utf8(body.to_vec()).unwrap(), parts.headers)
}

fn echo(id: RequestId) -> Response<Full<Bytes>> {
    Response::new(Full::from(id.to_string()))
}

#[tokio::test]
async fn a_good_id_of_the_client_goes_in_and_comes_out() {
    let (id, body, _) = ask(Some("shop-42.a_B"), echo).await;
    assert_eq!((id.as_str(), body.as_str()), ("shop-42.a_B", "shop-42.a_B"));
}

#[tokio::test]
async fn a_bad_or_missing_id_is_replaced() {
    for sent in [None, Some("two words"), Some("<script>")] {
        let (id, body, _) = ask(sent, echo).await;
        assert!(id.starts_with("req_") && id == body, "{id} {body}");
    }
}

#[tokio::test]
async fn an_error_that_did_not_know_its_id_learns_it_on_the_way_out() {
    let (_, body, headers) = ask(Some("mine"), |_| {
        let mut response = ApiError::not_found().into_response::<Full<Bytes>>(None);
        response.headers_mut().insert("Content-Length", 1.into());
        response.headers_mut().insert("X-Kept", 1.into());
        response
    })
    .await;
    assert_eq!(
        body,
        r#"{"success":false,"error":"Not found","code":"NOT_FOUND","meta":{},"requestId":"mine"}"#
    );
    assert_eq!(
        headers.get("Content-Length"),
        None,
        "it spoke of the shorter body"
    );
    assert!(headers.contains_key("X-Kept") && headers["Content-Type"] == "application/json");
}

#[tokio::test]
async fn an_error_that_knew_its_id_stays_as_it_is() {
    let (_, body, _) = ask(Some("mine"), |id| {
        ApiError::internal().into_response(Some(&id))
    })
    .await;
    assert_eq!(body.matches("requestId").count(), 1);
    assert!(body.ends_with(r#""requestId":"mine"}"#));
}
