//! Promises about the life of a reservation.

use std::time::Duration;

use picora_core::{Amount, Dimension, Timestamp};

use super::{NOW, TTL, admitted, answer, denied, exactly, numbers, only, request, set};
use crate::{Extended, Item, Items, Ledger, ReservationState, Settled};

const IMAGES: Dimension = Dimension::ImgStorage;

/// What came is used; the rest is given back. What is not named was all used.
pub async fn commits_what_really_came(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 60);
    admitted(store, &first, NOW).await;
    let done = answer(
        store
            .commit(first.id, &[(IMAGES, Amount::from(45))], NOW)
            .await,
    );
    assert!(
        matches!(done, Settled::Done(held) if held.state == ReservationState::Committed && held.amount_of(IMAGES).get() == 45)
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (45, 0));
    let second = exactly(2, IMAGES, 55);
    admitted(store, &second, NOW).await;
    answer(store.commit(second.id, &[], NOW).await);
    assert_eq!(numbers(store, IMAGES, NOW).await, (100, 0));
}

/// More than was granted is not committed, and the reservation stays pending.
pub async fn refuses_to_commit_more_than_granted(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 60);
    admitted(store, &first, NOW).await;
    let answered = answer(
        store
            .commit(first.id, &[(IMAGES, Amount::from(61))], NOW)
            .await,
    );
    assert!(
        matches!(answered, Settled::Exceeds(exceeds) if exceeds.granted.get() == 60 && exceeds.actual.get() == 61)
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 60));
    assert!(matches!(
        answer(store.release(first.id, NOW).await),
        Settled::Done(_)
    ));
}

/// A released reservation holds nothing.
pub async fn gives_back_on_release(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 100);
    admitted(store, &first, NOW).await;
    assert!(
        matches!(answer(store.release(first.id, NOW).await), Settled::Done(held) if held.state == ReservationState::Released)
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
    admitted(store, &exactly(2, IMAGES, 100), NOW).await;
    assert_eq!(
        answer(store.release(exactly(3, IMAGES, 1).id, NOW).await),
        Settled::Unknown
    );
}

/// Whatever comes first stands; later calls tell it and change nothing.
pub async fn resolves_once(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let (kept, dropped) = (exactly(1, IMAGES, 30), exactly(2, IMAGES, 30));
    admitted(store, &kept, NOW).await;
    admitted(store, &dropped, NOW).await;
    answer(store.commit(kept.id, &[], NOW).await);
    answer(store.release(dropped.id, NOW).await);
    for _ in 0..2 {
        let state = |settled| match settled {
            Settled::Earlier(held) => held.state,
            other => panic!("expected what stood before, got {other:?}"),
        };
        assert_eq!(
            state(answer(store.release(kept.id, NOW).await)),
            ReservationState::Committed
        );
        assert_eq!(
            state(answer(store.commit(kept.id, &[], NOW).await)),
            ReservationState::Committed
        );
        assert_eq!(
            state(answer(store.commit(dropped.id, &[], NOW).await)),
            ReservationState::Released
        );
        assert_eq!(numbers(store, IMAGES, NOW).await, (30, 0));
    }
}

/// A microsecond before its time it can be committed, at its time it cannot; sweeping gives its room back.
pub async fn expires_at_its_time(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    for number in 1..=3 {
        admitted(store, &exactly(number, IMAGES, 30), NOW).await;
    }
    let end = NOW.saturating_add(TTL);
    let just_before = Timestamp::from_unix_micros(end.unix_micros() - 1);
    assert_eq!(answer(store.sweep(10, just_before).await), 0);
    assert!(matches!(
        answer(
            store
                .commit(exactly(1, IMAGES, 30).id, &[], just_before)
                .await
        ),
        Settled::Done(_)
    ));
    let late = answer(store.commit(exactly(2, IMAGES, 30).id, &[], end).await);
    assert!(
        matches!(late, Settled::Earlier(held) if held.state == ReservationState::Expired),
        "a late commit is told so"
    );
    assert_eq!(answer(store.sweep(10, end).await), 1);
    assert_eq!(answer(store.sweep(10, end).await), 0);
    assert_eq!(numbers(store, IMAGES, end).await, (30, 0));
    let swept = answer(store.reservation(exactly(3, IMAGES, 30).id).await);
    assert_eq!(
        swept.map(|held| held.state),
        Some(ReservationState::Expired)
    );
}

/// Dead reservations never deny a living one, also when nobody has swept.
pub async fn readmits_when_only_dead_reservations_are_in_the_way(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    admitted(store, &exactly(1, IMAGES, 100), NOW).await;
    let end = NOW.saturating_add(TTL);
    admitted(store, &exactly(2, IMAGES, 100), end).await;
    assert_eq!(numbers(store, IMAGES, end).await, (0, 100));
}

/// Heartbeats put the end off, up to a day after the beginning; a dead reservation does not come back.
pub async fn lives_by_heartbeats_but_not_for_ever(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 100);
    admitted(store, &first, NOW).await;
    let minute = Duration::from_secs(60);
    let later = NOW.saturating_add(TTL - minute);
    assert_eq!(
        answer(store.heartbeat(first.id, TTL, later).await),
        Some(later.saturating_add(TTL))
    );
    assert_eq!(
        answer(store.heartbeat(first.id, minute, later).await),
        Some(later.saturating_add(TTL)),
        "never earlier"
    );
    let day = NOW.saturating_add(Duration::from_secs(86_400));
    let mut now = later;
    for _ in 0..200 {
        now = now.saturating_add(TTL - minute);
        match answer(store.heartbeat(first.id, TTL, now).await) {
            Some(end) => assert!(end <= day, "it ends a day after it began"),
            None => break,
        }
    }
    assert!(now >= day, "it lived while heartbeats came");
    assert_eq!(numbers(store, IMAGES, now).await.0, 0);
    assert_eq!(answer(store.heartbeat(first.id, TTL, now).await), None);
}

/// Growing names totals, so repeating it holds no more.
pub async fn grows_to_totals(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 8);
    admitted(store, &first, NOW).await;
    let to = |most: u32, least: u32| {
        Items::new([Item::up_to(IMAGES, Amount::from(most), Amount::from(least))]).expect("small")
    };
    for _ in 0..2 {
        let grown = answer(store.extend(first.id, &to(64, 64), NOW).await);
        assert!(matches!(grown, Extended::Grown(held) if held.amount_of(IMAGES).get() == 64));
        assert_eq!(numbers(store, IMAGES, NOW).await, (0, 64));
    }
    let grown = answer(store.extend(first.id, &to(128, 65), NOW).await);
    assert!(
        matches!(grown, Extended::Grown(held) if held.amount_of(IMAGES).get() == 100),
        "it takes what remains"
    );
    answer(
        store
            .commit(first.id, &[(IMAGES, Amount::from(70))], NOW)
            .await,
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (70, 0));
}

/// A refused growth tells its numbers and leaves what was held.
pub async fn keeps_what_it_held_when_it_may_not_grow(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let first = exactly(1, IMAGES, 60);
    admitted(store, &first, NOW).await;
    let more = Items::new([Item::exactly(IMAGES, Amount::from(101))]).expect("small");
    let Extended::Denied(denial) = answer(store.extend(first.id, &more, NOW).await) else {
        panic!("101 > 100")
    };
    let short = denial.strictest;
    assert_eq!(
        [short.used, short.reserved, short.limit, short.requested].map(Amount::get),
        [0, 60, 100, 41]
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 60));
    assert_eq!(
        answer(store.extend(exactly(9, IMAGES, 1).id, &more, NOW).await),
        Extended::Unknown
    );
    answer(store.release(first.id, NOW).await);
    assert!(matches!(
        answer(store.extend(first.id, &more, NOW).await),
        Extended::Resolved(_)
    ));
}

/// Outcomes are remembered for a day after they were decided, pending ones as long as they are pending.
pub async fn forgets_outcomes_after_a_day(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let (kept, refused) = (exactly(1, IMAGES, 60), exactly(2, IMAGES, 60));
    admitted(store, &kept, NOW).await;
    denied(store, &refused, NOW).await;
    answer(store.commit(kept.id, &[], NOW).await);
    let day = NOW.saturating_add(crate::ledger::OUTCOMES_LIVE);
    let just_before = Timestamp::from_unix_micros(day.unix_micros() - 1);
    assert_eq!(answer(store.prune(10, just_before).await), 0);
    assert_eq!(answer(store.prune(10, day).await), 2);
    assert_eq!(answer(store.reservation(kept.id).await), None);
    assert_eq!(
        numbers(store, IMAGES, day).await,
        (60, 0),
        "what was committed stays used"
    );
    let pending = request(3, [Item::exactly(IMAGES, Amount::ONE)]);
    admitted(store, &pending, day).await;
    assert_eq!(
        answer(
            store
                .prune(10, day.saturating_add(crate::ledger::OUTCOMES_LIVE))
                .await
        ),
        0
    );
}
