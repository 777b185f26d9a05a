//! Promises about who is admitted.

use futures::future::join_all;
use picora_core::{Amount, Dimension, Limit, Limits, SetLimits};

use super::{
    ACCOUNT, NOW, admitted, answer, cell, denied, exactly, numbers, only, request, set, with_limits,
};
use crate::{Counter, Item, Ledger, RequestHash, Reserved};

/// At limit − 1 and at the limit it admits, at limit + 1 it denies with the numbers that decided it.
pub async fn admits_up_to_the_limit_and_not_past_it(store: &dyn Ledger) {
    set(store, &only(Dimension::ImgStorage, 100)).await;
    admitted(store, &exactly(1, Dimension::ImgStorage, 99), NOW).await;
    assert_eq!(
        denied(store, &exactly(2, Dimension::ImgStorage, 2), NOW).await,
        [0, 99, 100, 2]
    );
    admitted(store, &exactly(3, Dimension::ImgStorage, 1), NOW).await;
    assert_eq!(
        denied(store, &exactly(4, Dimension::ImgStorage, 1), NOW).await,
        [0, 100, 100, 1]
    );
    assert_eq!(numbers(store, Dimension::ImgStorage, NOW).await, (0, 100));
}

/// When one dimension does not fit, none is charged.
pub async fn charges_all_dimensions_or_none(store: &dyn Ledger) {
    let limits = Limits::NOTHING
        .with(Dimension::ImgStorage, Limit::Max(Amount::from(100)))
        .with(Dimension::UploadsPerDay, Limit::Max(Amount::ONE));
    set(store, &with_limits(limits)).await;
    let upload = |number, bytes: u32| {
        request(
            number,
            [
                Item::exactly(Dimension::UploadsPerDay, Amount::ONE),
                Item::exactly(Dimension::ImgStorage, Amount::from(bytes)),
            ],
        )
    };
    admitted(store, &upload(1, 10), NOW).await;
    denied(store, &upload(2, 10), NOW).await;
    assert_eq!(numbers(store, Dimension::ImgStorage, NOW).await, (0, 10));
    assert_eq!(numbers(store, Dimension::UploadsPerDay, NOW).await, (0, 1));
}

/// All limits are evaluated; one that no time lifts comes before one that resets, and the month before the day.
pub async fn tells_the_strictest_limit_first(store: &dyn Ledger) {
    set(store, &with_limits(Limits::NOTHING)).await;
    let dimensions = [
        Dimension::UploadsPerDay,
        Dimension::UploadsPerMonth,
        Dimension::ImgStorage,
    ];
    let items = dimensions.map(|dimension| Item::exactly(dimension, Amount::ONE));
    let Reserved::Denied(denial) = answer(store.reserve(&request(1, items), NOW).await) else {
        panic!("limits of zero admit nothing")
    };
    let told: Vec<_> = denial
        .iter()
        .map(|short| (short.counter, short.resets_at))
        .collect();
    let dimension = |dimension: Dimension| {
        (
            Counter::Dimension(dimension),
            dimension.window_at(NOW).and_then(picora_core::Window::end),
        )
    };
    let expected = [
        Dimension::ImgStorage,
        Dimension::UploadsPerMonth,
        Dimension::UploadsPerDay,
    ]
    .map(dimension);
    assert_eq!(told, expected);
}

/// A request with a range gets the room that there is, and is denied below its least.
pub async fn grants_what_remains_between_least_and_most(store: &dyn Ledger) {
    set(store, &only(Dimension::ImgStorage, 100)).await;
    let up_to = |number, most: u32, least: u32| {
        request(
            number,
            [Item::up_to(
                Dimension::ImgStorage,
                Amount::from(most),
                Amount::from(least),
            )],
        )
    };
    let first = admitted(store, &up_to(1, 70, 10), NOW).await;
    assert_eq!(first.amount_of(Dimension::ImgStorage), Amount::from(70));
    assert_eq!(
        denied(store, &up_to(2, 70, 31), NOW).await,
        [0, 70, 100, 31]
    );
    let rest = admitted(store, &up_to(3, 70, 30), NOW).await;
    assert_eq!(rest.amount_of(Dimension::ImgStorage), Amount::from(30));
    assert_eq!(numbers(store, Dimension::ImgStorage, NOW).await, (0, 100));
}

/// A repeated id never charges again: admitted it tells how it stands, denied it is denied with the same numbers, and for another
/// request or account it is refused.
pub async fn repeats_the_answer_of_a_repeated_id(store: &dyn Ledger) {
    set(store, &only(Dimension::ImgStorage, 100)).await;
    let first = exactly(1, Dimension::ImgStorage, 60);
    let reservation = admitted(store, &first, NOW).await;
    assert_eq!(
        answer(store.reserve(&first, NOW).await),
        Reserved::Replayed(reservation)
    );
    let second = exactly(2, Dimension::ImgStorage, 60);
    let numbers_then = denied(store, &second, NOW).await;
    answer(store.release(first.id, NOW).await);
    assert_eq!(
        denied(store, &second, NOW).await,
        numbers_then,
        "a denied id stays denied, though there is room now"
    );
    let mut other = first.clone();
    other.request = RequestHash([2; 32]);
    assert_eq!(
        answer(store.reserve(&other, NOW).await),
        Reserved::KeyReused
    );
    let mut stranger = second.clone();
    stranger.account = picora_core::AccountId::from_bytes([8; 16]);
    assert_eq!(
        answer(store.reserve(&stranger, NOW).await),
        Reserved::KeyReused
    );
    assert_eq!(numbers(store, Dimension::ImgStorage, NOW).await, (0, 0));
}

/// No more reservations are open at once than the account may have; settling one makes room for another.
pub async fn bounds_open_reservations(store: &dyn Ledger) {
    let limits = Limits::NOTHING.with(Dimension::DocCount, Limit::Unlimited);
    set(
        store,
        &SetLimits {
            account: ACCOUNT,
            limits,
            open_reservations: Amount::from(2),
        },
    )
    .await;
    for number in 1..=2 {
        admitted(store, &exactly(number, Dimension::DocCount, 1), NOW).await;
    }
    let Reserved::Denied(denial) = answer(
        store
            .reserve(&exactly(3, Dimension::DocCount, 1), NOW)
            .await,
    ) else {
        panic!("two are open already")
    };
    assert_eq!(denial.strictest.counter, Counter::OpenReservations);
    answer(
        store
            .commit(exactly(1, Dimension::DocCount, 1).id, &[], NOW)
            .await,
    );
    admitted(store, &exactly(4, Dimension::DocCount, 1), NOW).await;
    assert_eq!(numbers(store, Dimension::DocCount, NOW).await, (1, 2));
}

/// A limit of single items lets each item through that is not above it, and sums nothing.
pub async fn checks_single_items_and_keeps_nothing(store: &dyn Ledger) {
    set(store, &only(Dimension::DocMaxFile, 100)).await;
    for number in 1..=3 {
        let held = admitted(store, &exactly(number, Dimension::DocMaxFile, 100), NOW).await;
        assert_eq!(held.amount_of(Dimension::DocMaxFile), Amount::ZERO);
    }
    assert_eq!(
        denied(store, &exactly(4, Dimension::DocMaxFile, 101), NOW).await,
        [0, 0, 100, 101]
    );
    assert_eq!(numbers(store, Dimension::DocMaxFile, NOW).await, (0, 0));
}

/// A thousand reserves at once admit exactly ⌊limit / size⌋.
pub async fn admits_exactly_what_fits_under_concurrency(store: &dyn Ledger) {
    set(store, &only(Dimension::MediaStorage, 7 * 123 + 6)).await;
    let requests: Vec<_> = (1..=1_000)
        .map(|number| exactly(number, Dimension::MediaStorage, 7))
        .collect();
    let answers = join_all(requests.iter().map(|request| store.reserve(request, NOW))).await;
    let admitted = answers
        .into_iter()
        .filter(|one| matches!(one, Ok(Reserved::Admitted(_))))
        .count();
    assert_eq!(admitted, 123);
    let cell = cell(store, Dimension::MediaStorage, NOW).await;
    assert_eq!((cell.used.get(), cell.reserved.get()), (0, 7 * 123));
}
