//! One request and its answer: the only place that talks.

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};

use crate::error::Failure;
use crate::response::Answer;

/// Sends the request and reads the answer, as far as an answer can be long.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let header = response.headers().get(RETRY_AFTER);
    let retry_after = header.and_then(|it| it.to_str().ok()).map(str::to_owned);
    let body = read(&mut response).await?;
    Ok(Answer {
        status,
        retry_after,
        body,
    })
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Failure::Long(LONGEST_ANSWER));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        return Failure::NotSent(causes(error));
    }
    Failure::Lost(if error.is_timeout() {
        "it did not come in time".to_owned()
    } else {
        causes(error)
    })
}

/// What lies under the client's own words, which say no more than that it failed, and name the address.
fn causes(error: &reqwest::Error) -> String {
    let first = std::error::Error::source(error);
    let causes = std::iter::successors(first, |cause| cause.source());
    let said: Vec<_> = causes.map(ToString::to_string).collect();
    if said.is_empty() {
        "the connection failed".to_owned()
    } else {
        said.join(": ")
    }
}

/// The names of ten thousand keys of under 80 bytes, should all of them have failed.
const LONGEST_ANSWER: usize = 1 << 20;
