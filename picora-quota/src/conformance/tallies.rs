//! Promises about parts of a dimension that are kept by themselves.

use picora_core::{Amount, Dimension, Posting, StoreErrorKind, Tally};

use super::{NOW, TTL, admitted, after, answer, exactly, numbers, only, posting, set, tally};
use crate::{Item, Items, Ledger, LedgerReports, Posted, Reserve};

const POOL: Dimension = Dimension::MediaStorage;
const AUDIO: Tally = Tally::AudioStorage;

/// Audio is reserved, grown, committed, given back and deleted with the pool that it is part of; video moves the pool alone.
pub async fn moves_audio_with_its_pool<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(POOL, 1_000)).await;
    let (kept, dropped, forgotten) = (song(1, 60), song(2, 7), song(3, 5));
    for one in [&kept, &dropped, &forgotten, &exactly(4, POOL, 300)] {
        admitted(store, one, NOW).await;
    }
    assert_eq!(both(store).await, ((0, 372), (0, 72)));
    let totals = Items::new([Item::exactly(POOL, Amount::from(80))]).expect("small");
    answer(store.extend(kept.id, &totals, NOW).await);
    assert_eq!(both(store).await, ((0, 392), (0, 92)));
    let came = [(POOL, Amount::from(70))];
    answer(store.commit(kept.id, &came, NOW).await);
    assert_eq!(both(store).await, ((70, 312), (70, 12)));
    answer(store.release(dropped.id, NOW).await);
    assert_eq!(both(store).await, ((70, 305), (70, 5)));
    answer(store.commit(exactly(4, POOL, 0).id, &[], NOW).await);
    assert_eq!(both(store).await, ((370, 5), (70, 5)));
    answer(store.sweep(10, after(TTL.as_secs())).await);
    assert_eq!(both(store).await, ((370, 0), (70, 0)));
    answer(store.post(&audio("deleted", -70), NOW).await);
    assert_eq!(both(store).await, ((300, 0), (0, 0)));
    let usage = answer(store.usage(super::ACCOUNT, NOW).await);
    let lines = usage.iter().filter(|line| line.tally > Amount::ZERO);
    assert_eq!(lines.count(), 0);
    answer(store.post(&audio("more", 4), NOW).await);
    let usage = answer(store.usage(super::ACCOUNT, NOW).await);
    let line = usage.iter().find(|line| line.dimension == POOL);
    let line = line.map(|line| (line.cell.used.get(), line.tally.get()));
    assert_eq!(line, Some((304, 4)));
}

/// When one of both would leave its range, neither moves.
pub async fn moves_pool_and_tally_or_neither<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(POOL, 1_000)).await;
    answer(store.post(&posting("video", 50, POOL, NOW), NOW).await);
    answer(store.post(&audio("audio", 5), NOW).await);
    let refused = store.post(&audio("more than there is", -6), NOW).await;
    let kind = refused.expect_err("5 are audio").kind();
    assert_eq!(kind, StoreErrorKind::OutOfRange);
    assert_eq!(both(store).await, ((55, 0), (5, 0)));
    let same_key = audio("more than there is", -5);
    let posted = answer(store.post(&same_key, NOW).await);
    assert!(
        matches!(posted, Posted::Done { before, after } if before.used.get() == 55 && after.used.get() == 50),
        "a refused posting uses no key, and the pool's cell is told"
    );
    assert_eq!(both(store).await, ((50, 0), (0, 0)));
}

/// A tally moves with its own dimension only.
pub async fn refuses_a_tally_of_another_dimension<S: Ledger + LedgerReports>(store: &S) {
    set(store, &only(POOL, 1_000)).await;
    for (dimension, tally) in [
        (Dimension::ImgStorage, AUDIO),
        (POOL, Tally::AudioBandwidth),
        (Dimension::MediaBandwidth, AUDIO),
    ] {
        let strange = Posting {
            tally: Some(tally),
            ..posting("strange", 1, dimension, NOW)
        };
        let refused = store.post(&strange, NOW).await;
        let kind = refused.expect_err("it is no part of it").kind();
        assert_eq!(kind, StoreErrorKind::OutOfRange, "{dimension} {tally}");
        assert_eq!(numbers(store, dimension, NOW).await, (0, 0));
    }
    assert_eq!(both(store).await, ((0, 0), (0, 0)));
}

/// `(used, reserved)` of the pool and of its tally.
async fn both<S: Ledger + LedgerReports>(store: &S) -> ((u64, u64), (u64, u64)) {
    (
        numbers(store, POOL, NOW).await,
        tally(store, AUDIO, NOW).await,
    )
}

fn song(number: u64, bytes: u32) -> Reserve {
    Reserve {
        tally: Some(AUDIO),
        ..exactly(number, POOL, bytes)
    }
}

fn audio(key: &str, delta: i64) -> Posting {
    Posting {
        tally: Some(AUDIO),
        ..posting(key, delta, POOL, NOW)
    }
}
