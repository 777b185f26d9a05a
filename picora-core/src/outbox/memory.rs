//! The ports on a store in memory whose state holds a [`MessageBook`].

use std::time::Duration;

use async_trait::async_trait;

use super::{Claimed, Message, MessageBook, Outbox, OutboxIn, Topic};
use crate::memory::{MemoryStore, MemoryTx};
use crate::{AccountId, StoreError, StoreErrorKind, Timestamp};

impl AsRef<Self> for MessageBook {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for MessageBook {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

#[async_trait]
impl<S: AsRef<MessageBook> + AsMut<MessageBook> + Send> Outbox for MemoryStore<S> {
    async fn claim(
        &self,
        topic: Topic,
        most: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        Ok(self.with(|state| state.as_mut().claim(topic, most, lease, now)))
    }

    async fn done(&self, claimed: &Claimed, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.with(|state| state.as_mut().done(claimed, now)))
    }

    async fn postpone(
        &self,
        claimed: &Claimed,
        until: Timestamp,
        reason: &str,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.with(|state| state.as_mut().postpone(claimed, until, reason)))
    }

    async fn give_up(
        &self,
        claimed: &Claimed,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.with(|state| state.as_mut().give_up(claimed, reason, now)))
    }

    async fn unsent(&self, topic: Topic, older_than: Timestamp) -> Result<u64, StoreError> {
        Ok(self.read(|state| state.as_ref().unsent(topic, older_than)))
    }

    async fn prune(&self, most: u32, done_before: Timestamp) -> Result<u32, StoreError> {
        Ok(self.with(|state| state.as_mut().prune(most, done_before)))
    }
}

#[async_trait]
impl<S: AsRef<MessageBook> + AsMut<MessageBook> + Send> OutboxIn<MemoryTx<S>> for MemoryStore<S> {
    async fn put_in(&self, tx: &mut MemoryTx<S>, message: &Message) -> Result<bool, StoreError> {
        if message.body.contains('\0') {
            let error = StoreError::new(StoreErrorKind::Unsupported, "memory", "put a message");
            return Err(error.caused_by("the body has a NUL"));
        }
        Ok(tx.state.as_mut().put(message))
    }

    async fn erase_in(
        &self,
        tx: &mut MemoryTx<S>,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError> {
        tx.state.as_mut().erase(account, tombstone);
        Ok(())
    }
}
