//! A proxy that takes something from every answer: what a judge must notice.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Response, header};
use tokio::task::JoinHandle;

/// A proxy before a server. It ends with this value.
pub(crate) struct Stripping {
    pub(crate) url: String,
    served: JoinHandle<()>,
}

impl Stripping {
    /// Before the server at this address, with this change of every answer's headers.
    pub(crate) async fn before(
        url: &str,
        change: impl Fn(&mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        let (url, change) = (Arc::<str>::from(url), Arc::new(change));
        let client = reqwest::Client::new();
        let answer = move |request: Request| {
            let (url, change, client) = (url.clone(), change.clone(), client.clone());
            async move {
                let mut response = forward(&client, &url, request).await;
                change(response.headers_mut());
                response
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer);
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: own, served }
    }
}

impl Drop for Stripping {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn forward(client: &reqwest::Client, url: &str, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let headers = without(parts.headers, &[header::HOST, header::CONTENT_LENGTH]);
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let sent = client
        .request(parts.method, format!("{url}{path}"))
        .headers(headers)
        .body(body)
        .send();
    let answer = sent.await.unwrap();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = without(
        answer.headers().clone(),
        &[header::CONTENT_LENGTH, header::TRANSFER_ENCODING],
    );
    *response.body_mut() = answer.bytes().await.unwrap().into();
    response
}

/// Without the headers that are about the one connection.
fn without(mut headers: HeaderMap, names: &[HeaderName]) -> HeaderMap {
    for name in names {
        headers.remove(name);
    }
    headers
}
