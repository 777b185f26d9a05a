//! The promises of a [`Limiter`], as a suite that anyone who writes one can run.
//!
//! Each promise is a function; [`limiter_conformance!`](crate::limiter_conformance) gives each a `#[test]` of its own name. Time is
//! always passed in, so a limiter that goes by the clock of its store is tested through a way in that lets a test set that clock.
//!
//! ```
//! use picora_ratelimit::conformance::{Harness, MemoryHarness};
//! let (_guard, limiter) = MemoryHarness.fresh();
//! MemoryHarness.run(picora_ratelimit::conformance::a_window_admits_exactly_its_limit(&*limiter));
//! ```
//!
//! In an adapter's `tests/`: `picora_ratelimit::limiter_conformance!(MyHarness::start());`

use std::future::Future;
use std::sync::Arc;

use crate::Limiter;

mod charges;
mod clock;
mod harness;
mod history;
mod kinds;
mod ledger;
mod refunds;
mod sharing;

pub use charges::{
    a_changed_policy_keeps_what_was_used, a_cost_counts_whole, a_denial_charges_nothing,
    a_window_admits_exactly_its_limit, one_instant_admits_exactly_the_burst,
    reports_tell_what_is_left,
};
pub use clock::{
    a_clock_that_goes_back_locks_nobody_out, waiting_exactly_the_wait_passes_and_less_does_not,
};
pub use harness::MemoryHarness;
pub use history::{Course, a_random_history, random_histories_equal_the_pure_step};
pub use kinds::{
    a_calendar_limit_follows_the_calendar, a_challenge_counts_every_question,
    a_look_charges_nothing, a_reset_forgets_one_subject, a_rolling_log_is_exact_in_any_span,
    a_shadow_denies_nobody,
};
pub use ledger::{Spend, over_admitted};
pub use refunds::{a_refund_gives_back, a_refund_spares_later_windows};
pub use sharing::{
    both_ways_of_asking_share_one_budget, callers_at_once_never_pass_more, homes_do_not_share,
    strangers_push_nobody_out, subjects_are_charged_together_or_not_at_all, subjects_do_not_share,
};

/// How a suite gets limiters and runs their futures.
pub trait Harness: Sync {
    /// What must live as long as the limiter, such as a server process.
    type Guard;

    /// Runs a future to its end; also from several threads at once.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// A limiter that has never seen anyone.
    fn fresh(&self) -> (Self::Guard, Arc<dyn Limiter>);
}

/// One `#[test]` for each promise of a [`Limiter`], on limiters from a [`Harness`].
#[macro_export]
macro_rules! limiter_conformance {
    ($harness:expr) => {
        $crate::limiter_promises!($crate::limiter_conformance_tests, $harness);

        #[test]
        fn callers_at_once_never_pass_more() {
            $crate::conformance::callers_at_once_never_pass_more(&$harness);
        }
    };
}

/// Hands the names of all promises with one limiter to a macro, after what else it is to get.
#[doc(hidden)]
#[macro_export]
macro_rules! limiter_promises {
    ($with:path, $($extra:tt)*) => {
        $with! { [$($extra)*]
            a_calendar_limit_follows_the_calendar
            a_challenge_counts_every_question
            a_changed_policy_keeps_what_was_used
            a_clock_that_goes_back_locks_nobody_out
            a_cost_counts_whole
            a_denial_charges_nothing
            a_look_charges_nothing
            a_refund_gives_back
            a_refund_spares_later_windows
            a_reset_forgets_one_subject
            a_rolling_log_is_exact_in_any_span
            a_shadow_denies_nobody
            a_window_admits_exactly_its_limit
            both_ways_of_asking_share_one_budget
            homes_do_not_share
            one_instant_admits_exactly_the_burst
            random_histories_equal_the_pure_step
            reports_tell_what_is_left
            strangers_push_nobody_out
            subjects_are_charged_together_or_not_at_all
            subjects_do_not_share
            waiting_exactly_the_wait_passes_and_less_does_not
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! limiter_conformance_tests {
    ([$harness:expr] $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            let harness = $harness;
            let (_guard, limiter) = $crate::conformance::Harness::fresh(&harness);
            $crate::conformance::Harness::run(&harness, $crate::conformance::$promise(&*limiter));
        }
    )*};
}
