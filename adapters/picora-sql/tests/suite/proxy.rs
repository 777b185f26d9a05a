//! A network that stops, or is cut, at the message of one's choice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Stands between a store and its PostgreSQL. Must be made in a runtime.
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    plan: Mutex<Plan>,
    sent: Mutex<Sent>,
    goes_on: Notify,
}

/// One connection whose next answer is to be lost.
#[derive(Default)]
struct Losing {
    armed: AtomicBool,
    lost: Notify,
}

/// What happens to the messages that a client sends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Plan {
    /// They pass.
    #[default]
    Pass,
    /// So many of steps pass; the next is held until [`Proxy::go_on`].
    HoldAfter(usize),
    /// One is held.
    Held,
    /// The connection is lost before the COMMIT arrives.
    CutBeforeCommit,
    /// The COMMIT arrives and its answer is lost.
    CutAfterCommit,
    /// The connection is lost before the next statement arrives.
    CutBeforeNext,
    /// The next statement arrives and its answer is lost.
    CutAfterNext,
}

/// What was sent: all messages, and how many of them had been sent when the last one of a step was.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    all: usize,
    of_steps: usize,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let ours = listener.local_addr().expect("an address").to_string();
        let (_, host) = url.rsplit_once('@').unwrap_or(("", url));
        let (server, _) = host.split_once('/').expect("a URL names a database");
        let server = server.to_owned();
        let shared = Arc::new(Shared::default());
        let proxy = Self {
            url: format!("{}?sslmode=disable", url.replace(&server, &ours)),
            shared: Arc::clone(&shared),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server is up");
                tokio::spawn(relay(client, server, Arc::clone(&shared)));
            }
        });
        proxy
    }

    /// The address for a store.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Begins a plan.
    pub(crate) fn plan(&self, plan: Plan) {
        *self.shared.plan.lock().expect("no test panicked") = plan;
    }

    /// Waits until a message is held; false when none is within `patience`.
    pub(crate) async fn holds(&self, patience: Duration) -> bool {
        let held = async {
            while self.shared.plan() != Plan::Held {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(patience, held).await.is_ok()
    }

    /// How many messages were sent since the last call, each waiting for its answer, up to the last one of a step; what a pool sends when it
    /// takes a connection back is none of it.
    pub(crate) fn take_trips(&self) -> usize {
        std::mem::take(&mut *self.shared.sent.lock().expect("no test panicked")).of_steps
    }

    /// Lets the held message pass, and all after it.
    pub(crate) fn go_on(&self) {
        self.plan(Plan::Pass);
        self.shared.goes_on.notify_waiters();
    }
}

impl Shared {
    fn count(&self, of_step: bool) {
        let mut sent = self.sent.lock().expect("no test panicked");
        sent.all += 1;
        if of_step {
            sent.of_steps = sent.all;
        }
    }

    fn plan(&self) -> Plan {
        *self.plan.lock().expect("no test panicked")
    }

    /// Counts a message, and holds it when it is its turn.
    async fn pass(&self) {
        let goes_on = self.goes_on.notified(); // from here on it cannot be missed
        {
            let mut plan = self.plan.lock().expect("no test panicked");
            match *plan {
                Plan::HoldAfter(0) => *plan = Plan::Held,
                Plan::HoldAfter(more) => {
                    *plan = Plan::HoldAfter(more - 1);
                    return;
                }
                _ => return,
            }
        }
        goes_on.await;
    }
}

async fn relay(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let losing = Arc::new(Losing::default());
    let answers = tokio::spawn(answers(server_in, client_out, Arc::clone(&losing)));
    questions(client_in, server_out, &shared, &losing).await;
    answers.abort(); // this connection is cut, and no other
}

/// Passes whole batches: what a client sends before it waits for an answer.
async fn questions(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    losing: &Losing,
) {
    let mut batch = Vec::new();
    let Some(()) = read_body(&mut from, &mut batch).await else {
        return; // the greeting has no letter
    };
    loop {
        if to.write_all(&batch).await.is_err() {
            return;
        }
        batch.clear();
        loop {
            let start = batch.len();
            let Ok(letter) = from.read_u8().await else {
                return;
            };
            batch.push(letter);
            let Some(()) = read_body(&mut from, &mut batch).await else {
                return;
            };
            let text = &batch[start..];
            let plan = shared.plan();
            if letter == b'Q' && text[5..].starts_with(b"COMMIT") {
                match plan {
                    Plan::CutBeforeCommit => return,
                    Plan::CutAfterCommit => {
                        losing.armed.store(true, Ordering::SeqCst);
                        let _ = to.write_all(&batch).await;
                        losing.lost.notified().await; // the answer has come
                        return;
                    }
                    _ => {}
                }
            }
            if matches!(letter, b'Q' | b'S') {
                break; // the client now waits
            }
        }
        let of_step = batch[0] != b'S';
        let executes = batch[0] == b'B'; // and is not the first meeting of a connection with a statement
        shared.count(of_step);
        match shared.plan() {
            Plan::CutBeforeNext if executes => return,
            Plan::CutAfterNext if executes => {
                losing.armed.store(true, Ordering::SeqCst);
                let _ = to.write_all(&batch).await;
                losing.lost.notified().await; // the answer has come
                return;
            }
            _ => {}
        }
        if of_step {
            shared.pass().await;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, losing: Arc<Losing>) {
    let mut buffer = [0; 8192];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        if losing.armed.load(Ordering::SeqCst) {
            losing.lost.notify_one();
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Reads a length, which counts itself, and what it measures.
async fn read_body(from: &mut OwnedReadHalf, into: &mut Vec<u8>) -> Option<()> {
    let length = from.read_u32().await.ok()?;
    into.extend(length.to_be_bytes());
    let start = into.len();
    into.resize(start + length as usize - 4, 0);
    from.read_exact(&mut into[start..]).await.ok()?;
    Some(())
}
