//! A side behind a socket, and clients that ask it.

use super::routers::Side;
use crate::rounds::per_second;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Connections at once.
const CLIENTS: usize = 16;
/// Requests of one connection in one round.
const REQUESTS: usize = 1_000;

pub(crate) struct Wire<'a> {
    runtime: &'a Runtime,
    address: SocketAddr,
}

impl<'a> Wire<'a> {
    pub(crate) fn serve(runtime: &'a Runtime, side: Side) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(TcpListener::bind(any));
        let listener = listener.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has one");
        runtime.spawn(accept(listener, side));
        Self { runtime, address }
    }

    /// What all clients together get answered in a second.
    pub(crate) fn per_second(&self) -> f64 {
        per_second(CLIENTS * REQUESTS, || {
            self.runtime.block_on(async {
                let mut clients = JoinSet::new();
                for _ in 0..CLIENTS {
                    clients.spawn(client(self.address));
                }
                clients.join_all().await;
            });
        })
    }
}

async fn accept(listener: TcpListener, side: Side) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true); // answers are written whole
        let side = side.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: hyper::Request<Incoming>| {
                let side = side.clone();
                async move { side.call(request.map(Body::new)).await }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await; // the client hangs up
        });
    }
}

/// One request after the other on one connection. Every answer ends with the handler's two letters after an empty line.
async fn client(address: SocketAddr) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(1_024);
    for _ in 0..REQUESTS {
        stream.write_all(REQUEST).await.expect("the server reads");
        buffer.clear();
        while !buffer.ends_with(b"\r\n\r\nok") {
            let read = stream
                .read_buf(&mut buffer)
                .await
                .expect("the server answers");
            assert!(read > 0, "the server hung up");
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 "));
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
