//! The suites that every outbox and every store of leases passes.
//!
//! Each promise is one `pub async fn` that panics when it is broken. [`outbox_conformance!`](crate::outbox_conformance) and
//! [`lease_conformance!`](crate::lease_conformance) give each a named `#[test]`. The promises themselves are tested on stores that break
//! them, one by one.

use std::future::Future;

use crate::{StoreError, Timestamp, Transact};

pub mod claims;
pub mod leases;
pub mod messages;

/// How the suites get fresh stores and run futures.
pub trait Harness {
    /// The transaction of the store.
    type Tx: Send;
    /// The store under test.
    type Store: Transact<Self::Tx>;
    /// What must outlive the store: a folder, a server, a database.
    type Guard;

    /// Runs a future to its end.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// A store in which nothing has happened.
    fn fresh(&self) -> (Self::Guard, Self::Store);
}

/// Gives each promise of an outbox a named test, on the stores of one [`Harness`].
#[macro_export]
macro_rules! outbox_conformance {
    ($harness:expr) => {
        $crate::promises!($harness,
            messages: takes_a_key_once, leaves_nothing_of_a_dropped_transaction, refuses_a_body_with_a_nul, counts_what_is_unsent,
                prunes_what_is_long_done_but_no_key, erases_an_account;
            claims: hands_out_what_is_due_and_the_oldest_first, claims_exclude_one_another_until_they_run_out,
                a_stale_claim_changes_nothing, takes_a_late_done_while_nobody_else_claimed, ends_once, postpones;
        );
    };
}

/// Gives each promise of a store of leases a named test, on the stores of one [`Harness`].
#[macro_export]
macro_rules! lease_conformance {
    ($harness:expr) => {
        $crate::promises!($harness,
            leases: has_one_holder_until_the_end, grows_the_fence_with_each_holder, answers_its_holder_again, renews_while_it_runs,
                a_clock_that_steps_back_takes_nothing, gives_back_at_once, guards_while_it_is_ours, keeps_names_apart;
        );
    };
}

/// One test for each promise of some modules.
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($harness:expr, $($module:ident: $($promise:ident),+;)+) => {$($(
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

/// The last instant before this one.
pub(crate) const fn just_before(instant: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(instant.unix_micros() - 1)
}

/// Unwraps an answer of the store.
pub(crate) fn answer<T>(result: Result<T, StoreError>) -> T {
    result.expect("the store answers")
}
