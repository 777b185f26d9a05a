//! The outbox and the leases.

use std::future::Future;

use picora_core::conformance::Harness;
use picora_sql::{SqlStore, SqlTx};
use tempfile::TempDir;

use crate::world;

/// The worlds of the ledger serve these ports too.
impl Harness for world::Sqlite {
    type Tx = SqlTx;
    type Store = SqlStore;
    type Guard = TempDir;

    fn run<F: Future>(&self, future: F) -> F::Output {
        picora_quota::conformance::Harness::run(self, future)
    }

    fn fresh(&self) -> (TempDir, SqlStore) {
        picora_quota::conformance::Harness::fresh(self)
    }
}

#[cfg(feature = "real-servers")]
impl Harness for world::Postgres {
    type Tx = SqlTx;
    type Store = SqlStore;
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        picora_quota::conformance::Harness::run(self, future)
    }

    fn fresh(&self) -> ((), SqlStore) {
        picora_quota::conformance::Harness::fresh(self)
    }
}

mod on_sqlite {
    picora_core::outbox_conformance!(crate::world::Sqlite::start());
    picora_core::lease_conformance!(crate::world::Sqlite::start());
}

#[cfg(feature = "real-servers")]
mod on_postgres {
    picora_core::outbox_conformance!(crate::world::Postgres::start());
    picora_core::lease_conformance!(crate::world::Postgres::start());
}

/// One answer for good, whoever asks first.
async fn is_one_and_the_same(store: SqlStore, other: SqlStore, third: &SqlStore) {
    let asked = (0..8_u8).map(|at| {
        let store = if at % 2 == 0 { &store } else { &other };
        let store = store.clone();
        tokio::spawn(async move { store.identity([at; 16]).await.unwrap() })
    });
    let mut answers = std::collections::BTreeSet::new();
    for answer in asked.collect::<Vec<_>>() {
        answers.insert(answer.await.unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let first = store.identity([99; 16]).await.unwrap();
    assert!(answers.contains(&first));
    assert_eq!(third.identity([98; 16]).await.unwrap(), [98; 16]);
}

#[test]
fn a_sqlite_knows_itself() {
    world::runtime().block_on(async {
        let ((folder, store), (_kept, third)) = (world::sqlite().await, world::sqlite().await);
        let other = SqlStore::sqlite(folder.path().join("picora.db")).await;
        is_one_and_the_same(store, other.unwrap(), &third).await;
    });
}

#[cfg(feature = "real-servers")]
#[test]
fn a_postgres_knows_itself() {
    world::runtime().block_on(async {
        let url = world::fresh_url();
        let (store, other) = (world::postgres(&url).await, world::postgres(&url).await);
        let third = world::postgres(&world::fresh_url()).await;
        is_one_and_the_same(store, other, &third).await;
    });
}

mod at_once {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use picora_core::conformance::NOW;
    #[cfg(feature = "real-servers")]
    use picora_core::conformance::leases::{JOB, ONE, OTHER, acquired};
    use picora_core::conformance::messages::{MAIL, message};
    #[cfg(feature = "real-servers")]
    use picora_core::{Leases, LeasesIn};
    use picora_core::{Outbox, OutboxIn, Transact};
    use picora_sql::SqlStore;

    const LEASE: Duration = Duration::from_secs(60);
    const MESSAGES: usize = 240;

    /// Eight claimers get all messages, each once. What they do not answer (they died) comes back when the claims run out, each once.
    async fn share_the_messages(store: &SqlStore) {
        let mut tx = store.begin().await.unwrap();
        for number in 0..MESSAGES {
            let message = message(&format!("{number:03}"), NOW);
            assert!(store.put_in(&mut tx, &message).await.unwrap());
        }
        store.finish(tx).await.unwrap();
        assert_eq!(claim_all(store, NOW).await, (MESSAGES, MESSAGES));
        assert!(store.claim(MAIL, 9, LEASE, NOW).await.unwrap().is_empty());
        let end = NOW.saturating_add(LEASE);
        assert_eq!(claim_all(store, end).await, (MESSAGES, MESSAGES));
    }

    /// How many messages eight tasks claimed, and how many different ones.
    async fn claim_all(store: &SqlStore, now: picora_core::Timestamp) -> (usize, usize) {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut keys = Vec::new();
                    loop {
                        let claimed = store.claim(MAIL, 7, LEASE, now).await.unwrap();
                        if claimed.is_empty() {
                            return keys;
                        }
                        keys.extend(claimed.into_iter().map(|it| it.message.key));
                    }
                })
            })
            .collect();
        let mut keys = Vec::new();
        for task in tasks {
            keys.extend(task.await.unwrap());
        }
        let different: BTreeSet<_> = keys.iter().collect();
        (keys.len(), different.len())
    }

    crate::world::on_both! {
        claimers: share_the_messages;
    }

    /// Who would take over waits for the transaction that is guarded; its holder may renew meanwhile; then the old one cannot write.
    #[cfg(feature = "real-servers")]
    #[test]
    fn a_takeover_waits_for_what_is_guarded() {
        crate::world::runtime().block_on(async {
            let store = crate::world::postgres(&crate::world::fresh_url()).await;
            let lease = acquired(&store, ONE, NOW).await;
            let mut tx = store.begin().await.unwrap();
            assert!(store.guard_in(&mut tx, &lease, NOW).await.unwrap());
            let renewed = store.renew(&lease, LEASE, NOW).await.unwrap();
            assert!(renewed.is_some(), "its holder does not wait");
            let mut taking = tokio::spawn({
                let store = store.clone();
                async move { store.acquire(JOB, OTHER, LEASE, lease.until).await.unwrap() }
            });
            let early = tokio::time::timeout(Duration::from_millis(300), &mut taking).await;
            assert!(early.is_err(), "taken while it was written under");
            assert!(
                store
                    .put_in(&mut tx, &message("guarded", NOW))
                    .await
                    .unwrap()
            );
            store.finish(tx).await.unwrap();
            assert!(taking.await.unwrap().is_some());
            let mut tx = store.begin().await.unwrap();
            assert!(
                !store.guard_in(&mut tx, &lease, NOW).await.unwrap(),
                "stale"
            );
        });
    }
}
