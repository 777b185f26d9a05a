//! A free port.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 on which nobody listened a moment ago.
///
/// Another process may take it before the server does; the kernel hands such ports out in turn, so that this is rare, and a
/// server's `start` then tries another one.
///
/// ```
/// let port = picora_testkit::free_port();
/// std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
/// ```
#[must_use]
pub fn free_port() -> u16 {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    bound.expect("127.0.0.1 has a free port").port()
}
