//! Each promise is seen to catch the ledger that breaks it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use picora_core::memory::MemoryStore;
use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Posting, PostingKey, ReservationId, SetLimits,
    StoreError, Tally, Timestamp,
};
use picora_quota::conformance::{
    self, adjustments, admission, alerts, changes, clock, history, life, limits, past, recount,
    tallies, transactions,
};
use picora_quota::{
    Adjusted, Adjustment, Alert, Books, Extended, Items, Ledger, LedgerReports, LimitChange,
    Posted, Recount, Recounted, RequestHash, Reservation, Reserve, Reserved, Settled, UsageLine,
};

mod reports;
mod transaction;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    AdjustsAnew,
    AdmitsOneMore,
    BeatsForever,
    BelievesAnyClock,
    BelievesAnyCount,
    ChargesEachDimensionAlone,
    ClampsLimits,
    ClampsRecounts,
    CommitsAll,
    CorrectsBlindly,
    CorrectsTwice,
    CountsTheLastHourForTomorrow,
    DropsTallies,
    DropsUsageOnPlanChange,
    ErasesNothing,
    ExpiresLate,
    FirstOverrideStands,
    FollowsTheClockBack,
    ForgetsIds,
    ForgetsOutcomesEarly,
    GrantsLate,
    GrantsPastTheEnd,
    GrantsReplace,
    GrowsByTotals,
    KeepsReleased,
    LosesInTransactions,
    LosesPostingKeys,
    LosesWhatItRollsUp,
    MarksAllAlike,
    MarksEveryCall,
    MarksNoDays,
    MarksUsedOnly,
    MovesThePoolAlone,
    NeverArms,
    NeverRefreshes,
    PostsIntoNow,
    RecountsWindows,
    RollsUpEarly,
    ShowsStaleLimits,
    TakesMalformed,
    TakesStrangeTallies,
    TellsEveryLevel,
    TellsForever,
    TellsNoLevels,
    TellsNothingOfLimits,
    TellsOfWhatIsHeld,
    TellsOncePerLevel,
    TellsTwice,
    UnboundedOpenReservations,
    UnlimitedIsALimit,
    WithdrawsInWords,
    WritesThrough,
}

pub(super) struct Broken {
    inner: MemoryStore<Books>,
    fault: Fault,
    seen: Mutex<Seen>,
}

/// What a wrong ledger remembers beside its books.
#[derive(Default)]
struct Seen {
    latest: Timestamp,
    marks: u64,
    rolled_up: bool,
    told_anyway: Vec<Alert>,
    untold: Vec<String>,
}

impl Broken {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            inner: MemoryStore::new(Books::default()),
            fault,
            seen: Mutex::default(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// What it takes for the present.
    fn clock(&self, now: Timestamp) -> Timestamp {
        let mut seen = self.seen();
        let back = now < seen.latest;
        seen.latest = seen.latest.max(now);
        if back && self.has(Fault::FollowsTheClockBack) {
            return now.saturating_sub(Duration::from_secs(25 * 3_600)); // too far for its books to see the later window
        }
        if back && self.has(Fault::BelievesAnyClock) {
            return seen.latest;
        }
        now
    }

    fn key_of_its_own(&self, why: &str) -> PostingKey {
        PostingKey::new(why, &self.inner.read(|books| format!("{books:?}").len()))
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
        let now = self.clock(now);
        if self.has(Fault::DropsTallies) {
            request.tally = None;
        }
        if self.has(Fault::TellsOfWhatIsHeld) {
            self.tell_of_what_is_held(&request, now);
        }
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
            posting.key = self.key_of_its_own("salt");
        }
        if self.has(Fault::PostsIntoNow) {
            posting.happened_at = now;
        }
        let strange = |tally: Tally| tally.dimension() != posting.dimension;
        if self.has(Fault::TakesStrangeTallies) && posting.tally.is_some_and(strange) {
            posting.tally = None;
        }
        let closing = Duration::from_secs(if self.has(Fault::TellsForever) {
            2 * 3_600
        } else {
            0
        });
        let posted = self.inner.post(&posting, now.saturating_sub(closing)).await;
        if self.has(Fault::MovesThePoolAlone) && posted.is_err() {
            posting.tally = None;
            return self.inner.post(&posting, now).await;
        }
        posted
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
        if self.has(Fault::UnlimitedIsALimit) {
            for dimension in Dimension::ALL {
                if limits.limits.of(dimension).max().is_none() {
                    let most = picora_core::Limit::Max(Amount::MAX);
                    limits.limits = limits.limits.with(dimension, most);
                }
            }
        }
        if self.has(Fault::UnboundedOpenReservations) {
            limits.open_reservations = Amount::MAX;
        }
        if self.has(Fault::DropsUsageOnPlanChange) {
            self.inner.with(|books| books.erase(limits.account));
        }
        let before = self.inner.alerts(limits.account).await?.len();
        self.inner.set_limits(&limits, now).await?;
        if self.has(Fault::TellsNothingOfLimits) {
            let alerts = self.inner.alerts(limits.account).await?;
            let new = alerts.iter().skip(before).map(Alert::key);
            self.seen().untold.extend(new);
        }
        Ok(())
    }
    async fn adjust(
        &self,
        adjustment: &Adjustment,
        now: Timestamp,
    ) -> Result<Adjusted, StoreError> {
        let micro = Duration::from_micros(1);
        let mut adjustment = adjustment.clone();
        let kept = self.inner.adjustments(adjustment.account).await?;
        match (self.fault, adjustment.change) {
            (Fault::AdjustsAnew, _) => {
                let number = u128::try_from(kept.len()).unwrap();
                adjustment.id = AdjustmentId::from_bytes((number << 64).to_be_bytes());
            }
            (Fault::FirstOverrideStands, LimitChange::Override(_)) if !kept.is_empty() => {
                return Ok(Adjusted::Done);
            }
            (Fault::GrantsLate, _) => adjustment.from = adjustment.from.saturating_add(micro),
            (Fault::GrantsPastTheEnd, _) => {
                adjustment.until = adjustment.until.map(|until| until.saturating_add(micro));
            }
            (Fault::GrantsReplace, LimitChange::Grant(more)) => {
                adjustment.change = LimitChange::Override(picora_core::Limit::Max(more));
            }
            (Fault::TakesMalformed, _) => {
                let from = adjustment.from.saturating_add(micro);
                adjustment.until = adjustment.until.map(|until| until.max(from));
            }
            _ => {}
        }
        let adjusted = self.inner.adjust(&adjustment, now).await;
        if self.has(Fault::ClampsLimits) && adjusted.is_err() {
            adjustment.change = LimitChange::Override(picora_core::Limit::Max(Amount::MAX));
            return self.inner.adjust(&adjustment, now).await;
        }
        adjusted
    }
    async fn withdraw(
        &self,
        account: AccountId,
        id: AdjustmentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.has(Fault::WithdrawsInWords) {
            let withdrawn = |books: &Books| books.clone().withdraw(account, id, now);
            return Ok(self.inner.read(withdrawn).unwrap());
        }
        self.inner.withdraw(account, id, now).await
    }
    async fn refresh(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        if self.has(Fault::NeverRefreshes) {
            return Ok(0);
        }
        self.inner.refresh(most, now).await
    }
    async fn correct(&self, recount: &Recount, now: Timestamp) -> Result<Recounted, StoreError> {
        let mut recount = recount.clone();
        match (self.fault, recount.cell()) {
            (Fault::BelievesAnyCount, _) => recount.force = true,
            (Fault::CorrectsBlindly, Some(cell)) => {
                let seen = |books: &Books| books.seen(recount.account, cell.counter);
                recount.seen.moves = self.inner.read(seen).moves;
            }
            (Fault::CorrectsTwice, _) => recount.key = self.key_of_its_own("again"),
            (Fault::RecountsWindows, None) => return Ok(Recounted::Even),
            _ => {}
        }
        let corrected = self.inner.correct(&recount, now).await;
        if self.has(Fault::ClampsRecounts) && corrected.is_err() {
            return Ok(Recounted::Even);
        }
        corrected
    }
    async fn usage(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<UsageLine>, StoreError> {
        let now = self.clock(now);
        let stale = self.has(Fault::ShowsStaleLimits);
        let now = if stale { conformance::NOW } else { now };
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

/// The promise holds on a sound ledger and fails on the one with this fault.
macro_rules! catches {
    ($($name:ident: $fault:ident by $module:ident::$promise:ident;)+) => {$(
        #[test]
        fn $name() {
            let broken = Broken::new(Fault::$fault);
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
    late_grants: GrantsLate by adjustments::grants_to_the_microsecond;
    endless_grants: GrantsPastTheEnd by adjustments::grants_to_the_microsecond;
    an_override_of_yesterday: FirstOverrideStands by adjustments::takes_the_latest_override;
    grants_in_place_of_limits: GrantsReplace by adjustments::adds_grants_to_overrides;
    grants_that_linger: WithdrawsInWords by adjustments::withdraws_at_once;
    double_grants: AdjustsAnew by adjustments::adds_an_adjustment_once;
    grants_that_end_first: TakesMalformed by adjustments::refuses_malformed_adjustments;
    grants_lost_by_a_plan_change: DropsUsageOnPlanChange by adjustments::keeps_adjustments_when_a_plan_changes;
    clamped_limits: ClampsLimits by adjustments::refuses_limits_above_the_range;
    stale_limits: ShowsStaleLimits by adjustments::shows_the_limit_of_the_moment;
    limits_never_refreshed: NeverRefreshes by adjustments::shows_the_limit_of_the_moment;
    double_alerts: TellsTwice by alerts::tells_each_level_once;
    double_alerts_under_load: TellsTwice by alerts::tells_once_under_concurrency;
    alerts_of_every_level: TellsEveryLevel by alerts::tells_the_highest_of_several_levels;
    alerts_of_what_is_held: TellsOfWhatIsHeld by alerts::tells_of_what_is_used_not_of_what_is_held;
    silent_downgrades: TellsNothingOfLimits by alerts::tells_when_a_limit_is_lowered_and_arms_when_it_is_raised;
    silent_ends_of_grants: NeverRefreshes by alerts::tells_when_a_grant_ends;
    alerts_once_in_a_life: NeverArms by alerts::arms_a_level_five_points_below_it;
    alerts_once_for_all_months: TellsOncePerLevel by alerts::tells_anew_in_a_new_window;
    alerts_of_closed_months: TellsForever by alerts::tells_of_a_window_until_two_hours_after_it;
    alerts_of_no_limit: UnlimitedIsALimit by alerts::never_tells_of_what_is_unlimited;
    alerts_of_what_never_was: WritesThrough by alerts::tells_nothing_of_a_dropped_transaction;
    a_past_without_levels: TellsNoLevels by past::tells_hours_days_and_months;
    late_facts_in_the_wrong_hour: PostsIntoNow by past::counts_a_late_fact_for_its_own_hour;
    late_commits_in_the_wrong_day: CountsTheLastHourForTomorrow by past::counts_a_late_commit_for_the_day_of_its_reservation;
    a_past_rolled_up_early: RollsUpEarly by past::rolls_up_without_changing_days_and_months;
    a_past_lost_by_rolling_up: LosesWhatItRollsUp by past::rolls_up_without_changing_days_and_months;
    double_corrections: CorrectsTwice by recount::corrects_the_difference_once;
    stale_corrections: CorrectsBlindly by recount::refuses_a_stale_recount;
    implausible_corrections: BelievesAnyCount by recount::refuses_an_implausible_recount_without_force;
    recounted_windows: RecountsWindows by recount::recounts_no_windows;
    clamped_corrections: ClampsRecounts by recount::keeps_recounts_in_range;
    audio_without_a_tally: DropsTallies by tallies::moves_audio_with_its_pool;
    a_pool_without_its_tally: MovesThePoolAlone by tallies::moves_pool_and_tally_or_neither;
    strange_tallies: TakesStrangeTallies by tallies::refuses_a_tally_of_another_dimension;
    unmarked_reservations: MarksUsedOnly by changes::marks_every_change;
    marks_of_nothing: MarksEveryCall by changes::keeps_the_mark_when_nothing_changes;
    marks_without_days: MarksNoDays by changes::marks_a_new_day;
    marks_of_others: MarksAllAlike by changes::marks_each_account_by_itself;
    windows_opened_again: FollowsTheClockBack by clock::goes_on_in_the_new_window_when_the_clock_steps_back;
    windows_reopened: FollowsTheClockBack by clock::leaves_the_old_window_alone_when_the_clock_steps_back;
    windows_of_a_wrong_clock: BelievesAnyClock by clock::takes_no_distant_window_for_the_present;
    half_transactions: WritesThrough by transactions::leaves_nothing_of_a_dropped_transaction;
    lost_transactions: LosesInTransactions by transactions::moves_two_accounts_in_one_transaction;
    unerased_accounts: ErasesNothing by transactions::erases_an_account;
    disagreement_with_the_books: AdmitsOneMore by history::agrees_with_the_books;
}
