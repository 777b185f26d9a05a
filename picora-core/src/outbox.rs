//! The outbox: everything that leaves (mail, alerts, calls of providers that must happen) is first a row.
//!
//! A use case puts a [`Message`] in the transaction of its change, so that both become durable or neither. A sender claims what is due,
//! sends it, and says what became of it. Sending is **at least once**: who crashes between sending and [`Outbox::done`] sends again, so the
//! receiver is given the key, too. A claim ends by itself; its *fence* tells a sender that was slow from the one that took over.
//!
//! **State** of a message: open, then done, given up or erased, once. **Source**: design decisions 12 and 13.

use std::time::Duration;

use async_trait::async_trait;

use crate::{StoreError, Timestamp};

#[cfg(feature = "memory")]
mod book;
#[cfg(feature = "memory")]
mod memory;
mod message;

#[cfg(feature = "memory")]
pub use book::MessageBook;
pub use message::{Message, MessageKey, MessageKeyError, Topic, reason_kept};

use crate::AccountId;

/// A message that is ours to send, until the claim runs out and somebody else takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What to send.
    pub message: Message,
    /// The how-manieth try this is, from 1. Tries that crashed count, or a message that kills its sender would be tried for ever.
    pub attempt: u32,
    /// Names this claim. It grows with everything that happens to the message.
    pub fence: u64,
}

/// Putting messages in a caller's transaction.
///
/// **Order of locks**: the outbox comes last in a transaction. Several messages of one transaction are put in the order of their topics
/// and keys, or two transactions might wait for one another.
#[async_trait]
pub trait OutboxIn<T: Send>: Send + Sync {
    /// Puts a message; false when its key was used, and then nothing changes.
    ///
    /// **Boundaries**: a key is used for good, in its topic: also after its message was sent, given up, erased or pruned. A key that
    /// another open transaction has just used is waited for.
    /// **Errors**: kind `Unsupported` for a body with a NUL, which no JSON has; nothing has changed.
    async fn put_in(&self, tx: &mut T, message: &Message) -> Result<bool, StoreError>;

    /// Forgets an account: what was not sent is gone, no body stays, and its keys stay used under the tombstone.
    ///
    /// What is claimed may be on its way already; its sender's `done` then answers false. Transactions that put messages of the account
    /// must exclude this one by a lock that both take earlier (the ledger's `erase_in` takes one): what is put by a transaction that ends
    /// later than this one stays.
    async fn erase_in(
        &self,
        tx: &mut T,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError>;
}

/// Sending what was put. Every method is one whole transaction.
///
#[cfg_attr(feature = "memory", doc = "```")]
#[cfg_attr(not(feature = "memory"), doc = "```ignore")]
/// use picora_core::memory::MemoryStore;
/// use picora_core::outbox::{Message, MessageBook, MessageKey, Outbox, OutboxIn, Topic};
/// use picora_core::{Timestamp, Transact};
/// use std::time::Duration;
///
/// # futures::executor::block_on(async {
/// const MAIL: Topic = Topic::new("mail");
/// let (store, now) = (MemoryStore::new(MessageBook::default()), Timestamp::from_unix_seconds(1_777_000_000));
/// let welcome = Message {
///     key: MessageKey::new("welcome:acc_1")?,
///     topic: MAIL,
///     account: None,
///     body: r#"{"template":"welcome"}"#.to_owned(),
///     due_at: now,
/// };
/// let mut tx = store.begin().await?; // and the change that it tells of
/// assert!(store.put_in(&mut tx, &welcome).await?);
/// assert!(!store.put_in(&mut tx, &welcome).await?, "the key is used");
/// store.finish(tx).await?;
///
/// for claimed in store.claim(MAIL, 10, Duration::from_secs(60), now).await? {
///     // send claimed.message, with its key for the provider
///     assert!(store.done(&claimed, now).await?);
/// }
/// assert!(store.claim(MAIL, 10, Duration::from_secs(60), now).await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims up to `most` messages of a topic that are due and nobody's, for as long as `lease`; the oldest due first, then by key.
    ///
    /// **Boundaries**: due from `due_at` (or the end of a postponement) on, inclusive. A claim that is not answered runs out at
    /// `now + lease`: from that instant on the message is due again. Claimers at once get different messages; none waits for another.
    /// **Errors**: after `Unknown` some may be claimed; they come back when the claim runs out.
    async fn claim(
        &self,
        topic: Topic,
        most: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// It was sent. False when the claim is no longer ours, and then nothing changes.
    ///
    /// A claim that ran out is ours until somebody else takes the message: what was sent late was sent.
    async fn done(&self, claimed: &Claimed, now: Timestamp) -> Result<bool, StoreError>;

    /// It was not sent, and shall be tried again from `until` on. False when the claim is no longer ours, and then nothing changes.
    ///
    /// **State**: the claim is over. The reason is kept for whoever looks, see [`reason_kept`].
    async fn postpone(
        &self,
        claimed: &Claimed,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// It will never be sent. False when the claim is no longer ours, and then nothing changes.
    async fn give_up(
        &self,
        claimed: &Claimed,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How many messages of a topic are open although they were due before `older_than`, however often they were claimed or postponed.
    async fn unsent(&self, topic: Topic, older_than: Timestamp) -> Result<u64, StoreError>;

    /// Forgets bodies and reasons of up to `most` messages, of all topics, that were done or given up before `done_before`; how many.
    ///
    /// **The keys stay, for good**: a key that were forgotten could be sent for again, on the day when somebody replays an old event. It
    /// costs about a hundred bytes per message; what may be large or personal is in the body.
    async fn prune(&self, most: u32, done_before: Timestamp) -> Result<u32, StoreError>;
}
