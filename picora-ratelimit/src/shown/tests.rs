use std::time::Duration;

use picora_core::Timestamp;

use super::choose;
use crate::{Limit, Name, Report};

/// A window of so many with so many left; the wait says whether it denies.
fn window(subject: usize, limit: u64, remaining: u64, wait: u64) -> Report {
    report(
        subject,
        &Limit::window("w", limit, Duration::from_secs(60)).unwrap(),
        remaining,
        wait,
    )
}

fn burst(subject: usize, wait: u64) -> Report {
    report(
        subject,
        &Limit::gcra("b", 10, Duration::from_secs(1), 30).unwrap(),
        0,
        wait,
    )
}

fn report(subject: usize, limit: &Limit, remaining: u64, wait: u64) -> Report {
    Report {
        policy: Name::new("p").unwrap(),
        limit: limit.name(),
        rule: limit.rule(),
        exceeded: limit.exceeded(),
        remaining,
        reset: Timestamp::EPOCH,
        wait: Duration::from_micros(wait),
        subject,
    }
}

#[test]
fn on_allow_the_smallest_part_left_shows() {
    assert_eq!(
        choose(&[
            window(0, 600, 300, 0),
            burst(0, 0),
            window(1, 5_000, 2_499, 0)
        ]),
        Some(2)
    );
    assert_eq!(
        choose(&[
            window(0, 600, 299, 0),
            burst(0, 0),
            window(1, 5_000, 2_499, 0)
        ]),
        Some(0)
    );
    assert_eq!(
        choose(&[window(0, 600, 0, 0), burst(0, 0), window(1, 5_000, 1, 0)]),
        Some(0)
    );
}

#[test]
fn on_allow_a_tie_goes_to_the_first() {
    assert_eq!(
        choose(&[window(0, 600, 300, 0), window(1, 5_000, 2_500, 0)]),
        Some(0)
    );
    assert_eq!(
        choose(&[
            burst(0, 0),
            window(1, 5_000, 2_500, 0),
            window(2, 600, 300, 0)
        ]),
        Some(1)
    );
}

#[test]
fn on_deny_the_violated_window_with_the_longest_wait_shows() {
    assert_eq!(
        choose(&[window(0, 600, 0, 5), window(1, 5_000, 0, 9)]),
        Some(1)
    );
    assert_eq!(
        choose(&[window(0, 600, 0, 9), window(1, 5_000, 0, 9)]),
        Some(0)
    );
    assert_eq!(
        choose(&[window(0, 600, 0, 0), window(1, 5_000, 3, 1)]),
        Some(1),
        "the other has room for this cost"
    );
    assert_eq!(
        choose(&[window(0, 600, 0, 1), burst(0, 9), window(1, 5_000, 1, 0)]),
        Some(0),
        "a window before a burst"
    );
}

#[test]
fn on_a_denial_by_burst_alone_the_window_beside_it_shows() {
    assert_eq!(
        choose(&[window(0, 600, 570, 0), burst(0, 1), window(1, 5_000, 1, 0)]),
        Some(0)
    );
    assert_eq!(
        choose(&[window(0, 600, 1, 0), window(1, 60, 59, 0), burst(1, 1)]),
        Some(1)
    );
    assert_eq!(
        choose(&[
            window(0, 600, 570, 0),
            burst(0, 1),
            window(1, 9, 9, 0),
            burst(1, 2)
        ]),
        Some(2)
    );
}

#[test]
fn a_burst_without_a_window_shows_the_scarcest_of_the_others_or_nothing() {
    assert_eq!(
        choose(&[burst(0, 1), window(1, 600, 570, 0), window(2, 10, 1, 0)]),
        Some(2)
    );
    assert_eq!(choose(&[burst(0, 1)]), None);
    assert_eq!(choose(&[burst(0, 0)]), None);
}
