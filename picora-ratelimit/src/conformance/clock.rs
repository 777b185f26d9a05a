//! Promises about time.

use std::time::Duration;

use super::harness::{ALICE, NOW, ask, both, burst, check, passed, per_minute, subject};
use crate::{Limiter, Policy};

/// Who waits exactly as long as told passes, and who comes a microsecond earlier does not: by a burst, by a window, by both.
pub async fn waiting_exactly_the_wait_passes_and_less_does_not(limiter: &dyn Limiter) {
    let policies: [Policy; 3] = [burst(3), per_minute(3), both(4, 3)];
    let mut now = NOW;
    for (key, policy) in (1..).map(crate::SubjectKey).zip(&policies) {
        let subjects = [subject(key, policy)];
        let check = check(key, &subjects, 2);
        for round in 0..4 {
            let decision = ask(limiter, &check, now).await;
            if decision.is_allowed() {
                assert_eq!(decision.wait(), Duration::ZERO);
                continue;
            }
            let soon = decision.wait().saturating_sub(Duration::from_micros(1));
            let early = ask(limiter, &check, now.saturating_add(soon)).await;
            assert!(!early.is_allowed(), "round {round}: a microsecond early");
            now = now.saturating_add(decision.wait());
            assert!(
                ask(limiter, &check, now).await.is_allowed(),
                "round {round}: waited {:?}",
                decision.wait()
            );
        }
    }
}

/// A clock that went ahead and came back denies for one interval (a burst) or two lengths (a window), and not for the size of the step.
pub async fn a_clock_that_goes_back_locks_nobody_out(limiter: &dyn Limiter) {
    let (hour, second) = (Duration::from_secs(3_600), Duration::from_secs(1));
    let policy = burst(3);
    let subjects = [subject(ALICE, &policy)];
    let quick = check(ALICE, &subjects, 1);
    assert_eq!(
        passed(limiter, &quick, NOW.saturating_add(hour), 9).await,
        3
    );
    ask(limiter, &quick, NOW).await; // may be denied, but heals
    let soon = NOW.saturating_add(second);
    assert_eq!(
        passed(limiter, &quick, soon, 9).await,
        3,
        "a burst, a second after the step"
    );

    let policy = per_minute(3);
    let subjects = [subject(super::harness::BOB, &policy)];
    let slow = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &slow, NOW.saturating_add(hour), 9).await, 3);
    ask(limiter, &slow, NOW).await;
    let next = NOW.saturating_add(Duration::from_secs(120));
    assert_eq!(
        passed(limiter, &slow, next, 9).await,
        3,
        "a window, two lengths after the step"
    );
}
