//! One request and its answer.

use std::error::Error;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status, whatever it is: a refusal is an answer, too.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer. Nothing in it quotes the request, whose headers and body may hold a secret, nor its address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There was no connection. Nothing was sent.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It was sent, and the answer did not come in time, or not whole: what was asked for may have happened.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// The answer has more bytes than this: what was asked for may have happened.
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
}

/// Sends the request and reads the answer, if it has at most `longest` bytes.
///
/// **Errors**: [`Unanswered`].
pub async fn exchange(request: RequestBuilder, longest: usize) -> Result<Answer, Unanswered> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let body = read(&mut response, longest).await?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

async fn read(response: &mut Response, longest: usize) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if chunk.len() > longest - body.len() {
            return Err(Unanswered::Long(longest));
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

/// What lies under the client's own words, which say no more than that it failed, and name the address.
fn causes(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(Error::source(error), |&cause| cause.source());
    let said: Vec<_> = causes.map(ToString::to_string).collect();
    if said.is_empty() {
        "the connection failed".to_owned()
    } else {
        said.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::Endpoint;

    /// Asks a server that answers exactly this and hangs up.
    async fn ask(answer: &'static str, longest: usize) -> Result<Answer, Unanswered> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/secret-path", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let endpoint = Endpoint::new(&address).unwrap();
        let request = endpoint.client().unwrap().get(endpoint.url().clone());
        let answered = exchange(request, longest).await;
        server.await.unwrap();
        answered
    }

    #[tokio::test]
    async fn an_answer_is_whole_or_none() {
        let whole = "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater";
        let answer = ask(whole, 5).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (429, &b"later"[..])
        );
        assert_eq!(answer.header("retry-after"), Some("7"));
        assert_eq!(ask(whole, 4).await, Err(Unanswered::Long(4)));
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";
        assert!(matches!(ask(cut, 99).await, Err(Unanswered::Lost(_))));
    }

    #[tokio::test]
    async fn whether_it_was_sent_is_known() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/secret-path", closed.local_addr().unwrap());
        drop(closed);
        let endpoint = Endpoint::new(&address).unwrap();
        let request = endpoint.client().unwrap().get(endpoint.url().clone());
        let Err(Unanswered::Unreachable(told)) = exchange(request, 9).await else {
            panic!("nobody listens there");
        };
        assert!(!told.contains("secret-path"), "{told}");
        assert!(matches!(ask("", 9).await, Err(Unanswered::Lost(_))));
    }
}
