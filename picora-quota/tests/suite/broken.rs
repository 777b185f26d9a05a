//! Each promise is seen to catch the ledger that breaks it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use picora_core::memory::MemoryStore;
use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError,
    Timestamp,
};
use picora_quota::conformance::{admission, history, life, limits};
use picora_quota::{
    AccountFacts, Adjusted, Adjustment, Alert, Books, Extended, HistoryPoint, HistoryQuery, Items,
    Ledger, LedgerReports, Posted, Recount, Recounted, RequestHash, Reservation, Reserve, Reserved,
    Settled, UsageLine,
};

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    AdmitsOneMore,
    BeatsForever,
    ChargesEachDimensionAlone,
    CommitsAll,
    DropsUsageOnPlanChange,
    ExpiresLate,
    ForgetsIds,
    ForgetsOutcomesEarly,
    GrowsByTotals,
    KeepsReleased,
    LosesPostingKeys,
    PostsIntoNow,
    UnboundedOpenReservations,
}

struct Broken {
    inner: MemoryStore<Books>,
    fault: Fault,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

/// A name that nobody has used, made from one that somebody has.
fn renamed(id: ReservationId, salt: u8) -> ReservationId {
    let mut bytes = *id.as_bytes();
    bytes[0] = bytes[0].wrapping_add(salt);
    ReservationId::from_bytes(bytes)
}

#[async_trait]
impl Ledger for Broken {
    async fn reserve(&self, request: &Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
        let mut request = request.clone();
        if self.has(Fault::ForgetsIds) {
            request.request = RequestHash::default();
            let fresh = (1..=255).map(|salt| renamed(request.id, salt));
            for id in fresh {
                if self.inner.reservation(id).await?.is_none() {
                    request.id = id;
                    break;
                }
            }
        }
        if self.has(Fault::ChargesEachDimensionAlone) {
            let mut last = None;
            for (salt, item) in request.items.iter().enumerate() {
                let salt = u8::try_from(salt).unwrap();
                let alone = Reserve {
                    id: renamed(request.id, salt),
                    items: Items::new([*item]).unwrap(),
                    ..request.clone()
                };
                let answer = self.inner.reserve(&alone, now).await?;
                if !matches!(last, Some(Reserved::Denied(_))) {
                    last = Some(answer);
                }
            }
            return Ok(last.unwrap());
        }
        self.inner.reserve(&request, now).await
    }
    async fn extend(
        &self,
        id: ReservationId,
        totals: &Items,
        now: Timestamp,
    ) -> Result<Extended, StoreError> {
        if self.has(Fault::GrowsByTotals)
            && let Some(held) = self.inner.reservation(id).await?
        {
            let sums = totals.iter().map(|item| {
                let held = held.amount_of(item.dimension);
                picora_quota::Item {
                    amount: item.amount.checked_add(held).unwrap(),
                    ..*item
                }
            });
            return self.inner.extend(id, &Items::new(sums).unwrap(), now).await;
        }
        self.inner.extend(id, totals, now).await
    }
    async fn commit(
        &self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let now = if self.has(Fault::ExpiresLate) {
            now.saturating_sub(Duration::from_micros(1))
        } else {
            now
        };
        self.inner
            .commit(
                id,
                if self.has(Fault::CommitsAll) {
                    &[]
                } else {
                    actual
                },
                now,
            )
            .await
    }
    async fn release(&self, id: ReservationId, now: Timestamp) -> Result<Settled, StoreError> {
        if self.has(Fault::KeepsReleased) {
            return self.inner.commit(id, &[], now).await;
        }
        self.inner.release(id, now).await
    }
    async fn heartbeat(
        &self,
        id: ReservationId,
        expires_after: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let end = self.inner.heartbeat(id, expires_after, now).await?;
        Ok(if self.has(Fault::BeatsForever) {
            Some(now.saturating_add(expires_after))
        } else {
            end
        })
    }
    async fn post(&self, posting: &Posting, now: Timestamp) -> Result<Posted, StoreError> {
        let mut posting = posting.clone();
        if self.has(Fault::LosesPostingKeys) {
            posting.key = picora_core::PostingKey::new(
                "salt",
                &self.inner.read(|books| format!("{books:?}").len()),
            );
        }
        if self.has(Fault::PostsIntoNow) {
            posting.happened_at = now;
        }
        self.inner.post(&posting, now).await
    }
    async fn set_limits(&self, limits: &SetLimits, now: Timestamp) -> Result<(), StoreError> {
        let mut limits = limits.clone();
        if self.has(Fault::AdmitsOneMore) {
            for dimension in Dimension::ALL {
                if let Some(max) = limits.limits.of(dimension).max() {
                    let more = picora_core::Limit::Max(max.checked_add(Amount::ONE).unwrap());
                    limits.limits = limits.limits.with(dimension, more);
                }
            }
        }
        if self.has(Fault::UnboundedOpenReservations) {
            limits.open_reservations = Amount::MAX;
        }
        if self.has(Fault::DropsUsageOnPlanChange) {
            self.inner.with(|books| books.erase(limits.account));
        }
        self.inner.set_limits(&limits, now).await
    }
    async fn adjust(
        &self,
        adjustment: &Adjustment,
        now: Timestamp,
    ) -> Result<Adjusted, StoreError> {
        self.inner.adjust(adjustment, now).await
    }
    async fn withdraw(
        &self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.withdraw(account, id, now).await
    }
    async fn refresh(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        self.inner.refresh(most, now).await
    }
    async fn correct(&self, recount: &Recount, now: Timestamp) -> Result<Recounted, StoreError> {
        self.inner.correct(recount, now).await
    }
    async fn usage(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<UsageLine>, StoreError> {
        self.inner.usage(account, now).await
    }
    async fn reservation(&self, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
        self.inner.reservation(id).await
    }
    async fn sweep(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        self.inner.sweep(most, now).await
    }
    async fn prune(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let early = if self.has(Fault::ForgetsOutcomesEarly) {
            Duration::from_secs(60)
        } else {
            Duration::ZERO
        };
        self.inner.prune(most, now.saturating_add(early)).await
    }
}

#[async_trait]
impl LedgerReports for Broken {
    async fn adjustments(&self, account: AccountId) -> Result<Vec<Adjustment>, StoreError> {
        self.inner.adjustments(account).await
    }
    async fn alerts(&self, account: AccountId) -> Result<Vec<Alert>, StoreError> {
        self.inner.alerts(account).await
    }
    async fn history(
        &self,
        account: AccountId,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, StoreError> {
        self.inner.history(account, query).await
    }
    async fn roll_up(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        self.inner.roll_up(most, now).await
    }
    async fn accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.inner.accounts(after, most).await
    }
    async fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, StoreError> {
        self.inner.facts(account, now).await
    }
}

/// The promise holds on a sound ledger and fails on the one with this fault.
macro_rules! catches {
    ($($name:ident: $fault:ident by $module:ident::$promise:ident;)+) => {$(
        #[test]
        fn $name() {
            let broken = Broken { inner: MemoryStore::new(Books::default()), fault: Fault::$fault };
            let run = catch_unwind(AssertUnwindSafe(|| block_on($module::$promise(&broken))));
            assert!(run.is_err(), "{} does not notice {:?}", stringify!($promise), Fault::$fault);
        }
    )+};
}

catches! {
    one_too_many: AdmitsOneMore by admission::admits_up_to_the_limit_and_not_past_it;
    one_too_many_at_once: AdmitsOneMore by admission::admits_exactly_what_fits_under_concurrency;
    one_too_many_in_a_range: AdmitsOneMore by admission::grants_what_remains_between_least_and_most;
    one_too_many_single_item: AdmitsOneMore by admission::checks_single_items_and_keeps_nothing;
    partial_charges: ChargesEachDimensionAlone by admission::charges_all_dimensions_or_none;
    only_one_limit_told: ChargesEachDimensionAlone by admission::tells_the_strictest_limit_first;
    forgotten_ids: ForgetsIds by admission::repeats_the_answer_of_a_repeated_id;
    endless_uploads: UnboundedOpenReservations by admission::bounds_open_reservations;
    overcharged_commits: CommitsAll by life::commits_what_really_came;
    commits_beyond_the_grant: CommitsAll by life::refuses_to_commit_more_than_granted;
    kept_after_release: KeepsReleased by life::gives_back_on_release;
    resolved_twice: KeepsReleased by life::resolves_once;
    late_commits: ExpiresLate by life::expires_at_its_time;
    endless_heartbeats: BeatsForever by life::lives_by_heartbeats_but_not_for_ever;
    growth_by_increments: GrowsByTotals by life::grows_to_totals;
    refused_growth_that_grows: AdmitsOneMore by life::keeps_what_it_held_when_it_may_not_grow;
    early_forgetting: ForgetsOutcomesEarly by life::forgets_outcomes_after_a_day;
    usage_lost_by_a_plan_change: DropsUsageOnPlanChange by limits::keeps_usage_when_a_plan_changes;
    double_postings: LosesPostingKeys by limits::posts_once;
    postings_into_the_wrong_month: PostsIntoNow by limits::posts_into_the_window_of_the_event;
    disagreement_with_the_books: AdmitsOneMore by history::agrees_with_the_books;
}
