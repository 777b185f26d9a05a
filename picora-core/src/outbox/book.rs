//! The outbox as plain state: what the ports promise, without a database.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Claimed, Message, MessageKey, Topic, reason_kept};
use crate::{AccountId, Timestamp};

/// All messages, in memory. Every method is one step.
#[derive(Clone, Debug, Default)]
pub struct MessageBook {
    entries: BTreeMap<(Topic, MessageKey), Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    account: Option<AccountId>,
    due_at: Timestamp,
    /// From when on it may be claimed: when it is due, then the end of a claim or a postponement.
    next_at: Timestamp,
    attempts: u32,
    fence: u64,
    reason: String,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Open {
        body: String,
    },
    /// Done or given up, and not pruned.
    Ended {
        at: Timestamp,
    },
    /// Only the key is known.
    Bare,
}

impl MessageBook {
    /// See [`OutboxIn::put_in`](super::OutboxIn::put_in).
    pub fn put(&mut self, message: &Message) -> bool {
        let name = (message.topic, message.key.clone());
        if self.entries.contains_key(&name) {
            return false;
        }
        let entry = Entry {
            account: message.account,
            due_at: message.due_at,
            next_at: message.due_at,
            attempts: 0,
            fence: 0,
            reason: String::new(),
            state: State::Open {
                body: message.body.clone(),
            },
        };
        self.entries.insert(name, entry);
        true
    }

    /// See [`OutboxIn::erase_in`](super::OutboxIn::erase_in).
    pub fn erase(&mut self, account: AccountId, tombstone: AccountId) {
        let of_account = |it: &&mut Entry| it.account == Some(account);
        for entry in self.entries.values_mut().filter(of_account) {
            entry.account = Some(tombstone);
            entry.strip();
        }
    }

    /// See [`Outbox::claim`](super::Outbox::claim).
    pub fn claim(
        &mut self,
        topic: Topic,
        most: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Vec<Claimed> {
        let mut due: Vec<_> = self
            .entries
            .iter_mut()
            .filter(|((of, _), entry)| *of == topic && entry.is_due(now))
            .collect();
        due.sort_by(|(one, first), (other, second)| {
            (first.next_at, &one.1).cmp(&(second.next_at, &other.1))
        });
        let until = now.saturating_add(lease);
        due.into_iter()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .filter_map(|((topic, key), entry)| entry.claim(*topic, key, until))
            .collect()
    }

    /// See [`Outbox::done`](super::Outbox::done).
    pub fn done(&mut self, claimed: &Claimed, now: Timestamp) -> bool {
        self.held(claimed).map(|entry| entry.end(now)).is_some()
    }

    /// See [`Outbox::postpone`](super::Outbox::postpone).
    pub fn postpone(&mut self, claimed: &Claimed, until: Timestamp, reason: &str) -> bool {
        let Some(entry) = self.held(claimed) else {
            return false;
        };
        entry.next_at = until;
        entry.fence += 1;
        entry.reason = reason_kept(reason);
        true
    }

    /// See [`Outbox::give_up`](super::Outbox::give_up).
    pub fn give_up(&mut self, claimed: &Claimed, reason: &str, now: Timestamp) -> bool {
        let Some(entry) = self.held(claimed) else {
            return false;
        };
        entry.reason = reason_kept(reason);
        entry.end(now);
        true
    }

    /// See [`Outbox::unsent`](super::Outbox::unsent).
    #[must_use]
    pub fn unsent(&self, topic: Topic, older_than: Timestamp) -> u64 {
        let counted = self.entries.iter().filter(|((of, _), entry)| {
            *of == topic && entry.is_open() && entry.due_at < older_than
        });
        counted.map(|_| 1).sum()
    }

    /// See [`Outbox::prune`](super::Outbox::prune).
    pub fn prune(&mut self, most: u32, done_before: Timestamp) -> u32 {
        let old =
            |entry: &&mut Entry| matches!(entry.state, State::Ended { at } if at < done_before);
        let old = self.entries.values_mut().filter(old);
        let pruned = old.zip(0..most).map(|(entry, _)| entry.strip());
        pruned.map(|()| 1).sum()
    }

    /// The message, while the claim is its last.
    fn held(&mut self, claimed: &Claimed) -> Option<&mut Entry> {
        let name = (claimed.message.topic, claimed.message.key.clone());
        let entry = self.entries.get_mut(&name)?;
        (entry.is_open() && entry.fence == claimed.fence).then_some(entry)
    }
}

impl Entry {
    const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.is_open() && self.next_at <= now
    }

    fn claim(&mut self, topic: Topic, key: &MessageKey, until: Timestamp) -> Option<Claimed> {
        let State::Open { body } = &self.state else {
            return None;
        };
        self.attempts = self.attempts.saturating_add(1);
        self.fence += 1;
        self.next_at = until;
        let message = Message {
            key: key.clone(),
            topic,
            account: self.account,
            body: body.clone(),
            due_at: self.due_at,
        };
        Some(Claimed {
            message,
            attempt: self.attempts,
            fence: self.fence,
        })
    }

    fn end(&mut self, at: Timestamp) {
        self.state = State::Ended { at };
    }

    fn strip(&mut self) {
        self.reason.clear();
        self.state = State::Bare;
    }
}
