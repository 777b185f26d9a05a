//! A limiter in the memory of one process.

use std::num::NonZeroUsize;

use async_trait::async_trait;
use picora_core::{StoreError, Timestamp};

use crate::{Check, Decision, Limiter, SubjectKey};

use place::{Place, home_of_shard};
use shard::Shard;

mod denied;
mod line;
mod place;
mod shard;
mod sync;
mod table;
mod wide;

/// Keeps records in sharded tables. What it knows is lost with the process.
///
/// A shard holds whole homes, so one lock makes the step on several subjects atomic. A record of up to three limits is one cache line in
/// an open table; those with more limits or with a log live beside it. Records that say no more than an absent one are swept as new ones
/// come, a few places for each: no call pauses for a sweep. A denial writes nothing, and while a key is denied, others who ask for it
/// take no lock.
///
/// **Boundaries**: without a bound, a record that still counts is never dropped, however many strangers arrive. With one
/// ([`MemoryOptions::most_records`]) a newcomer to a full shard takes the place of the record that would have been forgotten soonest of a
/// few that are looked at; [`MemoryLimiter::evicted`] counts them.
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
    shards: Box<[Shard]>,
}

/// How a [`MemoryLimiter`] is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How many shards: so many that threads seldom meet, and that the growth of one moves few records. 1,024 by default, a third of a
    /// MiB when empty.
    pub shards: NonZeroUsize,
    /// How many records at most, spread over the shards; none for no bound, which is the default.
    pub most_records: Option<NonZeroUsize>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            shards: SHARDS,
            most_records: None,
        }
    }
}

impl MemoryLimiter {
    /// A limiter with the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(MemoryOptions::default())
    }

    /// A limiter laid out as told.
    #[must_use]
    pub fn with_options(options: MemoryOptions) -> Self {
        let shards = options.shards.get();
        let each = options
            .most_records
            .map(|most| most.get().div_ceil(shards).max(1));
        let shards = (0..shards).map(|_| Shard::new(each)).collect();
        Self { shards }
    }

    /// How many records it holds, for a metric. Shards are counted one after the other.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.hold().len()).sum()
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records that still counted have given way to newcomers since the start, for a metric: more than a few mean that the bound
    /// is too low.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.hold().evicted()).sum()
    }

    fn shard(&self, home: SubjectKey) -> &Shard {
        &self.shards[home_of_shard(home, self.shards.len())]
    }

    #[inline]
    fn decide_now<'a>(&self, check: &Check<'a>, now: Timestamp) -> Decision<'a> {
        let shard = self.shard(check.home());
        match shard.standing(check, now) {
            Some(denial) => denial.decision(check, now),
            None => shard.decide(check, now),
        }
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    fn try_decide<'a>(&self, check: &Check<'a>, now: Timestamp) -> Option<Decision<'a>> {
        Some(self.decide_now(check, now))
    }

    async fn decide<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        Ok(self.decide_now(check, now))
    }

    async fn peek<'a>(
        &self,
        check: &Check<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, StoreError> {
        let records = self.shard(check.home()).hold();
        Ok(records.settle(check, now).into_decision())
    }

    async fn refund(
        &self,
        check: &Check<'_>,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.shard(check.home()).refund(check, charged_at, now);
        Ok(())
    }

    async fn reset(
        &self,
        home: SubjectKey,
        subject: SubjectKey,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        self.shard(home).forget(Place::of(home, subject));
        Ok(())
    }
}

/// Enough that two of a handful of threads seldom meet, and that the growth of one moves a thousandth of all records.
const SHARDS: NonZeroUsize = NonZeroUsize::new(1_024).expect("1,024 is not zero");
