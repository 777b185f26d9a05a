//! The sender for reqwest: the same rule over real connections.

use std::time::Duration;

use picora_client::Retry;
use picora_client::backoff::Rule;
use reqwest::Body;
use tokio::time::Instant;

use crate::hostile::{Act, Hostile, answer};

fn retry() -> Retry {
    Retry::new(Rule {
        first_wait: Duration::from_millis(50),
        jitter_percent: 0,
        ..Rule::default()
    })
}

fn limited() -> Act {
    answer("429 Too Many Requests", "retry-after: 0\r\n", "{}")
}

fn back() -> Act {
    answer("503 Service Unavailable", "retry-after: 0\r\n", "{}")
}

#[tokio::test]
async fn a_request_is_repeated_with_its_body_until_it_passes() {
    let server = Hostile::doing([limited(), limited(), limited(), answer("200 OK", "", "x")]).await;
    let (client, start) = (reqwest::Client::new(), Instant::now());
    let answer = retry()
        .send(client.post(&server.url).body("the body"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(
        start.elapsed() >= Duration::from_millis(50 + 100 + 200),
        "{:?}",
        start.elapsed()
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests.iter().all(|it| it.contains("content-length: 8")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn the_last_answer_is_handed_on_as_it_is() {
    let server = Hostile::doing([limited()]).await;
    let answer = retry()
        .send(reqwest::Client::new().get(&server.url))
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), server.requests().len()),
        (429, 4)
    );
    assert_eq!(answer.text().await.unwrap(), "{}");
}

#[tokio::test]
async fn what_cannot_or_may_not_be_sent_twice_is_sent_once() {
    let client = reqwest::Client::new();
    let server = Hostile::doing([limited()]).await;
    let streamed = || Body::wrap_stream(futures::stream::iter([Ok::<_, std::io::Error>("piece")]));
    let request = client
        .post(&server.url)
        .header("content-length", "5")
        .body(streamed());
    assert_eq!(retry().send(request).await.unwrap().status(), 429);
    assert_eq!(server.requests().len(), 1);
    let server = Hostile::doing([back(), answer("200 OK", "", "")]).await;
    assert_eq!(
        retry()
            .send(client.post(&server.url))
            .await
            .unwrap()
            .status(),
        503
    );
    let server = Hostile::doing([back(), answer("200 OK", "", "")]).await;
    let named = client.post(&server.url).header("idempotency-key", "mine");
    assert_eq!(retry().send(named).await.unwrap().status(), 200);
    assert!(
        retry()
            .send(client.get("no address"))
            .await
            .unwrap_err()
            .is_builder()
    );
}
