//! A loopback proxy between a client and a server, on which a test does what networks do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// A port of 127.0.0.1 that leads to another one, until a test says otherwise.
///
/// **State**: starts as [`pass`](Self::pass). Every mode counts at once, for connections that are open and for new ones. A connection on
/// which something was swallowed, answered or may have been cannot go on as if nothing had been: it is closed when that mode ends.
///
/// Dropping it closes all its connections.
///
/// ```
/// use picora_testkit::Wire;
/// use std::io::Read;
/// use std::net::{TcpListener, TcpStream};
///
/// let server = TcpListener::bind("127.0.0.1:0").unwrap();
/// let wire = Wire::to(server.local_addr().unwrap().port());
/// wire.refuse();
/// let mut client = TcpStream::connect(("127.0.0.1", wire.port())).unwrap();
/// assert_eq!(client.read(&mut [0]).unwrap(), 0);
/// ```
#[derive(Debug)]
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Wire {
    /// A wire to this port of 127.0.0.1. Nobody needs to listen there yet: clients of a dead server see their connections close.
    ///
    /// **Panics** when 127.0.0.1 has no free port.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.expect("127.0.0.1 has a free port");
        let bound = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, server, &shared)
        });
        Self {
            port: bound.port(),
            shared,
            accepting: Some(accepting),
        }
    }

    /// The port for the client.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Delivers everything both ways.
    pub fn pass(&self) {
        self.shared.switch(Mode::Pass);
    }

    /// Accepts and swallows, and delivers nothing in either direction: a client that sets no deadline waits for ever.
    pub fn black_hole(&self) {
        self.shared.switch(Mode::BlackHole);
    }

    /// Delivers requests and swallows the answers: what was asked is done, and the client never learns it.
    pub fn lose_answers(&self) {
        self.shared.switch(Mode::LoseAnswers);
    }

    /// Closes all connections, and every new one as soon as it was accepted.
    pub fn refuse(&self) {
        self.shared.switch(Mode::Refuse);
    }

    /// Answers every piece that a client sends with these bytes. The server hears nothing.
    pub fn answer_garbage(&self, bytes: impl Into<Vec<u8>>) {
        self.shared.switch(Mode::Garbage(bytes.into().into()));
    }

    /// Delivers everything, each piece of a request this much later; pieces wait one after the other.
    pub fn delay(&self, late: Duration) {
        self.shared.switch(Mode::Delay(late));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.switch(Mode::Ended);
        // The thread waits for a client: be the last one.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Pass,
    Delay(Duration),
    BlackHole,
    LoseAnswers,
    Garbage(Arc<[u8]>),
    Refuse,
    Ended,
}

impl Mode {
    /// Whether a connection of this time has nothing to hide from the next one.
    const fn is_faithful(&self) -> bool {
        matches!(self, Self::Pass | Self::Delay(_))
    }

    const fn is_closed(&self) -> bool {
        matches!(self, Self::Refuse | Self::Ended)
    }

    const fn reaches_server(&self) -> bool {
        matches!(self, Self::Pass | Self::Delay(_) | Self::LoseAnswers)
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    switched: Condvar,
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// Weak, that a connection's sockets close as soon as both its threads have ended.
    connections: Vec<Weak<Connection>>,
}

impl State {
    fn close_all(&mut self) {
        for connection in self.connections.drain(..).filter_map(|it| it.upgrade()) {
            connection.close();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switch(&self, mode: Mode) {
        let mut state = self.state();
        if mode != state.mode && (mode.is_closed() || !state.mode.is_faithful()) {
            state.close_all();
        }
        state.mode = mode;
        self.switched.notify_all();
    }

    fn mode(&self) -> Mode {
        self.state().mode.clone()
    }

    /// The mode of a request that came now: after the delay, if that is the mode and stays it.
    fn mode_when_due(&self) -> Mode {
        let state = self.state();
        let Mode::Delay(late) = state.mode else {
            return state.mode.clone();
        };
        let delayed = |it: &mut State| it.mode == Mode::Delay(late);
        let waited = self.switched.wait_timeout_while(state, late, delayed);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.mode.clone()
    }

    /// Lets the connection live, unless the mode has changed since it was made.
    fn admit(&self, connection: &Arc<Connection>, made_in: &Mode) -> bool {
        let mut state = self.state();
        state.connections.retain(|it| it.strong_count() > 0);
        if state.mode != *made_in {
            return false;
        }
        state.connections.push(Arc::downgrade(connection));
        true
    }
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    /// None when it was made in a mode in which nothing reaches the server.
    server: Option<TcpStream>,
}

impl Connection {
    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        if let Some(server) = &self.server {
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, server: u16, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let mode = shared.mode();
        if mode == Mode::Ended {
            return;
        }
        if let (Ok(client), false) = (client, mode.is_closed()) {
            open(client, server, &mode, shared);
        }
    }
}

/// Connects to the server and starts a thread per direction. When it cannot, the client's connection is dropped and so closed.
fn open(client: TcpStream, server: u16, mode: &Mode, shared: &Arc<Shared>) {
    let server = if mode.reaches_server() {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
            return;
        };
        let _ = server.set_nodelay(true); // pieces arrive as they were sent
        Some(server)
    } else {
        None
    };
    let _ = client.set_nodelay(true);
    let connection = Arc::new(Connection { client, server });
    if !shared.admit(&connection, mode) {
        return;
    }
    for pump in [pump_requests, pump_answers] {
        let (connection, shared) = (Arc::clone(&connection), Arc::clone(shared));
        std::thread::spawn(move || pump(&connection, &shared));
    }
}

fn pump_requests(connection: &Connection, shared: &Shared) {
    let mut piece = [0; PIECE];
    while let Some(read) = read(&connection.client, &mut piece) {
        let server = connection.server.as_ref();
        let sent = match shared.mode_when_due() {
            Mode::Pass | Mode::Delay(_) | Mode::LoseAnswers => deliver(&piece[..read], server),
            Mode::BlackHole => true,
            Mode::Garbage(bytes) => deliver(&bytes, Some(&connection.client)),
            Mode::Refuse | Mode::Ended => false,
        };
        if !sent {
            connection.close();
            return;
        }
    }
    end(connection.server.as_ref(), shared.mode().reaches_server());
}

fn pump_answers(connection: &Connection, shared: &Shared) {
    let Some(server) = &connection.server else {
        return;
    };
    let mut piece = [0; PIECE];
    while let Some(read) = read(server, &mut piece) {
        let sent = match shared.mode() {
            Mode::Pass | Mode::Delay(_) => deliver(&piece[..read], Some(&connection.client)),
            Mode::BlackHole | Mode::LoseAnswers | Mode::Garbage(_) => true,
            Mode::Refuse | Mode::Ended => false,
        };
        if !sent {
            connection.close();
            return;
        }
    }
    end(Some(&connection.client), shared.mode().is_faithful());
}

/// How much came; none at the end, which a reset is as well.
fn read(mut from: &TcpStream, piece: &mut [u8]) -> Option<usize> {
    from.read(piece).ok().filter(|read| *read > 0)
}

/// Whether the bytes could be handed to somebody.
fn deliver(bytes: &[u8], to: Option<&TcpStream>) -> bool {
    to.is_some_and(|mut to| to.write_all(bytes).is_ok())
}

/// Tells the other side that this one sends no more, where that would arrive.
fn end(other: Option<&TcpStream>, arrives: bool) {
    if let Some(other) = other.filter(|_| arrives) {
        let _ = other.shutdown(Shutdown::Write);
    }
}

/// Large enough that a request of a test is one piece.
const PIECE: usize = 64 * 1024;
