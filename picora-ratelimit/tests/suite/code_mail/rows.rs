//! The documents' numbers, row by row.

use std::time::Duration;

use picora_core::Clock;
use picora_ratelimit::code_mail::{
    CodeMailAddress, CodeMailAnswer, CodeMailCause, CodeMailPurpose, CodeMailRequest,
};

use super::world::{World, receipt, refusal, request, run};

const BOB: &str = "bob@example.com";

/// Asks with a new client each time, so that only the address is limited: `(second, sent, limit that refused, Retry-After)`.
#[test]
fn rows_10_to_12_an_address() {
    let world = World::new();
    let mut second = 0;
    let mut nth = 0;
    let rows: &[(u64, Option<(&str, u64)>)] = &[
        (0, None),
        (0, Some(("minute", 60))),
        (59, Some(("minute", 1))),
        (60, None),
        (120, None),
        (180, None),
        (240, None),
        (299, Some(("hour", 3_301))),
        (300, Some(("hour", 3_300))),
        (3_599, Some(("hour", 1))),
        (3_600, None),
        (3_660, None),
        (3_720, None),
        (3_780, None),
        (3_840, None), // the tenth
        (86_399, Some(("day", 1))),
        (86_400, None),
        (86_400, Some(("minute", 60))), // and of the day's ten the next leaves in 60 s, too
        (86_459, Some(("minute", 1))),
        (86_460, None),
    ];
    for (at, expected) in rows {
        world.advance(at - second);
        (second, nth) = (*at, nth + 1);
        let got = match world.ask(BOB, &format!("client {nth}")) {
            CodeMailAnswer::Send(_) => None,
            answer => {
                let refused = refusal(answer);
                assert_eq!(refused.cause, CodeMailCause::Address);
                Some((
                    refused.limit.as_str().to_owned(),
                    refused.retry_after_seconds(),
                ))
            }
        };
        let expected = expected.map(|(limit, wait)| (limit.to_owned(), wait));
        assert_eq!(got, expected, "at {at} s");
    }
}

#[test]
fn row_10_to_the_microsecond() {
    let world = World::new();
    assert!(world.sends(BOB, "a"));
    world.clock.advance(Duration::from_micros(59_999_999));
    let refused = refusal(world.ask(BOB, "b"));
    assert_eq!(refused.retry_after, Duration::from_micros(1));
    assert_eq!(refused.retry_after_seconds(), 1);
    assert_eq!((refused.most, refused.used), (1, 1));
    assert_eq!(refused.window, Some(Duration::from_secs(60)));
    world.clock.advance(Duration::from_micros(1));
    assert!(world.sends(BOB, "b"));
}

#[test]
fn rows_13_and_14_a_client() {
    let world = World::new();
    let mut nth = 0;
    let mut next = || {
        nth += 1;
        format!("user{nth}@example.com")
    };
    for hour in 0..3 {
        let most = [20, 20, 10][hour];
        for _ in 0..most {
            assert!(world.sends(&next(), "client"));
        }
        let refused = refusal(world.ask(&next(), "client"));
        assert_eq!(refused.cause, CodeMailCause::Ip);
        let expected = [
            ("hour", 20, 3_600),
            ("hour", 20, 3_600),
            ("day", 50, 79_200),
        ][hour];
        let got = (
            refused.limit.as_str(),
            refused.used,
            refused.retry_after_seconds(),
        );
        assert_eq!(got, expected);
        assert!(
            world.sends(&next(), &format!("other {hour}")),
            "the address is free"
        );
        world.advance(3_600);
    }
    world.advance(86_400 - 3 * 3_600 - 1);
    assert_eq!(
        refusal(world.ask(&next(), "client")).retry_after_seconds(),
        1
    );
    world.advance(1);
    for _ in 0..20 {
        assert!(world.sends(&next(), "client"));
    }
    assert!(!world.sends(&next(), "client"));
}

#[test]
fn row_15_everybody() {
    let world = World::new();
    for nth in 0..100 {
        assert!(world.sends(&format!("user{nth}@example.com"), &format!("client {nth}")));
    }
    world.advance(59);
    for nth in 200..203 {
        let refused =
            refusal(world.ask(&format!("user{nth}@example.com"), &format!("client {nth}")));
        assert_eq!(refused.cause, CodeMailCause::Breaker);
        assert_eq!((refused.used, refused.retry_after_seconds()), (100, 1));
    }
    assert_eq!((world.openings(), world.notices()), (1, 1));
    world.advance(1);
    // Neither address nor client has been charged by the refusals.
    assert!(world.sends("user200@example.com", "client 200"));
}

#[test]
fn row_9_all_purposes_share_one_budget() {
    let world = World::new();
    let address = CodeMailAddress::new(BOB).unwrap();
    let mut sent = 0;
    for (nth, purpose) in CodeMailPurpose::ALL.into_iter().cycle().take(9).enumerate() {
        let client = format!("client {nth}");
        let asked = CodeMailRequest {
            purpose,
            ..request(&address, &client)
        };
        let now = world.clock.now();
        let answer = run(world.service.admit(&asked, now)).unwrap();
        sent += usize::from(matches!(answer, CodeMailAnswer::Send(_)));
        let at_once = run(world.service.admit(&asked, now)).unwrap();
        assert_eq!(refusal(at_once).cause, CodeMailCause::Address);
        world.advance(60);
    }
    assert_eq!(sent, 5);
}

#[test]
fn spellings_share_and_tags_do_not() {
    let world = World::new();
    assert!(world.sends(BOB, "a"));
    assert!(!world.sends("BOB@Example.Com.", "b"));
    assert!(world.sends("bob+tag@example.com", "c"));
    assert!(world.sends("bob@example.com\0", "d"));
}

#[test]
fn c40_the_wait_is_the_longest_of_all_homes() {
    let world = World::new();
    for nth in 0..20 {
        assert!(world.sends(&format!("user{nth}@example.com"), "client"));
    }
    world.advance(30);
    // The address waits 30 s, the client an hour less 30 s.
    let refused = refusal(world.ask("user0@example.com", "client"));
    assert_eq!(
        (refused.cause, refused.retry_after_seconds()),
        (CodeMailCause::Ip, 3_570)
    );
    for nth in 0..80 {
        assert!(world.sends(&format!("more{nth}@example.com"), &format!("more {nth}")));
    }
    // The client 3,570 s, everybody 30 s.
    let refused = refusal(world.ask("new@example.com", "client"));
    assert_eq!(
        (refused.cause, refused.retry_after_seconds()),
        (CodeMailCause::Ip, 3_570)
    );
    // The address 60 s, everybody 30 s.
    let refused = refusal(world.ask("more0@example.com", "new"));
    assert_eq!(
        (refused.cause, refused.retry_after_seconds()),
        (CodeMailCause::Address, 60)
    );
}

#[test]
fn a_mail_that_was_not_handed_over_is_given_back_to_all_three() {
    let world = World::new();
    for _ in 0..200 {
        let receipt = receipt(world.ask(BOB, "client"));
        world.give_back(receipt).unwrap();
    }
    let _kept = receipt(world.ask(BOB, "client"));
    assert!(!world.sends(BOB, "client"));
}
