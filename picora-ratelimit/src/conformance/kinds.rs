//! Promises about the kinds of limits, and about what a limit without room does.

use std::time::Duration;

use picora_core::Timestamp;

use super::harness::{
    ALICE, BOB, NOW, after_millis, ask, check, passed, per_minute, policy, subject,
};
use crate::{Limit, Limiter, Verdict};

/// One a minute, three in ten minutes and four in an hour, all from one log: exact at every edge, with no boundary at which two windows
/// touch.
pub async fn a_rolling_log_is_exact_in_any_span(limiter: &dyn Limiter) {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let policy = policy([
        Limit::rolling("minute", 1, minutes(1)),
        Limit::rolling("ten-minutes", 3, minutes(10)),
        Limit::rolling("hour", 4, minutes(60)),
    ]);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    let at = |seconds: u64, micros: i64| {
        let at = NOW.saturating_add(Duration::from_secs(seconds));
        Timestamp::from_unix_micros(at.unix_micros() + micros)
    };
    for (seconds, expected) in [(0, 1), (59, 0), (60, 1), (119, 0), (120, 1), (180, 0)] {
        assert_eq!(
            passed(limiter, &check, at(seconds, 0), 3).await,
            expected,
            "at {seconds} s"
        );
    }
    assert_eq!(passed(limiter, &check, at(600, -1), 3).await, 0, "early");
    assert_eq!(passed(limiter, &check, at(600, 0), 3).await, 1, "the 4th");
    let denied = ask(limiter, &check, at(660, 0)).await;
    assert_eq!(denied.wait(), minutes(60 - 11), "until the first leaves");
    assert_eq!(passed(limiter, &check, at(3_600, -1), 3).await, 0, "early");
    assert_eq!(passed(limiter, &check, at(3_600, 0), 3).await, 1, "it left");
}

/// A leap February has 29 days, and a month ends with the calendar's, not after thirty days.
pub async fn a_calendar_limit_follows_the_calendar(limiter: &dyn Limiter) {
    let policy = policy([Limit::monthly("month", 2), Limit::daily("day", 1)]);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    let day = |days: i64| Timestamp::from_unix_seconds(1_709_164_800 + days * 86_400); // from 2024-02-29
    let before = |at: Timestamp| at.saturating_sub(Duration::from_micros(1));
    assert_eq!(passed(limiter, &check, day(0), 3).await, 1);
    assert_eq!(passed(limiter, &check, before(day(1)), 3).await, 0);
    let march = [(1, 1), (2, 1), (3, 0), (31, 0)];
    for (days, expected) in march {
        assert_eq!(passed(limiter, &check, day(days), 3).await, expected);
    }
    let denied = ask(limiter, &check, before(day(32))).await;
    assert_eq!(denied.wait(), Duration::from_micros(1), "the last of March");
    assert_eq!(passed(limiter, &check, day(32), 3).await, 1, "April");
}

/// To look is not to spend, and what is seen is what a check then finds.
pub async fn a_look_charges_nothing(limiter: &dyn Limiter) {
    let policy = per_minute(2);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    for left in [2, 1, 0] {
        for _ in 0..3 {
            let seen = limiter.peek(&check, NOW).await;
            let seen = seen.expect("the limiter under test can reach its store");
            let remaining = seen.reports().map(|report| report.remaining);
            assert_eq!(remaining.collect::<Vec<_>>(), [left]);
            assert_eq!(seen.is_allowed(), left > 0);
        }
        ask(limiter, &check, NOW).await;
    }
}

/// After a reset a subject is as never seen, and his neighbour is not.
pub async fn a_reset_forgets_one_subject(limiter: &dyn Limiter) {
    let policy = per_minute(2);
    let (alice, bob) = ([subject(ALICE, &policy)], [subject(BOB, &policy)]);
    let (alice, bob) = (check(ALICE, &alice, 1), check(ALICE, &bob, 1));
    for check in [&alice, &bob] {
        assert_eq!(passed(limiter, check, NOW, 3).await, 2);
    }
    let reset = limiter.reset(ALICE, ALICE, NOW).await;
    reset.expect("the limiter under test can reach its store");
    assert_eq!(passed(limiter, &alice, NOW, 3).await, 2, "forgotten");
    assert_eq!(passed(limiter, &bob, NOW, 3).await, 0, "remembered");
}

/// From the fourth question in an hour on there is a challenge; those questions count too; who has met it passes, as far as the other
/// limits go.
pub async fn a_challenge_counts_every_question(limiter: &dyn Limiter) {
    let hour = Duration::from_secs(3_600);
    let policy = policy([
        Limit::rolling("captcha", 3, hour).map(Limit::challenging),
        Limit::window("minute", 4, Duration::from_secs(60)),
    ]);
    let subjects = [subject(ALICE, &policy)];
    let plain = check(ALICE, &subjects, 1);
    assert_eq!(passed(limiter, &plain, NOW, 3).await, 3);
    for millis in [1_000, 2_000, 3_000] {
        let asked = ask(limiter, &plain, after_millis(millis)).await;
        assert_eq!(asked.verdict(), Verdict::Challenge);
    }
    let first_three_left = NOW.saturating_add(hour);
    let asked = ask(limiter, &plain, first_three_left).await;
    assert_eq!(
        asked.verdict(),
        Verdict::Challenge,
        "the challenged ones count"
    );
    let solved = plain.solved();
    assert_eq!(passed(limiter, &solved, first_three_left, 9).await, 4);
    let denied = ask(limiter, &solved, first_three_left).await;
    assert_eq!(denied.verdict(), Verdict::Deny, "the window holds");
}

/// A limit that is tried out denies nobody, and tells what it would have done.
pub async fn a_shadow_denies_nobody(limiter: &dyn Limiter) {
    let minute = Duration::from_secs(60);
    let policy = policy([
        Limit::window("strict", 1, minute).map(Limit::shadowed),
        Limit::window("minute", 3, minute),
    ]);
    let subjects = [subject(ALICE, &policy)];
    let check = check(ALICE, &subjects, 1);
    for (allowed, shadowed) in [(true, false), (true, true), (true, true), (false, true)] {
        let decision = ask(limiter, &check, NOW).await;
        assert_eq!(
            (decision.is_allowed(), decision.shadow_denied()),
            (allowed, shadowed)
        );
        let shown = decision.shown().map(|report| report.rule.most());
        assert_eq!(shown, Some(3), "headers tell of what is in force");
    }
}
