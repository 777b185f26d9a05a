//! A server that says any bytes to everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What stands in its words for how often it has answered before.
pub(crate) const NUMBER: &str = "########";

/// What comes after the bytes that it says first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// The end of the connection.
    Ends,
    /// These again and again, as fast as they are taken.
    Repeats(&'static [u8]),
    /// These again and again, with so long a pause before each.
    Drips(&'static [u8], Duration),
    /// Nothing, on a connection that stays.
    Silence,
}

/// It listens on a port of 127.0.0.1, reads a request, and says what it says.
#[derive(Debug)]
pub(crate) struct Liar {
    port: u16,
    heard: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Liar {
    /// Starts one.
    pub(crate) async fn start(first: Vec<u8>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("127.0.0.1 has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(AtomicUsize::new(0));
        let serving = accept(listener, first.into(), then, Arc::clone(&heard));
        Self {
            port,
            heard,
            serving: tokio::spawn(serving),
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests came.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, first: Arc<[u8]>, then: Then, heard: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (first, heard) = (Arc::clone(&first), Arc::clone(&heard));
        tokio::spawn(async move {
            // Whoever has heard enough goes away; then there is nobody to lie to.
            let _ = lie(stream, &first, then, &heard).await;
        });
    }
}

async fn lie(
    mut stream: TcpStream,
    first: &[u8],
    then: Then,
    heard: &AtomicUsize,
) -> std::io::Result<()> {
    listen(&mut stream).await?;
    let before = heard.fetch_add(1, Ordering::SeqCst);
    stream.write_all(&numbered(first, before)).await?;
    match then {
        Then::Ends => stream.shutdown().await,
        Then::Repeats(bytes) => loop {
            stream.write_all(bytes).await?;
        },
        Then::Drips(bytes, pause) => loop {
            tokio::time::sleep(pause).await;
            stream.write_all(bytes).await?;
        },
        Then::Silence => stream.read(&mut [0]).await.map(drop),
    }
}

/// Where it says its [`NUMBER`], it says that of the answer.
fn numbered(first: &[u8], number: usize) -> Vec<u8> {
    let mut said = first.to_vec();
    let number = format!("{number:0width$}", width = NUMBER.len()).into_bytes();
    let place = |said: &[u8]| {
        let mut windows = said.windows(NUMBER.len());
        windows.position(|it| it == NUMBER.as_bytes())
    };
    while let Some(place) = place(&said) {
        said.splice(place..place + NUMBER.len(), number.iter().copied());
    }
    said
}

/// Reads a request to its end: who is cut off would not hear the answer.
async fn listen(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split("content-length:").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.map(drop)
}
