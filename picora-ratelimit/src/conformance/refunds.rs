//! Promises about refunds.

use super::harness::{ALICE, NOW, after_millis, both, check, passed, per_minute, subject};
use crate::Limiter;

/// What is taken back at once can be spent again, and no more than that.
pub async fn a_refund_gives_back(limiter: &dyn Limiter) {
    let policy = both(5, 5);
    let subjects = [subject(ALICE, &policy)];
    let one = check(ALICE, &subjects, 1);
    let two = check(ALICE, &subjects, 2);
    assert_eq!(passed(limiter, &two, NOW, 9).await, 2);
    assert_eq!(passed(limiter, &one, NOW, 9).await, 1);
    let refund = limiter.refund(&two, NOW, NOW).await;
    refund.expect("the limiter under test can reach its store");
    assert_eq!(passed(limiter, &one, NOW, 9).await, 2);
}

/// What was charged in a window that has passed is gone: the present one has never been charged for it.
pub async fn a_refund_spares_later_windows(limiter: &dyn Limiter) {
    let policy = per_minute(3);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &check, NOW, 9).await, 3);
    let later = after_millis(60_000);
    assert_eq!(passed(limiter, &check, later, 9).await, 3);
    let refund = limiter.refund(&check, NOW, later).await;
    refund.expect("the limiter under test can reach its store");
    assert_eq!(passed(limiter, &check, later, 9).await, 0);
}
