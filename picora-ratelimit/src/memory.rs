//! A limiter in the memory of one process.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};

use crate::{Check, Decision, Limiter, Record, SubjectKey, refund, step};

/// Keeps records in sharded hash maps. What it knows is lost with the process.
///
/// A shard holds whole homes, so one lock makes the step on several subjects atomic. Records that say no more than an absent one are
/// swept as new ones come, two visits for each: the maps stay within about twice the live records, no call pauses for a sweep, and a
/// record that still counts is never dropped, however many strangers arrive. A denial writes nothing.
///
/// ```
/// use picora_core::Timestamp;
/// use picora_ratelimit::{Check, Limiter, MemoryLimiter, Subject, SubjectKey, Tier, Tiers};
///
/// let (limiter, tiers) = (MemoryLimiter::new(), Tiers::standard());
/// let subjects = [Subject { key: SubjectKey(1), policy: tiers.of(Tier::Upload) }];
/// let check = Check::new(SubjectKey(1), &subjects, 1)?;
/// let now = Timestamp::from_unix_seconds(1_777_000_000);
/// let allowed = (0..6).filter(|_| limiter.try_decide(&check, now).is_some_and(|decision| decision.is_allowed()));
/// assert_eq!(allowed.count(), 5);
/// # Ok::<(), picora_ratelimit::CheckError>(())
/// ```
#[derive(Debug)]
pub struct MemoryLimiter {
    shards: Box<[Mutex<Shard>]>,
}

impl MemoryLimiter {
    /// A limiter with 64 shards.
    #[must_use]
    pub fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    /// A limiter with so many shards: several for each thread that decides at once.
    #[must_use]
    pub fn with_shards(shards: NonZeroUsize) -> Self {
        let shards = (0..shards.get()).map(|_| Mutex::default()).collect();
        Self { shards }
    }

    /// How many records it holds, for a metric. Shards are counted one after the other.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| hold(shard).records.len())
            .sum()
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shard of the check's home, alone.
    fn shard(&self, check: &Check<'_>) -> MutexGuard<'_, Shard> {
        let home = check.home().0 % self.shards.len() as u128;
        hold(&self.shards[usize::try_from(home).unwrap_or(0)]) // below the number of shards
    }

    fn decide_now(&self, check: &Check<'_>, now: Timestamp) -> Decision {
        let mut shard = self.shard(check);
        let step = step(check, &shard.read(check), now);
        if let Some(records) = step.write {
            shard.write(check, records, now);
        }
        step.decision
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    fn try_decide(&self, check: &Check<'_>, now: Timestamp) -> Option<Decision> {
        Some(self.decide_now(check, now))
    }

    async fn decide(&self, check: &Check<'_>, now: Timestamp) -> Result<Decision, StoreError> {
        Ok(self.decide_now(check, now))
    }

    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut shard = self.shard(check);
        let records = refund(check, &shard.read(check), charged_at, now);
        shard.write(check, records, now);
        Ok(())
    }
}

/// Where a record lives: its home and its subject.
type Place = (SubjectKey, SubjectKey);

/// The records of some homes, and the order in which the sweep visits them: each place once.
#[derive(Debug, Default)]
struct Shard {
    records: HashMap<Place, Record>,
    round: VecDeque<Place>,
}

impl Shard {
    fn read(&self, check: &Check<'_>) -> Vec<Record> {
        let place = |key| (check.home(), key);
        let stored = check
            .subjects()
            .map(|subject| self.records.get(&place(subject.key)));
        stored
            .map(|record| record.cloned().unwrap_or_default())
            .collect()
    }

    fn write(&mut self, check: &Check<'_>, records: Vec<Record>, now: Timestamp) {
        for (subject, record) in check.subjects().zip(records) {
            let place = (check.home(), subject.key);
            if self.records.insert(place, record).is_none() {
                self.round.push_back(place);
                self.sweep(now);
            }
        }
    }

    /// Visits the next few records and drops those that no longer count.
    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..VISITS_PER_INSERT {
            let Some(place) = self.round.pop_front() else {
                return;
            };
            if self
                .records
                .get(&place)
                .is_some_and(|record| record.fresh_from() <= now)
            {
                self.records.remove(&place);
            } else {
                self.round.push_back(place);
            }
        }
    }
}

/// A panic elsewhere cannot have left half a step: a shard is changed only after the step has been decided.
fn hold(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One visit would only keep pace; the second one shrinks a map whose records have been forgotten faster than new ones come.
const VISITS_PER_INSERT: usize = 2;

/// Enough that two of a handful of threads seldom meet.
const SHARDS: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");
