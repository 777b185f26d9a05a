//! The port of an echo.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{AccountId, Amount, CalendarMonth, StoreError, StoreErrorKind, Timestamp};

use super::{Marker, Slot, Snapshot, StatusLife};

/// A place to which snapshots are copied. It cannot say yes or no to anything.
#[async_trait]
pub trait Echo: Send + Sync + fmt::Debug {
    /// What it can, and what it costs.
    fn caps(&self) -> EchoCaps;

    /// Writes the [entries](super::entries) of snapshots. At most [`EchoCaps::bulk`] of them, each account once.
    ///
    /// What a higher epoch wrote stays, and is counted as superseded. Publishing again is harmless.
    ///
    /// **Errors**: some of the entries may have been written, whatever the error; publishing the same again is the remedy.
    async fn publish(&self, snapshots: &[Snapshot], now: Timestamp)
    -> Result<Published, EchoError>;

    /// What it holds of an account, the bandwidths of this month. For dashboards and tests; no decision reads it.
    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        now: Timestamp,
    ) -> Result<Standing, EchoError>;

    /// What marks it; none when it is empty, was emptied, or is a new one.
    async fn marker(&self, now: Timestamp) -> Result<Option<Marker>, EchoError>;

    /// Replaces the marker `was` by `by`; false, and nothing done, when another one stands there. As one step where
    /// [`EchoCaps::guard`] is [`Guard::Shared`].
    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        now: Timestamp,
    ) -> Result<bool, EchoError>;
}

/// Forgetting an account that was erased.
#[async_trait]
pub trait EchoErase: Echo {
    /// Removes all keys of an account, and what it keeps beside them. Repeating it is harmless.
    ///
    /// **Boundaries**: months up to the one after `now`'s, and back to the oldest whose keys can still live (C24). Who publishes meanwhile
    /// must have [forgotten](super::Keeper::forget) the account before, or what is under way comes after.
    /// **Errors**: some of the keys may be gone; doing it again is the remedy.
    async fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), EchoError>;
}

/// What is written as one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atomicity {
    /// Nothing: a reader may see some keys of a publication, and for a while older ones again.
    Nothing,
    /// A key with its epoch; a reader may see one key new and another one old.
    Key,
    /// All keys of a snapshot.
    Snapshot,
}

/// Who sees to it that a lower epoch does not replace a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The echo compares, whoever writes.
    Shared,
    /// Each process compares with what it wrote itself: one process may write, or a late one wins until the next change.
    Process,
}

/// What an echo can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoCaps {
    /// Its name in errors.
    pub name: &'static str,
    /// What is written as one step.
    pub atomicity: Atomicity,
    /// Who compares epochs.
    pub guard: Guard,
    /// How old what is read may be after it was written; zero: one reads what was written.
    pub staleness: Duration,
    /// The shortest time to live that a key can have.
    pub shortest_ttl: Duration,
    /// How long a status is kept.
    pub status: StatusLife,
    /// What must lie between two writes of one key.
    pub write_every: Duration,
    /// How many snapshots at most one publication holds.
    pub bulk: usize,
    /// Whether the numbers are published too, or only the status.
    pub publishes_counters: bool,
}

impl EchoCaps {
    /// Whether it writes at least so much as one step; for a shell that needs it, when it is built.
    ///
    /// **Errors**: `Unsupported`, which names the echo and the step.
    pub fn require(&self, needed: Atomicity) -> Result<(), StoreError> {
        if self.atomicity >= needed {
            return Ok(());
        }
        let step = match needed {
            Atomicity::Nothing => "publish",
            Atomicity::Key => "write a key and its epoch as one step",
            Atomicity::Snapshot => "write an account's keys as one step",
        };
        Err(StoreError::new(
            StoreErrorKind::Unsupported,
            self.name,
            step,
        ))
    }
}

/// What became of a publication, in keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Written now.
    pub written: u64,
    /// Left alone, for a higher epoch had written them.
    pub superseded: u64,
    /// Left alone, for they say it already and need no new life.
    pub unchanged: u64,
}

/// What an echo holds of an account. What is missing is not known; it is never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The status.
    pub video_status: Option<String>,
    amounts: [Option<Amount>; Slot::ALL.len()],
}

impl Standing {
    /// Takes the text of each slot, in the order of [`Slot::ALL`]. `None` when a number is not a plain decimal one within range.
    #[must_use]
    pub fn read(texts: impl IntoIterator<Item = Option<String>>) -> Option<Self> {
        let mut standing = Self::default();
        for (slot, text) in Slot::ALL.into_iter().zip(texts) {
            let Some(text) = text else { continue };
            if slot == Slot::VideoStatus {
                standing.video_status = Some(text);
            } else {
                let value: u64 = text.parse().ok()?;
                let plain = value.to_string() == text;
                standing.amounts[slot as usize] = Some(Amount::new(value).ok().filter(|_| plain)?);
            }
        }
        Some(standing)
    }

    /// A number; none when its key is missing.
    #[must_use]
    pub fn amount(&self, slot: Slot) -> Option<Amount> {
        self.amounts[slot as usize]
    }

    /// Whether nothing at all is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why an echo did not do it, and from when on it makes sense to ask again.
#[derive(Debug)]
pub struct EchoError {
    /// What went wrong.
    pub error: StoreError,
    /// The echo will refuse until then.
    pub not_before: Option<Timestamp>,
}

impl From<StoreError> for EchoError {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            not_before: None,
        }
    }
}

impl fmt::Display for EchoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match self.not_before {
            Some(at) => write!(f, "; not before {}", at.to_rfc3339()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for EchoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
