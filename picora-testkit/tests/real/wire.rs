use picora_testkit::{Redis, Wire, free_port};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A client that asks Redis in its inline form and waits for a moment only.
struct Client(TcpStream);

impl Client {
    fn connect(wire: &Wire) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", wire.port())).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(MOMENT)).unwrap();
        Self(stream)
    }

    fn ask(&mut self, command: &str) -> Answer {
        if self
            .0
            .write_all(format!("{command}\r\n").as_bytes())
            .is_err()
        {
            return Answer::Closed;
        }
        let mut bytes = [0; 256];
        match self.0.read(&mut bytes) {
            Ok(0) => Answer::Closed,
            Ok(read) => Answer::Said(String::from_utf8_lossy(&bytes[..read]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Answer::Silence,
            Err(_) => Answer::Closed,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Said(String),
    Silence,
    Closed,
}

fn said(text: &str) -> Answer {
    Answer::Said(format!("{text}\r\n"))
}

fn wire() -> Wire {
    Wire::to(Redis::shared().port())
}

#[test]
fn it_passes_both_ways_and_large_pieces_whole() {
    let wire = wire();
    let mut client = Client::connect(&wire);
    assert_eq!(client.ask("PING"), said("+PONG"));
    let large = "x".repeat(3 << 20);
    let set = format!(
        "*3\r\n$3\r\nSET\r\n$10\r\nwire:large\r\n${}\r\n{large}",
        large.len()
    );
    assert_eq!(client.ask(&set), said("+OK"));
    client.0.write_all(b"GET wire:large\r\n").unwrap();
    let mut value = vec![0; large.len() + "$3145728\r\n\r\n".len()];
    client.0.read_exact(&mut value).unwrap();
    assert_eq!(value, format!("${}\r\n{large}\r\n", large.len()).as_bytes());
}

#[test]
fn a_black_hole_swallows_on_open_and_new_connections_and_closes_them_when_it_ends() {
    let wire = wire();
    let mut open = Client::connect(&wire);
    assert_eq!(open.ask("INCR wire:hole"), said(":1"));
    wire.black_hole();
    assert_eq!(open.ask("INCR wire:hole"), Answer::Silence);
    let mut new = Client::connect(&wire);
    assert_eq!(new.ask("INCR wire:hole"), Answer::Silence);
    wire.pass();
    assert_eq!(open.ask("INCR wire:hole"), Answer::Closed);
    assert_eq!(new.ask("INCR wire:hole"), Answer::Closed);
    assert_eq!(Client::connect(&wire).ask("GET wire:hole"), said("$1\r\n1"));
}

#[test]
fn lost_answers_are_of_requests_that_were_done() {
    let wire = wire();
    wire.lose_answers();
    assert_eq!(
        Client::connect(&wire).ask("INCR wire:lost"),
        Answer::Silence
    );
    assert_eq!(Redis::shared().command(&["GET", "wire:lost"]), "1");
}

#[test]
fn refusing_closes_open_and_new_connections_at_once() {
    let wire = wire();
    let mut open = Client::connect(&wire);
    assert_eq!(open.ask("PING"), said("+PONG"));
    wire.refuse();
    assert_eq!(open.ask("PING"), Answer::Closed);
    assert_eq!(Client::connect(&wire).ask("PING"), Answer::Closed);
    wire.pass();
    assert_eq!(Client::connect(&wire).ask("PING"), said("+PONG"));
}

#[test]
fn garbage_answers_every_request_and_reaches_no_server() {
    let wire = wire();
    let mut open = Client::connect(&wire);
    assert_eq!(open.ask("PING"), said("+PONG"));
    wire.answer_garbage(*b"!?\xff");
    let garbage = Answer::Said("!?\u{fffd}".into());
    assert_eq!(open.ask("SET wire:garbage 1"), garbage);
    let mut new = Client::connect(&wire);
    assert_eq!(new.ask("SET wire:garbage 1"), garbage);
    assert_eq!(new.ask("SET wire:garbage 1"), garbage);
    wire.pass();
    assert_eq!(new.ask("PING"), Answer::Closed);
    assert_eq!(Client::connect(&wire).ask("GET wire:garbage"), said("$-1"));
}

#[test]
fn a_delay_counts_at_once_and_ends_at_once() {
    let wire = wire();
    let mut client = Client::connect(&wire);
    assert_eq!(client.ask("PING"), said("+PONG"));
    let late = Duration::from_millis(100);
    wire.delay(late);
    let asked = Instant::now();
    assert_eq!(client.ask("PING"), said("+PONG"));
    assert!(asked.elapsed() >= late, "{:?}", asked.elapsed());

    wire.delay(Duration::from_secs(60));
    assert_eq!(client.ask("INCR wire:late"), Answer::Silence);
    wire.pass();
    let mut answer = [0; 4];
    client.0.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b":1\r\n", "what waited is delivered");
}

#[test]
fn before_a_dead_server_connections_close() {
    let wire = Wire::to(free_port());
    assert_eq!(Client::connect(&wire).ask("PING"), Answer::Closed);
    wire.black_hole();
    assert_eq!(Client::connect(&wire).ask("PING"), Answer::Silence);
}

#[test]
fn dropping_closes_everything_in_every_mode() {
    let modes: [fn(&Wire); 5] = [
        Wire::pass,
        Wire::black_hole,
        Wire::refuse,
        |wire| wire.answer_garbage(*b"?"),
        |wire| wire.delay(Duration::from_secs(60)),
    ];
    for mode in modes {
        let wire = wire();
        let mut client = Client::connect(&wire);
        assert_eq!(client.ask("PING"), said("+PONG"));
        mode(&wire);
        let (port, dropped) = (wire.port(), Instant::now());
        drop(wire);
        assert!(dropped.elapsed() < Duration::from_secs(5));
        assert_eq!(client.ask("PING"), Answer::Closed);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

/// Long enough for a busy machine to answer, short enough to be waited for.
const MOMENT: Duration = Duration::from_millis(700);
