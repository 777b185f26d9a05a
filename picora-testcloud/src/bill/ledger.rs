//! What has happened that is charged.

use std::collections::BTreeMap;
use std::time::Duration;

use picora_core::Timestamp;

/// Everything in its order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Objects, each as long as it was the same version in the same class.
    pub stays: Vec<Stay>,
    /// Restored copies beside them.
    pub replicas: Vec<Stay>,
    /// Operations.
    pub acts: Vec<Act>,
    /// Where the last stay of each key is, and its replica.
    open: BTreeMap<String, (usize, Option<usize>)>,
}

/// Bytes that lie in a class for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// By the vendor's name.
    pub class: &'static str,
    /// How many.
    pub bytes: u64,
    /// From when on.
    pub from: Timestamp,
    /// Until when, exclusive; `None` while they lie there.
    pub until: Option<Timestamp>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When it was done.
    pub at: Timestamp,
    /// By the vendor's name.
    pub operation: &'static str,
    /// The class of the object that it was about.
    pub class: &'static str,
    /// Whether it was not refused.
    pub succeeded: bool,
    /// How many bytes of the object it read, for its answer or for a copy.
    pub read_bytes: u64,
    /// How many bytes it began to restore.
    pub restored_bytes: u64,
}

impl Ledger {
    /// Something lies at a key from now on, in place of what lay there.
    pub fn comes(&mut self, key: &str, class: &'static str, bytes: u64, now: Timestamp) {
        self.goes(key, now);
        self.stays.push(Stay {
            class,
            bytes,
            from: now,
            until: None,
        });
        let at = self.stays.len() - 1;
        self.open.insert(key.to_owned(), (at, None));
    }

    /// Nothing lies at a key any more.
    pub fn goes(&mut self, key: &str, now: Timestamp) {
        let Some((stay, replica)) = self.open.remove(key) else {
            return;
        };
        if let Some(stay) = self.stays.get_mut(stay) {
            stay.until = Some(now);
        }
        if let Some(replica) = replica.and_then(|at| self.replicas.get_mut(at)) {
            let until = replica.until.unwrap_or(now).min(now);
            replica.until = Some(until.max(replica.from));
        }
    }

    /// What lies at a key has a readable copy for so long; one that it has already lives so long instead.
    pub fn thaws(&mut self, key: &str, from: Timestamp, lives: Duration) {
        let Some((stay, replica)) = self.open.get_mut(key) else {
            return;
        };
        let until = Some(from.saturating_add(lives));
        let known = replica.and_then(|at| self.replicas.get_mut(at));
        if let Some(known) = known.filter(|known| known.from == from) {
            known.until = until;
            return;
        }
        let Some(stay) = self.stays.get(*stay) else {
            return;
        };
        self.replicas.push(Stay {
            from,
            until,
            ..stay.clone()
        });
        *replica = Some(self.replicas.len() - 1);
    }
}
