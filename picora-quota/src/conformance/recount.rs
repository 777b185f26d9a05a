//! Promises about counting the truth again.

use picora_core::{Amount, Dimension, Limit, Limits, PostingKey, StoreErrorKind, Tally};

use super::{ACCOUNT, NOW, admitted, answer, exactly, numbers, posting, set, with_limits};
use crate::{Counter, Ledger, LedgerReports, Recount, Recounted, Seen};

const IMAGES: Dimension = Dimension::ImgStorage;

/// What differs is posted once, however often the correction comes, and is written down like every other movement.
pub async fn corrects_the_difference_once<S: Ledger + LedgerReports>(store: &S) {
    used(store, 100).await;
    let even = recount(store, 1, 100).await;
    assert_eq!(answer(store.correct(&even, NOW).await), Recounted::Even);
    let less = recount(store, 2, 90).await;
    let Recounted::Posted { before, after } = answer(store.correct(&less, NOW).await) else {
        panic!("ten are missing")
    };
    assert_eq!((before.used.get(), after.used.get()), (100, 90));
    let again = recount(store, 2, 80).await;
    let answered = answer(store.correct(&again, NOW).await);
    assert_eq!(answered, Recounted::Refused, "the key is used");
    assert_eq!(numbers(store, IMAGES, NOW).await, (90, 0));
    let facts = answer(store.facts(ACCOUNT, NOW).await).expect("it is known");
    assert_eq!(facts.examine(NOW), []);
}

/// When the cell has moved since the count, by whatever, the count is stale.
pub async fn refuses_a_stale_recount<S: Ledger + LedgerReports>(store: &S) {
    used(store, 100).await;
    let stale = recount(store, 1, 95).await;
    answer(store.post(&posting("more", 1, IMAGES, NOW), NOW).await);
    assert_eq!(answer(store.correct(&stale, NOW).await), Recounted::Moved);
    let stale = recount(store, 1, 95).await;
    admitted(store, &exactly(1, IMAGES, 1), NOW).await;
    assert_eq!(answer(store.correct(&stale, NOW).await), Recounted::Moved);
    assert_eq!(numbers(store, IMAGES, NOW).await, (101, 1));
    let fresh = recount(store, 1, 95).await;
    let corrected = answer(store.correct(&fresh, NOW).await);
    assert!(
        matches!(corrected, Recounted::Posted { .. }),
        "a refused one uses no key"
    );
    assert_eq!(numbers(store, IMAGES, NOW).await, (95, 1));
}

/// More than a fifth is not believed, unless somebody says so.
pub async fn refuses_an_implausible_recount_without_force<S: Ledger + LedgerReports>(store: &S) {
    used(store, 100).await;
    let partial = recount(store, 1, 79).await;
    let answered = answer(store.correct(&partial, NOW).await);
    assert_eq!(answered, Recounted::Implausible);
    assert_eq!(numbers(store, IMAGES, NOW).await, (100, 0));
    let forced = Recount {
        force: true,
        ..partial
    };
    let answered = answer(store.correct(&forced, NOW).await);
    assert!(matches!(answered, Recounted::Posted { .. }));
    assert_eq!(numbers(store, IMAGES, NOW).await, (79, 0));
}

/// What was served is nowhere but in the ledger: windows, single items and open reservations cannot be counted again.
pub async fn recounts_no_windows(store: &dyn Ledger) {
    used(store, 100).await;
    let counters = [
        Counter::Dimension(Dimension::ImgBandwidth),
        Counter::Dimension(Dimension::UploadsPerDay),
        Counter::Dimension(Dimension::DocMaxFile),
        Counter::Tally(Tally::AudioBandwidth),
        Counter::OpenReservations,
    ];
    for counter in counters {
        let windowed = Recount {
            key: PostingKey::new("recount", &counter.name()),
            account: ACCOUNT,
            counter,
            seen: Seen {
                used: Amount::ZERO,
                moves: 0,
            },
            truth: Amount::ONE,
            force: true,
        };
        let answered = answer(store.correct(&windowed, NOW).await);
        assert_eq!(answered, Recounted::Refused, "{counter:?}");
    }
}

/// No correction takes a number below zero or above 2^62; the refusal is typed and changes nothing.
pub async fn keeps_recounts_in_range<S: Ledger + LedgerReports>(store: &S) {
    used(store, 10).await;
    let mut wrong = recount(store, 1, 0).await;
    wrong.seen.used = Amount::from(11); // whoever counted saw another number
    wrong.force = true;
    let refused = store.correct(&wrong, NOW).await;
    let kind = refused.expect_err("11 of 10").kind();
    assert_eq!(kind, StoreErrorKind::OutOfRange);
    admitted(store, &exactly(1, IMAGES, 1), NOW).await;
    let mut wrong = recount(store, 1, 0).await;
    wrong.truth = Amount::MAX;
    wrong.force = true;
    let refused = store.correct(&wrong, NOW).await;
    let kind = refused
        .expect_err("with what is reserved above 2^62")
        .kind();
    assert_eq!(kind, StoreErrorKind::OutOfRange);
    assert_eq!(numbers(store, IMAGES, NOW).await, (10, 1));
}

/// A recount of images as of now.
async fn recount<S: LedgerReports>(store: &S, number: u32, truth: u32) -> Recount {
    let counter = Counter::Dimension(IMAGES);
    Recount {
        key: PostingKey::new("recount", &number),
        account: ACCOUNT,
        counter,
        seen: answer(store.seen(ACCOUNT, counter).await),
        truth: Amount::from(truth),
        force: false,
    }
}

async fn used(store: &dyn Ledger, amount: u32) {
    set(
        store,
        &with_limits(Limits::NOTHING.with(IMAGES, Limit::Unlimited)),
    )
    .await;
    let some = posting("some", i64::from(amount), IMAGES, NOW);
    answer(store.post(&some, NOW).await);
}
