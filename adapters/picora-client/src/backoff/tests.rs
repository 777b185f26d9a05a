use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> RetryAfter {
    RetryAfter::Wait(Duration::from_secs(seconds))
}

#[test]
fn the_table_of_waits() {
    use RetryAfter::Absent;
    let rule = Rule {
        jitter_percent: 0,
        ..Rule::default()
    };
    // retries so far, what the server names, seconds to wait; none is giving up
    for (retries, named, expected) in [
        (0, Absent, Some(1)),
        (1, Absent, Some(2)),
        (2, Absent, Some(4)),
        (3, Absent, None),
        (0, seconds(0), Some(1)),
        (0, seconds(1), Some(1)),
        (1, seconds(1), Some(2)),
        (2, seconds(3), Some(4)),
        (2, seconds(4), Some(4)),
        (2, seconds(5), Some(5)),
        (0, seconds(12), Some(12)),
        (2, seconds(12), Some(12)),
        (3, seconds(12), None),
        (0, seconds(119), Some(119)),
        (0, seconds(120), Some(120)),
        (0, seconds(121), None),
        (0, seconds(1_795_255_200), None),
        (0, RetryAfter::Wait(Duration::MAX), None),
        (u32::MAX, Absent, None),
    ] {
        let step = decide(&rule, Setback::RateLimited, false, retries, named, u64::MAX);
        let wanted = expected.map_or(Step::GiveUp, |it| Step::Wait(Duration::from_secs(it)));
        assert_eq!(step, wanted, "{retries} {named:?}");
    }
}

#[test]
fn doubling_stays_at_the_cap_however_often_it_is_repeated() {
    let rule = Rule {
        most_retries: u32::MAX,
        jitter_percent: 0,
        ..Rule::default()
    };
    for retries in [2, 3, 31, 32, 33, u32::MAX - 1] {
        let step = decide(
            &rule,
            Setback::RateLimited,
            true,
            retries,
            RetryAfter::Absent,
            0,
        );
        assert_eq!(step, Step::Wait(Duration::from_secs(4)), "{retries}");
    }
}

#[test]
fn a_rule_that_does_not_retry_a_rate_limit_still_retries_what_was_lost() {
    let rule = Rule {
        retry_on_rate_limit: false,
        ..Rule::default()
    };
    let step = |setback, repeatable| decide(&rule, setback, repeatable, 0, seconds(1), 0);
    assert_eq!(step(Setback::RateLimited, true), Step::GiveUp);
    assert_ne!(step(Setback::Unknown, true), Step::GiveUp);
    assert_eq!(step(Setback::Unknown, false), Step::GiveUp);
    let never = Rule::never();
    for setback in [Setback::RateLimited, Setback::Unknown] {
        assert_eq!(
            decide(&never, setback, true, 0, seconds(1), 0),
            Step::GiveUp
        );
    }
}

proptest! {
    #[test]
    fn never_shorter_than_named_and_chance_only_adds(
        retries in 0_u32..4, named in proptest::option::of(0_u64..200_000), chance: u64, percent in 0_u32..200,
    ) {
        let rule = Rule { jitter_percent: percent, ..Rule::default() };
        let plain = Rule { jitter_percent: 0, ..Rule::default() };
        let named = named.map_or(RetryAfter::Absent, |millis| RetryAfter::Wait(Duration::from_millis(millis)));
        let with = |rule, chance| decide(rule, Setback::RateLimited, true, retries, named, chance);
        match (with(&rule, chance), with(&plain, chance)) {
            (Step::Wait(wait), Step::Wait(exact)) => {
                if let RetryAfter::Wait(named) = named {
                    prop_assert!(wait >= named);
                }
                prop_assert!(wait >= exact && wait <= exact + (exact * percent / 100).min(rule.longest_jitter));
                prop_assert_eq!(with(&rule, 0), Step::Wait(exact));
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    #[test]
    fn no_request_is_attempted_more_than_four_times(named in 0_u64..120, chance: u64) {
        let mut attempts = 1;
        while let Step::Wait(_) = decide(&Rule::default(), Setback::RateLimited, true, attempts - 1, seconds(named), chance) {
            attempts += 1;
            prop_assert!(attempts < 100);
        }
        prop_assert_eq!(attempts, 4);
    }

    #[test]
    fn any_rule_is_decided_without_a_panic(
        most in any::<u32>(), retries in any::<u32>(), spans in any::<[u64; 4]>(), percent in any::<u32>(), chance: u64,
    ) {
        let [first_wait, doubling_cap, longest_jitter, named] = spans.map(Duration::from_secs);
        let rule = Rule { most_retries: most, first_wait, doubling_cap, longest_jitter, longest_wait: Duration::MAX, jitter_percent: percent, ..Rule::default() };
        if let Step::Wait(wait) = decide(&rule, Setback::RateLimited, true, retries, RetryAfter::Wait(named), chance) {
            prop_assert!(wait >= named);
        }
    }
}
