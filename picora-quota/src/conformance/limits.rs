//! Promises about limits, postings and windows.

use picora_core::{
    AccountId, Amount, CalendarDay, CalendarMonth, Dimension, Limit, Limits, Posting,
    StoreErrorKind, Timestamp,
};

use super::{
    NOW, admitted, answer, cell, denied, exactly, numbers, only, posting, set, with_limits,
};
use crate::{Ledger, Posted};

const IMAGES: Dimension = Dimension::ImgStorage;

/// A lowered limit keeps what is used and admits nothing more until enough is freed; a raised one admits at once.
pub async fn keeps_usage_when_a_plan_changes(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    admitted(store, &exactly(1, IMAGES, 80), NOW).await;
    answer(store.commit(exactly(1, IMAGES, 80).id, &[], NOW).await);
    set(store, &only(IMAGES, 50)).await;
    assert_eq!(
        denied(store, &exactly(2, IMAGES, 1), NOW).await,
        [80, 0, 50, 1]
    );
    answer(store.post(&posting("free", -31, IMAGES, NOW), NOW).await);
    admitted(store, &exactly(3, IMAGES, 1), NOW).await;
    set(store, &only(IMAGES, 200)).await;
    admitted(store, &exactly(4, IMAGES, 150), NOW).await;
    assert_eq!(numbers(store, IMAGES, NOW).await, (49, 151));
    set(
        store,
        &with_limits(Limits::NOTHING.with(IMAGES, Limit::Unlimited)),
    )
    .await;
    admitted(store, &exactly(5, IMAGES, u32::MAX), NOW).await;
}

/// A key moves the ledger once.
pub async fn posts_once(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    let force = posting("unlock", 30, IMAGES, NOW);
    let Posted::Done { before, after } = answer(store.post(&force, NOW).await) else {
        panic!("a fresh key")
    };
    assert_eq!(
        (before.used.get(), after.used.get(), after.limit),
        (0, 30, Limit::Max(Amount::from(100)))
    );
    assert_eq!(answer(store.post(&force, NOW).await), Posted::Used);
    assert_eq!(numbers(store, IMAGES, NOW).await, (30, 0));
}

/// A posting asks for no room, and never takes more than there is.
pub async fn posts_above_the_limit_but_never_below_zero(store: &dyn Ledger) {
    set(store, &only(IMAGES, 100)).await;
    answer(store.post(&posting("force", 130, IMAGES, NOW), NOW).await);
    assert_eq!(
        denied(store, &exactly(1, IMAGES, 1), NOW).await,
        [130, 0, 100, 1]
    );
    let too_much = posting("free", -131, IMAGES, NOW);
    let error = store
        .post(&too_much, NOW)
        .await
        .expect_err("131 of 130 cannot be freed");
    assert_eq!(error.kind(), StoreErrorKind::OutOfRange);
    assert_eq!(numbers(store, IMAGES, NOW).await, (130, 0));
    let same_key = Posting {
        tally: None,
        delta: -130,
        ..too_much
    };
    assert!(
        matches!(
            answer(store.post(&same_key, NOW).await),
            Posted::Done { .. }
        ),
        "a refused posting uses no key"
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
}

/// A window counts from zero, and what was reserved before midnight is committed before midnight.
pub async fn starts_windows_at_zero_and_pins_reservations_to_theirs(store: &dyn Ledger) {
    let limits = Limits::NOTHING
        .with(Dimension::UploadsPerDay, Limit::Max(Amount::from(2)))
        .with(Dimension::UploadsPerMonth, Limit::Max(Amount::from(3)));
    set(store, &with_limits(limits)).await;
    let midnight = CalendarDay::of(NOW).end();
    let before = Timestamp::from_unix_micros(midnight.unix_micros() - 1);
    let (late, early) = (
        exactly(1, Dimension::UploadsPerDay, 2),
        exactly(2, Dimension::UploadsPerDay, 2),
    );
    admitted(store, &late, before).await;
    answer(store.commit(late.id, &[], midnight).await);
    assert_eq!(
        numbers(store, Dimension::UploadsPerDay, before).await,
        (2, 0)
    );
    admitted(store, &early, midnight).await;
    assert_eq!(
        numbers(store, Dimension::UploadsPerDay, midnight).await,
        (0, 2)
    );
    let month_end = CalendarMonth::of(NOW).end();
    admitted(store, &exactly(3, Dimension::UploadsPerMonth, 3), NOW).await;
    denied(store, &exactly(4, Dimension::UploadsPerMonth, 1), NOW).await;
    admitted(store, &exactly(5, Dimension::UploadsPerMonth, 3), month_end).await;
}

/// Bytes served in a month count for that month, also when they are posted in the next (C25).
pub async fn posts_into_the_window_of_the_event(store: &dyn Ledger) {
    set(store, &only(Dimension::ImgBandwidth, 1_000)).await;
    let next_month = CalendarMonth::of(NOW).end();
    answer(
        store
            .post(
                &posting("meter", 400, Dimension::ImgBandwidth, NOW),
                next_month,
            )
            .await,
    );
    assert_eq!(numbers(store, Dimension::ImgBandwidth, NOW).await, (400, 0));
    assert_eq!(
        numbers(store, Dimension::ImgBandwidth, next_month).await,
        (0, 0)
    );
    assert_eq!(
        cell(store, Dimension::ImgBandwidth, next_month).await.limit,
        Limit::Max(Amount::from(1_000))
    );
}

/// No number leaves `0..=2^62`, also without a limit; the refusal is typed and changes nothing.
pub async fn overflows_into_an_error(store: &dyn Ledger) {
    set(
        store,
        &with_limits(Limits::NOTHING.with(IMAGES, Limit::Unlimited)),
    )
    .await;
    let most = Amount::MAX.to_i64();
    answer(store.post(&posting("force", most, IMAGES, NOW), NOW).await);
    for delta in [1, most, i64::MAX, i64::MIN] {
        let error = store
            .post(&posting("more", delta, IMAGES, NOW), NOW)
            .await
            .expect_err("2^62 is the most");
        assert_eq!(error.kind(), StoreErrorKind::OutOfRange, "{delta}");
    }
    let reserved = denied(store, &exactly(1, IMAGES, 1), NOW).await;
    assert_eq!(reserved[2], Amount::MAX.get());
    assert_eq!(numbers(store, IMAGES, NOW).await, (Amount::MAX.get(), 0));
    let single = store
        .post(&posting("item", 1, Dimension::DocMaxFile, NOW), NOW)
        .await;
    assert_eq!(
        single.expect_err("nothing is kept of single items").kind(),
        StoreErrorKind::OutOfRange
    );
}

/// An account that nobody gave limits may do nothing, and asking for it changes nothing.
pub async fn gives_unknown_accounts_nothing(store: &dyn Ledger) {
    assert_eq!(
        denied(store, &exactly(1, IMAGES, 1), NOW).await,
        [0, 0, 0, 1]
    );
    let usage = answer(store.usage(AccountId::from_bytes([9; 16]), NOW).await);
    assert_eq!(usage.len(), Dimension::ALL.len());
    assert!(
        usage
            .iter()
            .all(|line| line.cell.limit == Limit::NOTHING && line.cell.used == Amount::ZERO)
    );
}
