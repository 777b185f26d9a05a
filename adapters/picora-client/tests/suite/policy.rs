//! The tower policy, in virtual time: waits are exact.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use picora_client::backoff::Rule;
use picora_client::{Retry, RetryPolicy};
use picora_core::{ManualClock, SeededEntropy, Timestamp};
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// 2026-11-25T07:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_590_000);

fn policy(rule: Rule) -> RetryPolicy {
    let clock = Arc::new(ManualClock::at(NOW));
    RetryPolicy::new(Retry::with(rule, clock, Arc::new(SeededEntropy::new(1))))
}

fn exact() -> Rule {
    Rule {
        jitter_percent: 0,
        ..Rule::default()
    }
}

/// Sends one request to a service that answers these in turn (the last for ever): its status, and the seconds at which attempts came.
async fn send(
    rule: Rule,
    request: Request<&'static str>,
    answers: &'static [(u16, Option<&'static str>)],
) -> (u16, Vec<u64>) {
    let (start, times) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let seen = times.clone();
    let answering = move |request: Request<&'static str>| {
        let mut seen = seen.lock().unwrap();
        let (status, retry_after) = answers[seen.len().min(answers.len() - 1)];
        seen.push(start.elapsed().as_secs());
        assert_eq!(*request.body(), "the same each time");
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(value) = retry_after {
            answer
                .headers_mut()
                .insert("retry-after", value.parse().unwrap());
        }
        async { Ok::<_, Infallible>(answer) }
    };
    let mut service = ServiceBuilder::new()
        .layer(policy(rule).layer())
        .service(service_fn(answering));
    let answer = service.ready().await.unwrap().call(request).await.unwrap();
    let times = times.lock().unwrap().clone();
    (answer.status().as_u16(), times)
}

fn request(method: Method) -> Request<&'static str> {
    let mut request = Request::new("the same each time");
    *request.method_mut() = method;
    request
}

#[tokio::test(start_paused = true)]
async fn a_429_is_waited_for_exactly_as_long_as_the_server_says() {
    for method in [Method::GET, Method::POST] {
        let answered = send(
            exact(),
            request(method),
            &[(429, Some("7")), (429, None), (200, None)],
        )
        .await;
        assert_eq!(answered, (200, vec![0, 7, 9]));
    }
}

#[tokio::test(start_paused = true)]
async fn after_three_retries_the_429_reaches_the_caller() {
    let answered = send(exact(), request(Method::GET), &[(429, None)]).await;
    assert_eq!(answered, (429, vec![0, 1, 3, 7]));
    let answered = send(exact(), request(Method::GET), &[(429, Some("12"))]).await;
    assert_eq!(answered, (429, vec![0, 12, 24, 36]));
}

#[tokio::test(start_paused = true)]
async fn a_date_is_waited_for_and_an_absurd_wait_is_handed_on() {
    const DATE: &str = "Wed, 25 Nov 2026 07:00:30 GMT";
    let answered = send(
        exact(),
        request(Method::GET),
        &[(429, Some(DATE)), (200, None)],
    )
    .await;
    assert_eq!(answered, (200, vec![0, 30]));
    for absurd in [
        "121",
        "1795590060",
        "99999999999999999999",
        "Thu, 26 Nov 2026 07:00:00 GMT",
    ] {
        let rule = exact();
        let answered = send(
            rule,
            request(Method::GET),
            Box::leak(Box::new([(429, Some(absurd)), (200, None)])),
        )
        .await;
        assert_eq!(answered, (429, vec![0]), "{absurd}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_503_is_repeated_only_when_it_names_a_wait_and_twice_is_as_good_as_once() {
    let back = &[(503, Some("5")), (200, None)];
    assert_eq!(
        send(exact(), request(Method::GET), back).await,
        (200, vec![0, 5])
    );
    assert_eq!(
        send(exact(), request(Method::DELETE), back).await,
        (200, vec![0, 5])
    );
    assert_eq!(
        send(exact(), request(Method::POST), back).await,
        (503, vec![0])
    );
    let mut named = request(Method::POST);
    named
        .headers_mut()
        .insert("idempotency-key", "mine".parse().unwrap());
    assert_eq!(send(exact(), named, back).await, (200, vec![0, 5]));
    assert_eq!(
        send(exact(), request(Method::GET), &[(503, None)]).await,
        (503, vec![0])
    );
    for kept in [200, 204, 301, 400, 403, 404, 500, 502] {
        let answers = Box::leak(Box::new([(kept, Some("5"))]));
        assert_eq!(
            send(exact(), request(Method::GET), answers).await,
            (kept, vec![0])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_option_turns_it_off() {
    let off = Rule {
        retry_on_rate_limit: false,
        ..exact()
    };
    assert_eq!(
        send(off, request(Method::GET), &[(429, Some("1"))]).await,
        (429, vec![0])
    );
}

#[tokio::test(start_paused = true)]
async fn each_request_has_retries_of_its_own_and_errors_are_handed_on() {
    let answering = service_fn(|request: Request<()>| async move {
        if request.method() == Method::PUT {
            return Err(std::io::Error::other("broken"));
        }
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        Ok(answer)
    });
    let mut service = ServiceBuilder::new()
        .layer(policy(exact()).layer())
        .service(answering);
    for _ in 0..3 {
        let start = Instant::now();
        service
            .ready()
            .await
            .unwrap()
            .call(Request::new(()))
            .await
            .unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }
    let (start, mut put) = (Instant::now(), Request::new(()));
    *put.method_mut() = Method::PUT;
    assert_eq!(
        service
            .ready()
            .await
            .unwrap()
            .call(put)
            .await
            .unwrap_err()
            .to_string(),
        "broken"
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
}
