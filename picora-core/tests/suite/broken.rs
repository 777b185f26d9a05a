//! Each promise is seen to catch the store that breaks it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use picora_core::conformance::{claims, leases, messages};
use picora_core::memory::{MemoryStore, MemoryTx};
use picora_core::{
    AccountId, Claimed, Holder, Lease, LeaseName, Leases, LeasesIn, Message, MessageKey, Outbox,
    OutboxIn, StoreError, Timestamp, Topic, Transact,
};

use crate::memory::World;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    ClaimsByKey,
    ClaimsLate,
    ClaimsNeverEnd,
    ClaimsTwice,
    CountsNothing,
    EndsWithTheClaim,
    ErasesNothing,
    ForgetsKeys,
    GuardsAnybody,
    IgnoresNames,
    KeepsDropped,
    KeepsGivenBack,
    KeepsPostponed,
    LeasesEndEarly,
    NewFenceForTheSame,
    OldFence,
    PrunesEarly,
    RenewsAlways,
    SaysYes,
    ShortensByClock,
    TakesNul,
}

struct Broken {
    inner: MemoryStore<World>,
    fault: Fault,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

const MICRO: Duration = Duration::from_micros(1);

#[async_trait]
impl Transact<MemoryTx<World>> for Broken {
    async fn begin(&self) -> Result<MemoryTx<World>, StoreError> {
        self.inner.begin().await
    }
    async fn finish(&self, tx: MemoryTx<World>) -> Result<(), StoreError> {
        if self.has(Fault::KeepsDropped) {
            return Ok(());
        }
        self.inner.finish(tx).await
    }
}

#[async_trait]
impl OutboxIn<MemoryTx<World>> for Broken {
    async fn put_in(
        &self,
        tx: &mut MemoryTx<World>,
        message: &Message,
    ) -> Result<bool, StoreError> {
        let mut message = message.clone();
        if self.has(Fault::TakesNul) {
            message.body = message.body.replace('\0', "");
        }
        if self.has(Fault::KeepsDropped) {
            return Ok(self.inner.with(|world| {
                let book: &mut picora_core::outbox::MessageBook = world.as_mut();
                book.put(&message)
            }));
        }
        let fresh = self.inner.put_in(tx, &message).await?;
        if self.has(Fault::ForgetsKeys) && !fresh {
            message.key = MessageKey::new(format!("{}+", message.key.as_str())).unwrap();
            return self.inner.put_in(tx, &message).await;
        }
        Ok(fresh)
    }
    async fn erase_in(
        &self,
        tx: &mut MemoryTx<World>,
        account: AccountId,
        tombstone: AccountId,
    ) -> Result<(), StoreError> {
        if self.has(Fault::ErasesNothing) {
            return Ok(());
        }
        self.inner.erase_in(tx, account, tombstone).await
    }
}

#[async_trait]
impl Outbox for Broken {
    async fn claim(
        &self,
        topic: Topic,
        most: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let lease = match self.fault {
            Fault::ClaimsTwice => Duration::ZERO,
            Fault::ClaimsNeverEnd => lease * 1_000,
            _ => lease,
        };
        let now = if self.has(Fault::ClaimsLate) {
            now.saturating_sub(MICRO)
        } else {
            now
        };
        let mut claimed = self.inner.claim(topic, most, lease, now).await?;
        if self.has(Fault::ClaimsByKey) {
            claimed.sort_by(|one, other| one.message.key.cmp(&other.message.key));
        }
        Ok(claimed)
    }
    async fn done(&self, claimed: &Claimed, now: Timestamp) -> Result<bool, StoreError> {
        let late = now
            >= claimed
                .message
                .due_at
                .saturating_add(Duration::from_secs(120));
        if self.has(Fault::EndsWithTheClaim) && late {
            return Ok(false);
        }
        Ok(self.inner.done(claimed, now).await? || self.has(Fault::SaysYes))
    }
    async fn postpone(
        &self,
        claimed: &Claimed,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.has(Fault::KeepsPostponed) {
            return Ok(true);
        }
        self.inner.postpone(claimed, until, reason, now).await
    }
    async fn give_up(
        &self,
        claimed: &Claimed,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.give_up(claimed, reason, now).await
    }
    async fn unsent(&self, topic: Topic, older_than: Timestamp) -> Result<u64, StoreError> {
        if self.has(Fault::CountsNothing) {
            return Ok(0);
        }
        self.inner.unsent(topic, older_than).await
    }
    async fn prune(&self, most: u32, done_before: Timestamp) -> Result<u32, StoreError> {
        let early = if self.has(Fault::PrunesEarly) {
            MICRO
        } else {
            Duration::ZERO
        };
        self.inner
            .prune(most, done_before.saturating_add(early))
            .await
    }
}

#[async_trait]
impl Leases for Broken {
    async fn acquire(
        &self,
        name: LeaseName,
        holder: Holder,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let name = if self.has(Fault::IgnoresNames) {
            leases::JOB
        } else {
            name
        };
        let now = if self.has(Fault::LeasesEndEarly) {
            now.saturating_add(MICRO)
        } else {
            now
        };
        let mut lease = self.inner.acquire(name, holder, length, now).await?;
        if let Some(lease) = &mut lease {
            match self.fault {
                Fault::OldFence => lease.fence = 1,
                Fault::NewFenceForTheSame => lease.fence += u64::from(now > leases_start()),
                _ => {}
            }
        }
        Ok(lease)
    }
    async fn renew(
        &self,
        lease: &Lease,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let until = now.saturating_add(length);
        let renewed = self.inner.renew(lease, length, now).await?;
        Ok(match self.fault {
            Fault::RenewsAlways => Some(Lease { until, ..*lease }),
            Fault::ShortensByClock => renewed.map(|it| Lease { until, ..it }),
            _ => renewed,
        })
    }
    async fn give_back(&self, lease: &Lease) -> Result<bool, StoreError> {
        if self.has(Fault::KeepsGivenBack) {
            return Ok(true);
        }
        self.inner.give_back(lease).await
    }
}

fn leases_start() -> Timestamp {
    picora_core::conformance::NOW
}

#[async_trait]
impl LeasesIn<MemoryTx<World>> for Broken {
    async fn guard_in(
        &self,
        tx: &mut MemoryTx<World>,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.has(Fault::GuardsAnybody) || self.inner.guard_in(tx, lease, now).await?)
    }
}

/// The promise fails on the store with this fault.
macro_rules! catches {
    ($($name:ident: $fault:ident by $module:ident::$promise:ident;)+) => {$(
        #[test]
        fn $name() {
            let broken = Broken { inner: MemoryStore::default(), fault: Fault::$fault };
            let run = catch_unwind(AssertUnwindSafe(|| block_on($module::$promise(&broken))));
            assert!(run.is_err(), "{} does not notice {:?}", stringify!($promise), Fault::$fault);
        }
    )+};
}

catches! {
    forgotten_keys: ForgetsKeys by messages::takes_a_key_once;
    written_outside_the_transaction: KeepsDropped by messages::leaves_nothing_of_a_dropped_transaction;
    swallowed_nul: TakesNul by messages::refuses_a_body_with_a_nul;
    uncounted: CountsNothing by messages::counts_what_is_unsent;
    pruned_too_early: PrunesEarly by messages::prunes_what_is_long_done_but_no_key;
    pruned_keys: ForgetsKeys by messages::prunes_what_is_long_done_but_no_key;
    not_erased: ErasesNothing by messages::erases_an_account;
    wrong_order: ClaimsByKey by claims::hands_out_what_is_due_and_the_oldest_first;
    due_too_late: ClaimsLate by claims::hands_out_what_is_due_and_the_oldest_first;
    shared_claims: ClaimsTwice by claims::claims_exclude_one_another_until_they_run_out;
    endless_claims: ClaimsNeverEnd by claims::claims_exclude_one_another_until_they_run_out;
    stale_done: SaysYes by claims::a_stale_claim_changes_nothing;
    refused_late_done: EndsWithTheClaim by claims::takes_a_late_done_while_nobody_else_claimed;
    ended_twice: SaysYes by claims::ends_once;
    never_postponed: KeepsPostponed by claims::postpones;
    two_holders: LeasesEndEarly by leases::has_one_holder_until_the_end;
    fences_that_stand_still: OldFence by leases::grows_the_fence_with_each_holder;
    fences_that_run: NewFenceForTheSame by leases::answers_its_holder_again;
    renewed_after_its_end: RenewsAlways by leases::renews_while_it_runs;
    shortened: ShortensByClock by leases::a_clock_that_steps_back_takes_nothing;
    never_given_back: KeepsGivenBack by leases::gives_back_at_once;
    guards_that_sleep: GuardsAnybody by leases::guards_while_it_is_ours;
    one_lease_for_all: IgnoresNames by leases::keeps_names_apart;
}
