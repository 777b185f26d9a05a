//! Keys that somebody else has just taken: no step fails for it, and none moves a number that the journal does not know.

use picora_core::{Amount, Dimension, PostingKey};
use picora_quota::conformance::{ACCOUNT, NOW, exactly, numbers, only, posting};
use picora_quota::{Counter, Ledger, LedgerReports, Posted, Recount, Recounted, Seen, Settled};
use picora_sql::SqlStore;

use crate::world::{count, run};

const IMAGES: Dimension = Dimension::ImgStorage;

/// An alert whose row is there already is not told again, and is no reason to refuse the commit that crossed the level.
async fn an_alert_that_is_there_refuses_no_commit(store: &SqlStore) {
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
    let first = exactly(1, IMAGES, 79);
    store.reserve(&first, NOW).await.unwrap();
    store.commit(first.id, &[], NOW).await.unwrap();
    let account = hex(store);
    run(
        store,
        &format!(
            "INSERT INTO picora_alert (account, counter, permille, win, arming, used, lim, raised_at)
             VALUES ({account}, 'img_storage_bytes', 800, '', 0, 80, 100, 0)"
        ),
    )
    .await;
    let second = exactly(2, IMAGES, 1);
    store.reserve(&second, NOW).await.unwrap();
    let settled = store.commit(second.id, &[], NOW).await.unwrap();
    assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
    assert_eq!(numbers(store, IMAGES, NOW).await, (80, 0));
    assert_eq!(store.alerts(ACCOUNT).await.unwrap().len(), 1);
    assert_eq!(count(store, "SELECT count(*) FROM picora_outbox").await, 0);
}

/// A recount whose key a posting of another cell has taken moves nothing.
async fn a_recount_whose_key_is_taken_moves_nothing(store: &SqlStore) {
    store.set_limits(&only(IMAGES, 100), NOW).await.unwrap();
    let taken = posting("twice", 5, Dimension::DocCount, NOW);
    let posted = store.post(&taken, NOW).await.unwrap();
    assert!(matches!(posted, Posted::Done { .. }));
    let recount = Recount {
        key: taken.key.clone(),
        account: ACCOUNT,
        counter: Counter::Dimension(IMAGES),
        seen: Seen {
            used: Amount::ZERO,
            moves: 0,
        },
        truth: Amount::from(7),
        force: true,
    };
    let answer = store.correct(&recount, NOW).await.unwrap();
    assert!(matches!(answer, Recounted::Refused), "{answer:?}");
    assert_eq!(numbers(store, IMAGES, NOW).await, (0, 0));
    let under_its_own = Recount {
        key: PostingKey::new("recount", &"images"),
        ..recount
    };
    let answer = store.correct(&under_its_own, NOW).await.unwrap();
    assert!(matches!(answer, Recounted::Posted { .. }), "{answer:?}");
    assert_eq!(numbers(store, IMAGES, NOW).await, (7, 0));
}

/// The account as a text of SQL.
fn hex(store: &SqlStore) -> String {
    let condition = crate::world::is_account(store, 7);
    condition.trim_start_matches("account = ").to_owned()
}

crate::world::on_both! {
    alert: an_alert_that_is_there_refuses_no_commit;
    recount: a_recount_whose_key_is_taken_moves_nothing;
}
