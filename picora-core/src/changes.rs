//! Whether something about an account has changed, for whoever shows it live.

use async_trait::async_trait;

use crate::{AccountId, StoreError, Timestamp};

/// A mark on an account's numbers: it is another one after every change of what the account uses, holds or may use, and when a day or
/// month of usage begins.
///
/// Marks are compared, never ordered.
///
/// ```
/// use picora_core::ChangeMark;
/// assert_ne!(ChangeMark::new("2026-04-24", 7), ChangeMark::new("2026-04-25", 7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangeMark {
    day: String,
    moves: u64,
}

impl ChangeMark {
    /// A mark of the UTC day and of how often the numbers that count on it have moved.
    #[must_use]
    pub fn new(day: &str, moves: u64) -> Self {
        Self {
            day: day.to_owned(),
            moves,
        }
    }
}

/// Tells what has changed, also by another process: a live page polls the accounts that are connected, all in one query.
///
/// **Boundaries**: a change is seen by a read that begins after the change is durable. **Source**: design decision 13, #46, #196.
#[async_trait]
pub trait Changes: Send + Sync {
    /// The marks of these accounts at `now`, in their order; an unknown account has a mark too, which changes when it comes to be.
    ///
    /// **Errors**: [`StoreError`] when they cannot be read; nothing has changed.
    async fn marks(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<ChangeMark>, StoreError>;
}
