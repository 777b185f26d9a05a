//! Addresses that anybody may use, used by a plain client.

use std::time::Duration;

use http::Method;
use object_store::ObjectStoreExt;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector,
};
use object_store::path::Path;

use crate::world::fresh;

fn plain() -> HttpClient {
    let options = ClientOptions::new().with_allow_http(true);
    ReqwestConnector::default().connect(&options).unwrap()
}

async fn sent(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> (u16, String) {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(HttpRequestBody::from(body.as_bytes().to_vec()));
    let answer = plain().execute(request.unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().bytes().await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_put_by_one_address_is_got_by_another() {
    let (cloud, store) = fresh();
    let path = Path::from("a b/猫+%2F.png");
    let png = [("content-type", "image/png")];
    let put = store.presigned_put(&path, &png, MINUTE);
    let get = store.presigned_get(&path, MINUTE);

    // The type is part of the address: another one is refused, and so is none.
    assert_eq!(sent(Method::PUT, &put, &[], "bytes").await.0, 403);
    let other = [("content-type", "text/html")];
    assert_eq!(sent(Method::PUT, &put, &other, "bytes").await.0, 403);
    assert_eq!(sent(Method::GET, &get, &[], "").await.0, 404);
    assert_eq!(sent(Method::PUT, &put, &png, "bytes").await.0, 200);
    assert_eq!(
        sent(Method::GET, &get, &[], "").await,
        (200, "bytes".to_owned())
    );
    let found = store.get(&path).await.unwrap();
    let kind = found.attributes.get(&object_store::Attribute::ContentType);
    assert_eq!(kind.map(AsRef::as_ref), Some("image/png"));

    // One address is for one thing only, and not for ever.
    assert_eq!(sent(Method::PUT, &get, &png, "other").await.0, 403);
    assert_eq!(sent(Method::GET, &put, &png, "").await.0, 403);
    cloud.clock().advance(MINUTE * 2);
    let (status, document) = sent(Method::GET, &get, &[], "").await;
    assert!(status >= 400 && document.contains("Expired"), "{document}");
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}
