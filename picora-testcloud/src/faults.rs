//! What goes wrong, and when.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused before anything happens, with this status and the vendor's word for "try later".
    Refuse(u16),
    /// It is refused before anything happens, with this status and this word for it.
    Deny(u16, &'static str),
    /// The connection is closed before anything happens.
    Drop,
    /// It is done, and the connection is closed instead of an answer.
    DoneAndDropped,
    /// It is done so much later, when its connection was closed long before.
    DoneLate(Duration),
    /// Nothing is done, and the answer is 200 with an error as its body.
    ErrorInside,
    /// The answer's body ends after so many bytes.
    Truncated(usize),
}

/// Faults for the requests that come next: each is used once, by the first request of its operation.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<(String, Fault)>>);

impl Faults {
    /// The next request of this operation, by the vendor's name for it such as `CopyObject`, meets this.
    pub fn script(&self, operation: &str, fault: Fault) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((operation.to_owned(), fault));
    }

    /// Takes the fault of a request.
    pub(crate) fn take(&self, operation: &str) -> Option<Fault> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(of, _)| of == operation)?;
        all.remove(at).map(|(_, fault)| fault)
    }
}
