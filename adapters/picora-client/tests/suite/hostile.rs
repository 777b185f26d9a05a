//! A server that answers whatever a test wants, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use picora_client::backoff::Rule;
use picora_client::{ApiKey, Options, Picora, ServerUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one connection, after it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes, then one byte each 50 ms for ever.
    Drip(Vec<u8>),
    /// Sends these bytes again and again.
    Flood(Vec<u8>),
    /// Says nothing, and keeps the connection.
    Hold,
    /// Closes at once.
    Close,
}

/// A server on loopback; it ends with its test.
pub(crate) struct Hostile {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Does these acts in turn, the last one for ever.
    pub(crate) async fn doing(acts: impl Into<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (acts, requests) = (acts.into(), Arc::new(Mutex::new(Vec::new())));
        let seen = requests.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let act = acts[number.min(acts.len() - 1)].clone();
                tokio::spawn(serve(stream, act, seen.clone()));
            }
        });
        Self { url, requests }
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Picora {
        client(&self.url)
    }
}

/// A client in a hurry, so that no test waits.
pub(crate) fn client(url: &str) -> Picora {
    let key = ApiKey::new("sk_live_secret").unwrap();
    let retry = Rule {
        first_wait: Duration::from_millis(20),
        jitter_percent: 0,
        ..Rule::default()
    };
    let answer_within = Duration::from_millis(400);
    let options = Options {
        retry,
        answer_within,
        ..Options::default()
    };
    Picora::with(ServerUrl::new(url).unwrap(), &key, options).unwrap()
}

/// An answer with this status line, these headers and this body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Send(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}").into_bytes())
}

async fn serve(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    let request = read_request(&mut stream).await;
    seen.lock().unwrap().push(request);
    match act {
        Act::Close => {}
        Act::Hold => std::future::pending().await,
        Act::Send(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::Drip(bytes) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Act::Flood(bytes) => while stream.write_all(&bytes).await.is_ok() {},
    }
}

/// The head; the body is read, too, so that closing does not reset the connection under an answer.
async fn read_request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |it| it.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return head;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return String::from_utf8_lossy(&bytes).to_lowercase(),
        }
    }
}
