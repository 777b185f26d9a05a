//! Corrections of databases that somebody wrote into.

use picora_core::{
    AccountId, Amount, Dimension, Limit, Limits, Posting, PostingKey, PostingReason, SetLimits,
};
use picora_quota::audit::Fault;
use picora_quota::conformance::NOW;
use picora_quota::{Counter, Ledger, LedgerReports, Recount, Recounted};
use picora_sql::SqlStore;

use crate::world::{count, run};

const OWNER: AccountId = AccountId::from_bytes([1; 16]);
const DOCUMENTS: Dimension = Dimension::DocCount;

/// A hundred documents, by the ledger and by its journal.
async fn a_hundred(store: &SqlStore) {
    let limits = SetLimits {
        account: OWNER,
        limits: Limits::NOTHING.with(DOCUMENTS, Limit::Unlimited),
        open_reservations: Amount::ONE,
    };
    store.set_limits(&limits, NOW).await.unwrap();
    let posting = Posting {
        key: PostingKey::new("test", &"all"),
        account: OWNER,
        dimension: DOCUMENTS,
        tally: None,
        delta: 100,
        reason: PostingReason::Force,
        happened_at: NOW,
    };
    store.post(&posting, NOW).await.unwrap();
}

/// What a recount of a hundred changed the level to; whatever it answers, the key was new.
async fn recounted(store: &SqlStore, key: &str) -> Result<(u64, u64), Recounted> {
    let counter = Counter::Dimension(DOCUMENTS);
    let recount = Recount {
        key: PostingKey::new("reconcile", &key),
        account: OWNER,
        counter,
        seen: store.seen(OWNER, counter).await.unwrap(),
        truth: Amount::from(100),
        force: false,
    };
    match store.correct(&recount, NOW).await.unwrap() {
        Recounted::Posted { before, after } => Ok((before.used.get(), after.used.get())),
        other => Err(other),
    }
}

async fn faults(store: &SqlStore) -> Vec<Fault> {
    let facts = store.facts(OWNER, NOW).await.unwrap().unwrap();
    facts.examine(NOW).into_iter().map(|it| it.fault).collect()
}

/// A level that was raised behind the ledger's back is brought back, and the journal tells of both.
async fn records_what_moved_without_a_record(store: &SqlStore) {
    a_hundred(store).await;
    run(store, "UPDATE picora_usage SET used = 110").await;
    assert!(matches!(faults(store).await[..], [Fault::Drifted { .. }]));
    assert_eq!(recounted(store, "1").await, Ok((110, 100)));
    assert_eq!(faults(store).await, []);
    let rows =
        "SELECT count(*) FROM picora_posting WHERE reason = 'reconcile' AND delta IN (10, -10)";
    assert_eq!(count(store, rows).await, 2);
    assert_eq!(recounted(store, "2").await, Err(Recounted::Even));
}

/// A journal that has lost a row is made whole, and the level, which was right, stays.
async fn records_what_the_journal_has_lost(store: &SqlStore) {
    a_hundred(store).await;
    run(store, "DELETE FROM picora_posting").await;
    assert_eq!(recounted(store, "1").await, Ok((100, 100)));
    assert_eq!(faults(store).await, []);
    assert_eq!(recounted(store, "1").await, Err(Recounted::Refused));
    assert_eq!(recounted(store, "2").await, Err(Recounted::Even));
}

/// What is refused leaves no row.
async fn records_nothing_of_what_it_refuses(store: &SqlStore) {
    a_hundred(store).await;
    run(store, "UPDATE picora_usage SET used = 1000").await;
    assert_eq!(recounted(store, "1").await, Err(Recounted::Implausible));
    assert_eq!(count(store, "SELECT count(*) FROM picora_posting").await, 1);
    assert_eq!(faults(store).await.len(), 1);
}

crate::world::on_both! {
    a_raised_level: records_what_moved_without_a_record;
    a_lost_record: records_what_the_journal_has_lost;
    what_is_refused: records_nothing_of_what_it_refuses;
}
