//! Promises about what a decision charges.

use std::num::NonZeroU32;
use std::time::Duration;

use super::harness::{
    ALICE, NOW, after_millis, ask, both, burst, check, passed, per_minute, subject,
};
use crate::Limiter;

/// A burst of three is three at one instant: not two, not four, and no more of it after a long rest.
pub async fn one_instant_admits_exactly_the_burst(limiter: &dyn Limiter) {
    let policy = burst(3);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &check, NOW, 5).await, 3, "at first");
    assert_eq!(
        passed(limiter, &check, after_millis(450), 5).await,
        3,
        "after a rest of one and a half bursts"
    );
    assert_eq!(
        passed(limiter, &check, after_millis(3_600_000), 5).await,
        3,
        "after an hour"
    );
}

/// A window of three admits three up to its last microsecond, and three more from its end on.
pub async fn a_window_admits_exactly_its_limit(limiter: &dyn Limiter) {
    let policy = per_minute(3);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    let end = after_millis(42_650);
    let last = end.saturating_sub(Duration::from_micros(1));
    assert_eq!(passed(limiter, &check, NOW, 2).await, 2);
    assert_eq!(
        passed(limiter, &check, last, 3).await,
        1,
        "in the window's last microsecond"
    );
    assert_eq!(
        passed(limiter, &check, end, 5).await,
        3,
        "from the window's end on"
    );
}

/// A cost of four takes four, and is refused whole when three are left.
pub async fn a_cost_counts_whole(limiter: &dyn Limiter) {
    let policy = per_minute(7);
    let subjects = [subject(ALICE, &policy)];
    let four = check(ALICE, &subjects, 4);
    assert_eq!(passed(limiter, &four, NOW, 2).await, 1);
    let one = check(ALICE, &subjects, 1);
    assert_eq!(
        passed(limiter, &one, NOW, 5).await,
        3,
        "what was left after 4 of 7"
    );
}

/// However often one is denied, the next that has room passes at its time.
pub async fn a_denial_charges_nothing(limiter: &dyn Limiter) {
    let policy = both(5, 2);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &check, NOW, 20).await, 2, "the burst");
    let denied = ask(limiter, &check, NOW).await;
    assert_eq!(
        denied.reports().next().map(|report| report.remaining),
        Some(3),
        "the window has lost only what passed"
    );
    assert_eq!(
        passed(limiter, &check, after_millis(100), 20).await,
        1,
        "one has drained"
    );
    assert_eq!(
        passed(limiter, &check, after_millis(300), 20).await,
        2,
        "two more have"
    );
}

/// A policy that grows, or shrinks again, finds what was used before.
pub async fn a_changed_policy_keeps_what_was_used(limiter: &dyn Limiter) {
    let small = both(4, 4);
    let large = small.scaled(NonZeroU32::new(10).expect("10 is not zero"));
    let large = large.expect("100 ms divide by 10");
    let (as_small, as_large) = ([subject(ALICE, &small)], [subject(ALICE, &large)]);
    assert_eq!(
        passed(limiter, &check(ALICE, &as_small, 1), NOW, 9).await,
        4
    );
    assert_eq!(
        passed(limiter, &check(ALICE, &as_large, 1), after_millis(400), 99).await,
        36,
        "of 40, less 4"
    );
    assert_eq!(
        passed(limiter, &check(ALICE, &as_small, 1), after_millis(900), 9).await,
        0,
        "40 of 4 are used"
    );
}

/// Reports stand for the state after the charge, and a denial's for the true rest.
pub async fn reports_tell_what_is_left(limiter: &dyn Limiter) {
    let policy = both(600, 2);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    for (remaining, burst) in [(599, 1), (598, 0), (598, 0)] {
        let decision = ask(limiter, &check, NOW).await;
        assert_eq!(decision.decided_at(), NOW);
        let left: Vec<u64> = decision.reports().map(|report| report.remaining).collect();
        assert_eq!(left, [remaining, burst]);
        assert_eq!(
            decision.reports().next().map(|report| report.reset),
            Some(after_millis(42_650)),
            "the end of the minute"
        );
        assert_eq!(
            decision.shown(),
            decision.reports().next(),
            "headers are about the window"
        );
    }
}
