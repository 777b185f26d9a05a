//! Connections that wait for the next mail.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

/// The last few connections, the one used last on top.
pub(super) struct Idle {
    most: usize,
    each: Duration,
    parked: Mutex<Vec<(Connection, Instant)>>,
}

impl Idle {
    pub(super) const fn new(most: usize, each: Duration) -> Self {
        Self {
            most,
            each,
            parked: Mutex::new(Vec::new()),
        }
    }

    /// A connection that has not waited too long; those that have are closed.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut parked = self.parked();
        parked.retain(|(_, since)| since.elapsed() < self.each);
        parked.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection, or closes it when there are enough.
    pub(super) fn keep(&self, connection: Connection) {
        let mut parked = self.parked();
        if parked.len() < self.most {
            parked.push((connection, Instant::now()));
        }
    }

    fn parked(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
