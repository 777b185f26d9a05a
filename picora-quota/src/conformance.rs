//! The suite that every ledger passes.
//!
//! Each promise is one `pub async fn` that panics when it is broken. [`ledger_conformance!`](crate::ledger_conformance) gives each a named
//! `#[test]`; an adapter's whole test file is that one line. The promises themselves are tested on ledgers that break them, one by one.

use std::future::Future;
use std::time::Duration;

use picora_core::{
    AccountId, AdjustmentId, Amount, Changes, Dimension, Limit, Limits, Posting, PostingKey,
    PostingReason, ReservationId, SetLimits, StoreError, Tally, Timestamp, Transact,
};

use crate::{
    Adjustment, Cell, CellKey, Item, Items, Ledger, LedgerIn, LedgerReports, LimitChange,
    RequestHash, Reservation, Reserve, Reserved,
};

pub mod adjustments;
pub mod admission;
pub mod alerts;
pub mod changes;
pub mod clock;
pub mod echo;
pub mod history;
pub mod life;
pub mod limits;
pub mod past;
pub mod recount;
pub mod simulation;
pub mod tallies;
pub mod transactions;

/// How a suite gets fresh ledgers and runs futures.
pub trait Harness {
    /// The transaction of the store.
    type Tx: Send;
    /// The store under test.
    type Store: Ledger + LedgerReports + LedgerIn<Self::Tx> + Transact<Self::Tx> + Changes;
    /// What must outlive the store: a folder, a server, a database.
    type Guard;

    /// Runs a future to its end.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// A store in which nothing has happened.
    fn fresh(&self) -> (Self::Guard, Self::Store);
}

/// Gives each promise of the suite a named test, on the stores of one [`Harness`].
#[macro_export]
macro_rules! ledger_conformance {
    ($harness:expr) => {
        $crate::ledger_conformance!(@ $harness,
            admission: admits_up_to_the_limit_and_not_past_it, charges_all_dimensions_or_none, tells_the_strictest_limit_first,
                grants_what_remains_between_least_and_most, repeats_the_answer_of_a_repeated_id, bounds_open_reservations,
                checks_single_items_and_keeps_nothing, admits_exactly_what_fits_under_concurrency;
            life: commits_what_really_came, refuses_to_commit_more_than_granted, gives_back_on_release, resolves_once,
                expires_at_its_time, readmits_when_only_dead_reservations_are_in_the_way, lives_by_heartbeats_but_not_for_ever,
                grows_to_totals, keeps_what_it_held_when_it_may_not_grow, forgets_outcomes_after_a_day;
            limits: keeps_usage_when_a_plan_changes, posts_once, posts_above_the_limit_but_never_below_zero,
                starts_windows_at_zero_and_pins_reservations_to_theirs, posts_into_the_window_of_the_event,
                overflows_into_an_error, gives_unknown_accounts_nothing;
            adjustments: grants_to_the_microsecond, grows_by_the_limit_of_the_moment, takes_the_latest_override, adds_grants_to_overrides, withdraws_at_once,
                adds_an_adjustment_once, refuses_malformed_adjustments, keeps_adjustments_when_a_plan_changes,
                refuses_limits_above_the_range, shows_the_limit_of_the_moment;
            alerts: tells_each_level_once, tells_the_highest_of_several_levels, tells_of_what_is_used_not_of_what_is_held,
                tells_when_a_limit_is_lowered_and_arms_when_it_is_raised, tells_when_a_grant_ends, arms_a_level_five_points_below_it,
                tells_anew_in_a_new_window, tells_of_a_window_until_two_hours_after_it, never_tells_of_what_is_unlimited,
                tells_once_under_concurrency, tells_nothing_of_a_dropped_transaction;
            past: tells_hours_days_and_months, counts_a_late_fact_for_its_own_hour, counts_a_late_commit_for_the_day_of_its_reservation,
                rolls_up_without_changing_days_and_months;
            recount: corrects_the_difference_once, refuses_a_stale_recount, refuses_an_implausible_recount_without_force,
                recounts_no_windows, keeps_recounts_in_range;
            tallies: moves_audio_with_its_pool, moves_pool_and_tally_or_neither, refuses_a_tally_of_another_dimension;
            changes: marks_every_change, keeps_the_mark_when_nothing_changes, marks_a_new_day, marks_each_account_by_itself;
            clock: goes_on_in_the_new_window_when_the_clock_steps_back, leaves_the_old_window_alone_when_the_clock_steps_back,
                takes_no_distant_window_for_the_present;
            transactions: leaves_nothing_of_a_dropped_transaction, moves_two_accounts_in_one_transaction, erases_an_account;
            history: agrees_with_the_books;
        );
    };
    (@ $harness:expr, $($module:ident: $($promise:ident),+;)+) => {$($(
        #[test]
        fn $promise() {
            let harness = $harness;
            let (_guard, store) = $crate::conformance::Harness::fresh(&harness);
            $crate::conformance::Harness::run(&harness, $crate::conformance::$module::$promise(&store));
        }
    )+)+};
}

/// The instant at which the promises begin: 2026-11-21T10:00:00Z.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);

/// The account that most promises are about.
pub const ACCOUNT: AccountId = AccountId::from_bytes([7; 16]);

/// Limits of `ACCOUNT` with one dimension bounded and everything else at zero.
#[must_use]
pub fn only(dimension: Dimension, max: u32) -> SetLimits {
    with_limits(Limits::NOTHING.with(dimension, Limit::Max(Amount::from(max))))
}

/// These limits for `ACCOUNT`, and as many open reservations as one likes.
#[must_use]
pub const fn with_limits(limits: Limits) -> SetLimits {
    SetLimits {
        account: ACCOUNT,
        limits,
        open_reservations: Amount::MAX,
    }
}

/// A request of `ACCOUNT` under a number of its own.
#[must_use]
pub fn request(number: u64, items: impl IntoIterator<Item = Item>) -> Reserve {
    Reserve {
        id: reservation_id(number),
        account: ACCOUNT,
        request: RequestHash([1; 32]),
        items: Items::new(items).expect("the suite's amounts are small"),
        tally: None,
        expires_after: TTL,
    }
}

/// A request for exactly so much of one dimension.
#[must_use]
pub fn exactly(number: u64, dimension: Dimension, amount: u32) -> Reserve {
    request(number, [Item::exactly(dimension, Amount::from(amount))])
}

/// The id of a numbered request.
#[must_use]
pub fn reservation_id(number: u64) -> ReservationId {
    ReservationId::from_bytes(u128::from(number).to_be_bytes())
}

/// A posting of `ACCOUNT` under a key of its own.
#[must_use]
pub fn posting(key: &str, delta: i64, dimension: Dimension, happened_at: Timestamp) -> Posting {
    Posting {
        key: PostingKey::new(key, &"suite"),
        account: ACCOUNT,
        dimension,
        tally: None,
        delta,
        reason: PostingReason::Force,
        happened_at,
    }
}

/// The id of a numbered adjustment.
#[must_use]
pub fn adjustment_id(number: u64) -> AdjustmentId {
    AdjustmentId::from_bytes(u128::from(number).to_be_bytes())
}

/// A numbered adjustment of `ACCOUNT` that counts from [`NOW`] on, for good.
#[must_use]
pub fn adjustment(number: u64, dimension: Dimension, change: LimitChange) -> Adjustment {
    Adjustment {
        id: adjustment_id(number),
        account: ACCOUNT,
        dimension,
        change,
        from: NOW,
        until: None,
        reason: "the suite's".to_owned(),
    }
}

/// An instant so many seconds after [`NOW`].
#[must_use]
pub fn after(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

/// The microsecond before an instant.
#[must_use]
pub fn just_before(instant: Timestamp) -> Timestamp {
    instant.saturating_sub(Duration::from_micros(1))
}

/// How long the suite's reservations hold.
pub const TTL: Duration = Duration::from_secs(900);

/// The cell of a dimension of `ACCOUNT` at `now`.
pub async fn cell(store: &dyn Ledger, dimension: Dimension, now: Timestamp) -> Cell {
    let usage = store.usage(ACCOUNT, now).await.expect("usage answers");
    usage
        .into_iter()
        .find(|line| line.dimension == dimension)
        .expect("usage lists every dimension")
        .cell
}

/// `(used, reserved)` of a dimension of `ACCOUNT` at `now`.
pub async fn numbers(store: &dyn Ledger, dimension: Dimension, now: Timestamp) -> (u64, u64) {
    let cell = cell(store, dimension, now).await;
    (cell.used.get(), cell.reserved.get())
}

/// `(used, reserved)` of a tally of `ACCOUNT` at `now`, as it is written down.
pub async fn tally<S: LedgerReports>(store: &S, tally: Tally, now: Timestamp) -> (u64, u64) {
    let facts = answer(store.facts(ACCOUNT, now).await);
    let key = crate::Counter::Tally(tally).key_at(now);
    let cell = |key: CellKey| facts.and_then(|facts| facts.cells.get(&key).copied());
    key.and_then(cell)
        .map_or((0, 0), |(cell, _)| (cell.used.get(), cell.reserved.get()))
}

/// Reserves and insists on being admitted.
pub async fn admitted(store: &dyn Ledger, request: &Reserve, now: Timestamp) -> Reservation {
    match store.reserve(request, now).await {
        Ok(Reserved::Admitted(reservation)) => reservation,
        other => panic!("expected to be admitted, got {other:?}"),
    }
}

/// Reserves and insists on being denied; answers `(used, reserved, limit, requested)` of the strictest limit.
pub async fn denied(store: &dyn Ledger, request: &Reserve, now: Timestamp) -> [u64; 4] {
    match store.reserve(request, now).await {
        Ok(Reserved::Denied(denial)) => {
            let short = denial.strictest;
            [short.used, short.reserved, short.limit, short.requested].map(Amount::get)
        }
        other => panic!("expected to be denied, got {other:?}"),
    }
}

/// Sets limits and insists that it works.
pub async fn set(store: &dyn Ledger, limits: &SetLimits) {
    store.set_limits(limits, NOW).await.expect("limits are set");
}

/// Unwraps an answer of the store.
pub(crate) fn answer<T>(result: Result<T, StoreError>) -> T {
    result.expect("the store answers")
}
