//! What a policy and a check refuse when they are built, at every edge.

use std::num::NonZeroU32;
use std::time::Duration;

use picora_ratelimit::{
    Check, CheckError, Gcra, Limit, Name, Policy, PolicyError, Rule, Subject, SubjectHasher,
    SubjectKey, Tier, Tiers, Window,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const BOUND: u64 = 1 << 52;

#[test]
fn a_window_is_one_microsecond_and_one_unit_or_more() {
    assert!(Window::new(1, Duration::from_micros(1)).is_ok());
    assert!(Window::new(BOUND - 1, Duration::from_micros(BOUND - 1)).is_ok());
    assert!(matches!(
        Window::new(0, SECOND),
        Err(PolicyError::Zero { .. })
    ));
    assert!(matches!(
        Window::new(1, Duration::ZERO),
        Err(PolicyError::Zero { .. })
    ));
    assert!(matches!(
        Window::new(BOUND, SECOND),
        Err(PolicyError::TooLarge { .. })
    ));
    assert!(matches!(
        Window::new(1, Duration::from_micros(BOUND)),
        Err(PolicyError::TooLarge { .. })
    ));
    assert!(matches!(
        Window::new(1, Duration::MAX),
        Err(PolicyError::InexactLength { .. })
    ));
}

#[test]
fn a_length_with_a_fraction_of_a_microsecond_names_its_nearest() {
    let nearest = |nanos| match Window::new(1, Duration::from_nanos(nanos)) {
        Err(PolicyError::InexactLength { nearest, .. }) => Some(nearest.as_micros()),
        _ => None,
    };
    assert_eq!(
        (nearest(1), nearest(1_499), nearest(1_500)),
        (Some(1), Some(1), Some(2))
    );
    assert_eq!((nearest(1_000), nearest(2_000)), (None, None));
}

#[test]
fn a_burst_times_its_interval_stays_below_2_to_the_52() {
    assert!(Gcra::every(Duration::from_micros(1 << 26), (1 << 26) - 1).is_ok());
    let error = Gcra::every(Duration::from_micros(1 << 26), 1 << 26);
    assert!(matches!(
        error,
        Err(PolicyError::TooLarge {
            what: "a burst times its emission interval"
        })
    ));
    assert!(matches!(
        Gcra::every(SECOND, u64::MAX),
        Err(PolicyError::TooLarge { .. })
    ));
    assert!(matches!(
        Gcra::every(SECOND, 0),
        Err(PolicyError::Zero { .. })
    ));
    assert!(matches!(
        Gcra::rate(0, SECOND, 1),
        Err(PolicyError::Zero { .. })
    ));
    assert!(matches!(
        Gcra::rate(u64::MAX, Duration::MAX, u64::MAX),
        Err(PolicyError::TooLarge { .. })
    ));
}

#[test]
fn an_error_names_the_policy_that_would_be_exact() {
    let error = Gcra::rate(7, SECOND, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "7 per 1s has no exact emission interval; the nearest exact policy is 1 per 142.857ms"
    );
    let too_fast = Gcra::rate(3_000_000, SECOND, 1).unwrap_err();
    assert!(
        matches!(too_fast, PolicyError::InexactRate { nearest, .. } if nearest == Duration::from_micros(1))
    );
}

#[test]
fn a_policy_has_limits_that_can_be_told_apart() {
    let minute = || Limit::window("minute", 1, SECOND).unwrap();
    assert!(matches!(
        Policy::new("p", []),
        Err(PolicyError::Empty { .. })
    ));
    assert!(matches!(
        Policy::new("p", [minute(), minute()]),
        Err(PolicyError::DuplicateLimit { .. })
    ));
    for name in ["", "a b", "a\r\n", "é", "a,b", &"x".repeat(24)] {
        assert!(
            matches!(Policy::new(name, [minute()]), Err(PolicyError::Name { .. })),
            "{name:?}"
        );
    }
    let longest = "x".repeat(Name::MAX_LENGTH);
    assert_eq!(
        Policy::new(&longest, [minute()]).unwrap().name().as_str(),
        longest
    );
}

#[test]
fn a_factor_that_does_not_divide_the_interval_is_refused() {
    let policy = Policy::new("p", [Limit::gcra("burst", 10, SECOND, 3).unwrap()]).unwrap();
    let scaled = |factor| policy.scaled(NonZeroU32::new(factor).unwrap());
    assert!(scaled(100_000).is_ok());
    assert!(matches!(scaled(3), Err(PolicyError::InexactRate { .. })));
    assert!(matches!(
        scaled(1_000_000),
        Err(PolicyError::InexactRate { .. })
    ));
    let wide = Policy::new("p", [Limit::window("w", BOUND - 1, SECOND).unwrap()]).unwrap();
    assert!(matches!(
        wide.scaled(NonZeroU32::MAX),
        Err(PolicyError::TooLarge { .. })
    ));
}

#[test]
fn the_tiers_are_those_of_the_documents() {
    let tiers = Tiers::standard();
    for (tier, limit, millis, burst) in [
        (Tier::Read, 600, 100, 30),
        (Tier::Upload, 60, 1_000, 5),
        (Tier::Mutation, 120, 500, 10),
    ] {
        let expected = [
            Limit::window("minute", limit, Duration::from_secs(60)).unwrap(),
            Limit::gcra("burst", 1, Duration::from_millis(millis), burst).unwrap(),
        ];
        assert_eq!(
            (tiers.of(tier).name().as_str(), tiers.of(tier).limits()),
            (tier.name(), &expected[..])
        );
    }
    assert_eq!(
        tiers.ceiling().limits(),
        [Limit::window("hour", 5_000, Duration::from_secs(3_600)).unwrap()]
    );
}

#[test]
fn a_check_is_refused_before_anything_is_charged() {
    let tiers = Tiers::standard();
    let subject = |key, policy| Subject {
        key: SubjectKey(key),
        policy,
    };
    let (read, ceiling) = (
        subject(1, tiers.of(Tier::Read)),
        subject(2, tiers.ceiling()),
    );
    let check =
        |subjects: &[Subject<'_>], cost| Check::new(SubjectKey(1), subjects, cost).map(|_| ());
    assert_eq!(check(&[], 1), Err(CheckError::NoSubject));
    assert_eq!(check(&[read], 0), Err(CheckError::ZeroCost));
    assert_eq!(check(&[ceiling, read], 30), Ok(()));
    let error = check(&[ceiling, read], 31).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a cost of 31 can never pass the limit `burst` of `read`: at most 30 at once"
    );
    let upload = subject(1, tiers.of(Tier::Upload));
    assert!(matches!(
        check(&[read, ceiling, upload], 1),
        Err(CheckError::TwoPolicies { .. })
    ));
    assert_eq!(check(&[read, ceiling, read], 1), Ok(()));
}

#[test]
fn sixty_four_are_decided_as_one_and_no_more() {
    let limits = |count: u64| (0..count).map(|nth| Limit::daily(&format!("l{nth}"), 1).unwrap());
    assert!(Policy::new("p", limits(64)).is_ok());
    assert!(matches!(
        Policy::new("p", limits(65)),
        Err(PolicyError::TooManyLimits { given: 65, .. })
    ));
    let policy = Policy::new("p", limits(1)).unwrap();
    let subject = |key: u128| Subject {
        key: SubjectKey(key),
        policy: &policy,
    };
    let subjects: Vec<Subject<'_>> = (0..65).map(subject).collect();
    assert!(Check::new(SubjectKey(0), &subjects[..64], 1).is_ok());
    assert!(matches!(
        Check::new(SubjectKey(0), &subjects, 1),
        Err(CheckError::TooManySubjects { given: 65 })
    ));
}

/// A shared store outlives a process: its keys must not change with a version.
#[test]
fn fingerprints_are_the_same_everywhere() {
    let hasher = SubjectHasher::new(*b"0123456789abcdef");
    assert_eq!(
        hasher.key("tier:read", b"acc_1").to_string(),
        "465b88accfd8f896654b4a4cd9cddc22"
    );
    let other = SubjectHasher::new(*b"0123456789abcdeg");
    assert_ne!(
        hasher.key("tier:read", b"acc_1"),
        other.key("tier:read", b"acc_1")
    );
    assert_eq!(format!("{hasher:?}"), "SubjectHasher(..)");
}

proptest! {
    /// Each part is the nearest stricter exact policy: one more of anything would be too much, but for limits below the number of parts.
    #[test]
    fn all_parts_together_stay_within_the_whole(
        limit in 1_u64..5_000,
        small in 1_u64..1_024,
        interval in 1_u64..1_000_000,
        burst in 1_u64..1_000,
        shares in 1_u32..200,
    ) {
        let (length, shares) = (Duration::from_secs(60), NonZeroU32::new(shares).unwrap());
        let gcra = Gcra::every(Duration::from_micros(interval), burst).unwrap();
        let whole = Policy::new("p", [
            Limit::window("window", limit, length).unwrap(),
            Limit::rolling("rolling", small, length).unwrap().shadowed(),
            Limit::monthly("month", limit).unwrap(),
            Limit::new("burst", Rule::Gcra(gcra)).unwrap(),
        ]).unwrap();
        let part = whole.divided(shares).unwrap();
        let shares = u64::from(shares.get());
        for (whole, part) in whole.limits().iter().zip(part.limits()) {
            let (all, one) = (whole.rule().most(), part.rule().most());
            prop_assert!(one * shares <= all || (one == 1 && all < shares));
            prop_assert!((one + 1) * shares > all);
            prop_assert_eq!((whole.name(), whole.exceeded()), (part.name(), part.exceeded()));
        }
        let Rule::Gcra(slower) = part.limits()[3].rule() else { panic!("another rule") };
        prop_assert_eq!(slower.interval(), gcra.interval() * u32::try_from(shares).unwrap());
        prop_assert_eq!(whole.divided(NonZeroU32::MIN).unwrap(), whole);
    }
}

#[test]
fn a_part_whose_interval_is_too_long_is_refused() {
    let days = Duration::from_secs(86_400 * 10_000);
    let slow = Policy::new(
        "p",
        [Limit::new("burst", Rule::Gcra(Gcra::every(days, 1).unwrap())).unwrap()],
    );
    let error = slow.unwrap().divided(NonZeroU32::new(9).unwrap());
    assert!(
        matches!(error, Err(PolicyError::TooLarge { .. })),
        "{error:?}"
    );
}
