//! Promises about who shares what with whom.

use std::thread;

use super::Harness;
use super::harness::{
    ALICE, BOB, NOW, after_millis, ask, burst, check, decide, passed, per_minute, subject,
};
use crate::{Limiter, SubjectKey};

/// A check of two subjects that one of them denies leaves the other untouched, whichever comes first.
pub async fn subjects_are_charged_together_or_not_at_all(limiter: &dyn Limiter) {
    let (narrow, wide) = (per_minute(2), per_minute(7));
    let (alice, bob) = (subject(ALICE, &narrow), subject(BOB, &wide));
    assert_eq!(
        passed(limiter, &check(ALICE, &[alice, bob], 1), NOW, 9).await,
        2
    );
    assert_eq!(
        passed(limiter, &check(ALICE, &[bob, alice], 1), NOW, 9).await,
        0
    );
    assert_eq!(
        passed(limiter, &check(ALICE, &[bob], 1), NOW, 9).await,
        5,
        "7 less the two that passed together"
    );
}

/// One subject's spending is not another's, at the same home.
pub async fn subjects_do_not_share(limiter: &dyn Limiter) {
    let policy = per_minute(2);
    for key in [ALICE, BOB] {
        let subjects = [subject(key, &policy)];
        assert_eq!(
            passed(limiter, &check(ALICE, &subjects, 1), NOW, 9).await,
            2
        );
    }
}

/// One key under two homes is two subjects.
pub async fn homes_do_not_share(limiter: &dyn Limiter) {
    let policy = per_minute(2);
    let subjects = [subject(ALICE, &policy)];
    for home in [ALICE, BOB] {
        assert_eq!(passed(limiter, &check(home, &subjects, 1), NOW, 9).await, 2);
    }
}

/// However many strangers come, a record that still counts is kept.
pub async fn strangers_push_nobody_out(limiter: &dyn Limiter) {
    let policy = per_minute(2);
    let subjects = [subject(ALICE, &policy)];
    let alice = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &alice, NOW, 9).await, 2);
    for stranger in (1 << 32..).map(SubjectKey).take(1_000) {
        let policy = burst(1);
        let subjects = [subject(stranger, &policy)];
        let mine = ask(limiter, &check(ALICE, &subjects, 1), after_millis(50)).await; // at the same home
        let own = ask(limiter, &check(stranger, &subjects, 1), after_millis(50)).await;
        assert!(mine.is_allowed() && own.is_allowed());
    }
    assert_eq!(passed(limiter, &alice, after_millis(1_000), 9).await, 0);
}

/// What is asked without waiting and what is asked with are one budget.
pub async fn both_ways_of_asking_share_one_budget(limiter: &dyn Limiter) {
    let policy = per_minute(4);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    let mut passed = 0;
    for _ in 0..4 {
        passed += usize::from(ask(limiter, &check, NOW).await.is_allowed());
        passed += usize::from(decide(limiter, &check, NOW).await.is_allowed());
    }
    assert_eq!(passed, 4);
}

/// Four threads that spend at once get the limit, neither more nor less.
pub fn callers_at_once_never_pass_more<H: Harness>(harness: &H) {
    const THREADS: usize = 4;
    let (_guard, limiter) = harness.fresh();
    let policy = per_minute(50);
    let subjects = [subject(ALICE, &policy), subject(BOB, &policy)];
    let check = check(ALICE, &subjects, 1);
    let spend = || harness.run(passed(&*limiter, &check, NOW, 40));
    let total: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(spend)).collect();
        let counts = threads
            .into_iter()
            .map(|thread| thread.join().expect("a caller does not panic"));
        counts.sum()
    });
    assert_eq!(total, 50);
}
