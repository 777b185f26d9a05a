//! What the echo of the ledger is made of: the same as the books in memory say, found by indexes.

use std::time::Duration;

use picora_core::memory::MemoryStore;
use picora_core::{
    AccountId, Amount, CalendarMonth, Dimension, Limit, Limits, Posting, PostingKey, PostingReason,
    SetLimits, Tally, Timestamp, Transact,
};
use picora_quota::conformance::NOW;
use picora_quota::echo::{EchoSource, Numbers};
use picora_quota::{Books, Ledger, LedgerIn};
use picora_sql::SqlStore;

use crate::world::on_both;

const fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn limits(number: u8, played: u32) -> SetLimits {
    let limits = [
        Dimension::ImgStorage,
        Dimension::ImgBandwidth,
        Dimension::MediaStorage,
        Dimension::DocCount,
    ];
    let limits = limits.into_iter().fold(Limits::NOTHING, |all, dimension| {
        all.with(dimension, Limit::Max(Amount::from(1_000_000)))
    });
    SetLimits {
        account: account(number),
        limits: limits.with(Dimension::MediaBandwidth, Limit::Max(Amount::from(played))),
        open_reservations: Amount::from(32),
    }
}

fn posting(
    name: u32,
    number: u8,
    dimension: Dimension,
    tally: Option<Tally>,
    delta: i64,
    at: Timestamp,
) -> Posting {
    Posting {
        key: PostingKey::new("echo", &name),
        account: account(number),
        dimension,
        tally,
        delta,
        reason: PostingReason::Force,
        happened_at: at,
    }
}

async fn of(store: &dyn EchoSource, number: u8, now: Timestamp) -> Option<Numbers> {
    let found = store.numbers(&[account(number)], now).await.unwrap();
    assert!(found.len() <= 1);
    found.into_iter().next()
}

/// The numbers are those of the books, over a month's end, and each change has a higher epoch.
async fn numbers_are_the_books(store: &SqlStore) {
    let books = MemoryStore::new(Books::default());
    let next = CalendarMonth::of(NOW).end();
    let days = |days: u64| next.saturating_add(Duration::from_secs(days * 86_400));
    let steps = [
        (Dimension::ImgStorage, None, 500, NOW),
        (Dimension::ImgBandwidth, None, 70, NOW),
        (Dimension::MediaStorage, None, 90, NOW),
        (Dimension::MediaStorage, Some(Tally::AudioStorage), 30, NOW),
        (Dimension::MediaBandwidth, None, 11, NOW),
        (
            Dimension::MediaBandwidth,
            Some(Tally::AudioBandwidth),
            4,
            NOW,
        ),
        (Dimension::DocCount, None, 2, NOW),
        (Dimension::UploadsPerDay, None, 1, NOW),
        (Dimension::ImgStorage, None, -100, later(60)),
        (Dimension::ImgBandwidth, None, 5, days(1)),
        (Dimension::MediaBandwidth, None, 6, days(2)),
    ];
    let both = async |number: u8, at: Timestamp| {
        for ledger in [store as &dyn Ledger, &books] {
            ledger.set_limits(&limits(number, 100), at).await.unwrap();
        }
    };
    both(1, NOW).await;
    both(2, NOW).await;
    let mut last = 0;
    for (name, (dimension, tally, delta, at)) in (0..).zip(steps) {
        let posting = posting(name, 1, dimension, tally, delta, at);
        for ledger in [store as &dyn Ledger, &books] {
            ledger.post(&posting, at).await.unwrap();
        }
        let (ours, theirs) = (of(store, 1, at).await, of(&books, 1, at).await);
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        let epoch = theirs.epoch;
        assert_eq!(Numbers { epoch, ..ours }, theirs, "{dimension}");
        let shown = Numbers::COUNTERS.contains(&picora_quota::Counter::Dimension(dimension));
        assert_eq!(ours.epoch > last, shown, "{dimension}");
        last = ours.epoch;
    }
    let at = days(2);
    let numbers = of(store, 1, at).await.unwrap();
    let shown = numbers.snapshot("ok", at);
    let amounts = [
        shown.image_storage,
        shown.image_bandwidth,
        shown.video_storage,
        shown.audio_storage,
        shown.video_bandwidth,
        shown.audio_bandwidth,
        shown.documents,
    ];
    assert_eq!(amounts.map(Amount::get), [400, 5, 90, 30, 6, 0, 2]);
    store.set_limits(&limits(1, 7), at).await.unwrap();
    let changed = of(store, 1, at).await.unwrap();
    assert!(changed.epoch > last, "a limit is a change, too");
    assert_eq!(changed.video_limit, Limit::Max(Amount::from(7)));
    assert_eq!(of(store, 9, at).await, None);
    let two = store
        .numbers(&[account(2), account(9), account(1)], at)
        .await;
    assert_eq!(two.unwrap().len(), 2);
    assert_eq!(
        store.every(None, 9).await.unwrap(),
        [account(1), account(2)]
    );
    assert_eq!(
        store.every(Some(account(1)), 9).await.unwrap(),
        [account(2)]
    );
}

/// Who changed is told by when: by postings, commits and limits, page by page; who did not is not; who is erased is nowhere.
async fn who_has_moved_since_is_told(store: &SqlStore) {
    for number in 1..=5 {
        store.set_limits(&limits(number, 100), NOW).await.unwrap();
    }
    let moved = async |since: u64, after: Option<u8>, most: u32| {
        let after = after.map(account);
        let found = store.moved(later(since), after, most).await.unwrap();
        found.iter().map(|it| it.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(moved(0, None, 9).await, [1, 2, 3, 4, 5]);
    assert_eq!(moved(1, None, 9).await, [0_u8; 0]);
    for (name, number) in (0..).zip([4, 2, 2]) {
        let posting = posting(name, number, Dimension::ImgStorage, None, 5, later(10));
        store.post(&posting, later(10)).await.unwrap();
    }
    let reserve = picora_quota::conformance::exactly(7, Dimension::ImgStorage, 10);
    let reserve = picora_quota::Reserve {
        account: account(3),
        ..reserve
    };
    store.reserve(&reserve, later(20)).await.unwrap();
    store.commit(reserve.id, &[], later(21)).await.unwrap();
    store.set_limits(&limits(5, 7), later(30)).await.unwrap();
    assert_eq!(moved(1, None, 9).await, [2, 3, 4, 5]);
    assert_eq!(moved(10, None, 9).await, [2, 3, 4, 5]);
    assert_eq!(moved(11, None, 9).await, [3, 5]);
    assert_eq!(moved(30, None, 9).await, [5]);
    assert_eq!(moved(31, None, 9).await, [0_u8; 0]);
    assert_eq!(moved(1, None, 2).await, [2, 3]);
    assert_eq!(moved(1, Some(3), 2).await, [4, 5]);
    let mut tx = store.begin().await.unwrap();
    LedgerIn::erase_in(store, &mut tx, account(2), account(99))
        .await
        .unwrap();
    store.finish(tx).await.unwrap();
    assert_eq!(moved(1, None, 9).await, [3, 4, 5, 99]);
    assert_eq!(of(store, 2, NOW).await, None);
    assert_eq!(of(store, 99, NOW).await, None, "a tombstone has no numbers");
}

on_both! {
    numbers_are_those_of_the_books: numbers_are_the_books;
    who_has_moved_since_a_time_is_told: who_has_moved_since_is_told;
}

/// However long the journal is, only what is new in it is read.
#[test]
fn changes_are_found_by_an_index() {
    crate::world::runtime().block_on(async {
        let (folder, store) = crate::world::sqlite().await;
        store.close().await;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("picora.db"));
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        for (text, index) in [
            (
                "EXPLAIN QUERY PLAN SELECT account FROM picora_posting WHERE posted_at >= 1 AND account > x''",
                "USING COVERING INDEX picora_posting_posted (posted_at>?)",
            ),
            (
                "EXPLAIN QUERY PLAN SELECT account FROM picora_account_limit WHERE changed_at >= 1 AND account > x''",
                "USING COVERING INDEX picora_account_limit_changed (changed_at>?)",
            ),
        ] {
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(text).fetch_all(&pool).await.unwrap();
            assert!(plan.iter().any(|step| step.3.contains(index)), "{plan:?}");
        }
    });
}
