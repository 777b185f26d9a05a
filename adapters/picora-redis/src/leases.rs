//! What hot subjects may spend without asking.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use picora_ratelimit::{Asked, Check, Decision, Lease, SubjectKey};

/// The leases of a process, each for one set of subjects.
#[derive(Debug)]
pub(crate) struct Leases {
    most: usize,
    held: Mutex<HashMap<Set, Arc<Held>>>,
}

/// The home and the subjects, in the order of the check.
type Set = (SubjectKey, Vec<SubjectKey>);

/// A lease, and the turn of whoever asks for the next one.
#[derive(Debug, Default)]
pub(crate) struct Held {
    lease: Mutex<Lease>,
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Calls for a lease that brought none: whoever has waited for one of them does not make the next.
    failures: AtomicU64,
}

/// A call for a lease that is under way; dropped without an end, it has failed.
#[derive(Debug)]
pub(crate) struct Attempt<'h>(Option<&'h Held>);

impl Attempt<'_> {
    pub(crate) fn succeeded(mut self) {
        self.0 = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.0 {
            held.failures.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Leases {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
        }
    }

    /// The lease of a check's subjects, if its policies are leased; none also when there are too many leases that still count.
    pub(crate) fn of(&self, check: &Check<'_>, now: Duration) -> Option<Arc<Held>> {
        check.lease()?;
        let set = (check.home(), check.subjects().map(|it| it.key).collect());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.get(&set) {
            return Some(Arc::clone(known));
        }
        if held.len() >= self.most {
            held.retain(|_, it| it.hold().over_at() > now);
        }
        (held.len() < self.most).then(|| Arc::clone(held.entry(set).or_default()))
    }

    /// Forgets the leases of a home, after a reset of a subject there.
    pub(crate) fn forget(&self, home: SubjectKey) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(of, _), _| *of != home);
    }
}

impl Held {
    /// What can be decided without asking; none when Redis must be asked.
    pub(crate) fn decide<'a>(&self, check: &Check<'a>, now: Duration) -> Option<Decision<'a>> {
        let mut lease = self.hold();
        if lease.must_ask(check, now) {
            return None;
        }
        match lease.ask(check, now) {
            Asked::Decided(decision) => Some(decision),
            Asked::Ask { .. } => None,
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }

    pub(crate) const fn attempt(&self) -> Attempt<'_> {
        Attempt(Some(self))
    }

    pub(crate) fn hold(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
