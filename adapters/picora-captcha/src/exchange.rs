//! One request and its answer: the only place that talks.

use reqwest::{RequestBuilder, Response};

use crate::unanswered::Unanswered;

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends the request and reads the answer, as far as an answer can be long.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Answer, Unanswered> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let body = read(&mut response).await?;
    Ok(Answer { status, body })
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Unanswered::Long(LONGEST_ANSWER));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: &reqwest::Error) -> Unanswered {
    if error.is_connect() {
        return Unanswered::Unreachable(causes(error));
    }
    Unanswered::Lost(if error.is_timeout() {
        "it did not come in time".to_owned()
    } else {
        causes(error)
    })
}

/// What lies under the client's own words, which say no more than that it failed.
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

/// Answers have some hundred bytes.
const LONGEST_ANSWER: usize = 64 << 10;
