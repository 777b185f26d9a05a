//! The counter of one process.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use picora_core::AccountId;

use crate::batch::posting;
use crate::shard::Shard;
use crate::{Batch, Delivery, MeterId};

/// Adds up what this process really sent, by account, dimension and month, until it is posted.
///
/// Recording takes one lock of 64 and two lookups. [`OriginMeter::fold`] takes what was counted into a numbered batch; until that is
/// acknowledged, every fold answers the same batch with the same keys, while new traffic is counted behind it. So a posting that failed,
/// or whose answer was lost, is posted again: nothing counts twice, and nothing is lost while the process lives.
///
/// **Units**: bytes. **Boundaries**: the UTC month of the sending decides (C25); an access is news when the last news of the asset is an
/// hour or more ago (C49). **Errors**: none. **State**: in memory; killed, it loses what was recorded since the last fold that was
/// posted, at most a minute at one fold a minute. **Source**: #43, #130–#133, C23.
///
/// Memory: one entry for each active account, dimension and month between folds, and one for each asset seen within an hour.
#[derive(Debug)]
pub struct OriginMeter {
    id: MeterId,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    handed_out: Mutex<HandedOut>,
}

/// The batch that waits for its acknowledgement, and the number of the last one.
#[derive(Debug, Default)]
struct HandedOut {
    number: u64,
    pending: Option<Arc<Batch>>,
}

impl OriginMeter {
    /// A meter for this run of this process.
    #[must_use]
    pub fn new(id: MeterId) -> Self {
        Self {
            id,
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            handed_out: Mutex::default(),
        }
    }

    /// Counts a delivery. Documents count for no dimension, but are seen.
    pub fn record(&self, delivery: &Delivery) {
        hold(self.shard(delivery.account)).record(delivery);
    }

    /// The batch to post now: the one that is not acknowledged yet, else all that was recorded since; `None` when there is nothing.
    ///
    /// A posting that the ledger refuses for good (an erased account) must not hold up the others: post the rest, log it, and
    /// acknowledge.
    #[must_use]
    pub fn fold(&self) -> Option<Arc<Batch>> {
        let mut handed_out = hold(&self.handed_out);
        if handed_out.pending.is_none() {
            handed_out.pending = self.take(handed_out.number + 1).map(Arc::new);
            handed_out.number += u64::from(handed_out.pending.is_some());
        }
        handed_out.pending.clone()
    }

    /// Says that everything of this batch is durable; the next fold takes a new one. Another number than the pending one changes
    /// nothing, so that an acknowledgement may come late or twice.
    pub fn acknowledge(&self, number: u64) {
        let mut handed_out = hold(&self.handed_out);
        handed_out.pending.take_if(|batch| batch.number == number);
    }

    fn take(&self, number: u64) -> Option<Batch> {
        let (mut sums, mut accesses) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            hold(shard).drain_into(&mut sums, &mut accesses);
        }
        if sums.is_empty() && accesses.is_empty() {
            return None;
        }
        sums.sort_unstable_by_key(|(counter, _)| *counter);
        accesses.sort_unstable();
        let postings = sums
            .into_iter()
            .map(|(counter, sum)| posting(self.id, number, counter, sum));
        Some(Batch {
            number,
            postings: postings.collect(),
            accesses,
        })
    }

    fn shard(&self, account: AccountId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(account);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)] // below the number of shards
    }
}

/// A panic elsewhere cannot have left half a count: each lock is held for plain additions.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enough that two of a handful of threads seldom meet.
const SHARDS: usize = 64;

#[cfg(test)]
mod tests;
