//! The catalogue and the accounts.

use std::future::Future;

use picora_core::{AccountId, AssetId, MediaKind, PlanId, ReservationId, StoreErrorKind, Transact};
#[cfg(feature = "real-servers")]
use picora_media::UploadIntent;
use picora_media::conformance::Harness;
use picora_media::{
    Account, Accounts, AccountsIn, Asset, AuditEntry, Catalogue, CatalogueIn, Role,
};
use picora_quota::conformance::NOW;
use picora_sql::{SqlStore, SqlTx};
use tempfile::TempDir;

use crate::world::{self, count, is_account};

/// The worlds of the ledger serve the catalogue too.
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
    picora_media::catalogue_conformance!(crate::world::Sqlite::start());
}

#[cfg(feature = "real-servers")]
mod on_postgres {
    picora_media::catalogue_conformance!(crate::world::Postgres::start());
}

const OWNER: AccountId = AccountId::from_bytes([1; 16]);
const TOMBSTONE: AccountId = AccountId::from_bytes([9; 16]);

fn document(number: u8) -> Asset {
    Asset {
        id: AssetId::from_bytes(MediaKind::Document, [number; 16]),
        account: OWNER,
        reservation: ReservationId::from_bytes([number; 16]),
        file_name: None,
        content_type: "text/markdown".to_owned(),
        bytes: 1,
        sha256: [7; 32],
        is_public: true,
        tags: Vec::new(),
        created_at: NOW,
    }
}

/// Runs one write in a transaction of its own.
macro_rules! write {
    ($store:expr, $method:path $(, $argument:expr)*) => {{
        let mut tx = $store.begin().await.unwrap();
        let answered = $method($store, &mut tx $(, $argument)*).await.unwrap();
        $store.finish(tx).await.unwrap();
        answered
    }};
}

/// Eight uploads of the same document at once are one document, and all hear of it.
async fn stores_a_document_once(store: &SqlStore) {
    let tasks: Vec<_> = (1..=8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let asset = document(number);
                (asset.id, write!(&store, CatalogueIn::insert_in, &asset))
            })
        })
        .collect();
    let (mut added, mut told) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            (id, None) => added.push(id),
            (_, Some(winner)) => told.push(winner.id),
        }
    }
    assert_eq!((added.len(), told.len()), (1, 7));
    assert!(told.iter().all(|winner| *winner == added[0]));
}

/// An id that exists is a conflict, for an account and for an asset.
async fn refuses_ids_that_exist(store: &SqlStore) {
    let account = Account {
        id: OWNER,
        plan: PlanId::Pro,
        role: Role::User,
        created_at: NOW,
        disabled_until: None,
    };
    write!(store, AccountsIn::insert_account_in, &account);
    let mut tx = store.begin().await.unwrap();
    let twice = store.insert_account_in(&mut tx, &account).await;
    assert_eq!(twice.unwrap_err().kind(), StoreErrorKind::Conflict);
    drop(tx);
    let image = Asset {
        id: AssetId::from_bytes(MediaKind::Image, [1; 16]),
        ..document(1)
    };
    write!(store, CatalogueIn::insert_in, &image);
    let mut tx = store.begin().await.unwrap();
    let twice = store.insert_in(&mut tx, &image).await;
    assert_eq!(twice.unwrap_err().kind(), StoreErrorKind::Conflict);
    assert_eq!(store.count_accounts().await.unwrap(), 1);
}

/// A size that no column holds is refused before anything is written.
async fn refuses_a_size_that_no_column_holds(store: &SqlStore) {
    let huge = Asset {
        bytes: u64::MAX,
        ..document(1)
    };
    let mut tx = store.begin().await.unwrap();
    let refused = store.insert_in(&mut tx, &huge).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::OutOfRange);
    store.finish(tx).await.unwrap();
    assert!(!store.knows(huge.id).await.unwrap());
}

/// In no table is an erased account named, but for the objects that are yet to be removed.
async fn names_an_erased_account_nowhere(store: &SqlStore) {
    let entry = |actor, subject: AccountId| AuditEntry {
        actor,
        action: "set_plan",
        subject: subject.to_string(),
        reason: String::new(),
        at: NOW,
    };
    write!(store, CatalogueIn::insert_in, &document(1));
    write!(store, AccountsIn::audit_in, &entry(Some(OWNER), TOMBSTONE));
    write!(store, AccountsIn::audit_in, &entry(None, OWNER));
    write!(store, CatalogueIn::erase_in, OWNER, TOMBSTONE, NOW);
    for table in ["api_key", "asset", "upload"] {
        let rows = format!(
            "SELECT count(*) FROM picora_{table} WHERE {}",
            is_account(store, 1)
        );
        assert_eq!(count(store, &rows).await, 0, "{table}");
    }
    let named = format!(
        "SELECT count(*) FROM picora_audit WHERE {} OR subject = '{OWNER}'",
        is_account(store, 1).replace("account", "actor")
    );
    assert_eq!(count(store, &named).await, 0);
    assert_eq!(count(store, "SELECT count(*) FROM picora_audit").await, 2);
}

crate::world::on_both! {
    the_same_document_at_once: stores_a_document_once;
    ids_that_exist: refuses_ids_that_exist;
    sizes_out_of_range: refuses_a_size_that_no_column_holds;
    erased_accounts: names_an_erased_account_nowhere;
}

/// An upload that is settled while its account is erased is waited for, and leaves no asset of an erased account.
#[cfg(feature = "real-servers")]
#[test]
fn erasing_waits_for_an_upload_that_is_being_settled() {
    world::runtime().block_on(async {
        let store = world::postgres(&world::fresh_url()).await;
        let image = Asset {
            id: AssetId::from_bytes(MediaKind::Image, [1; 16]),
            ..document(1)
        };
        let intent = UploadIntent {
            asset: image.id,
            account: OWNER,
            reservation: image.reservation,
            deadline: NOW,
        };
        write!(&store, CatalogueIn::begin_upload_in, &intent);
        let mut settling = store.begin().await.unwrap();
        store.insert_in(&mut settling, &image).await.unwrap();
        assert!(store.end_upload_in(&mut settling, image.id).await.unwrap());
        let erasing = tokio::spawn({
            let store = store.clone();
            async move { write!(&store, CatalogueIn::erase_in, OWNER, TOMBSTONE, NOW) }
        });
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        store.finish(settling).await.unwrap();
        erasing.await.unwrap();
        assert_eq!(store.asset_at(image.id).await.unwrap(), None);
        let condemned = store.condemned(9).await.unwrap();
        assert_eq!(condemned.len(), 1, "its object goes");
    });
}

/// A census that has counted the assets, and waits for the cells while an upload is settled, sees the cells as they were when it began.
#[cfg(feature = "real-servers")]
#[test]
fn a_census_is_of_one_moment() {
    use picora_core::{Amount, Limits, Posting, PostingKey, PostingReason, SetLimits};
    use picora_quota::{Ledger, LedgerIn};
    use picora_sql::{AsSqlConn, SqlConn};
    world::runtime().block_on(async {
        let store = world::postgres(&world::fresh_url()).await;
        let limits = SetLimits {
            account: OWNER,
            limits: Limits::NOTHING,
            open_reservations: Amount::ONE,
        };
        store.set_limits(&limits, NOW).await.unwrap();
        let one_more = |number: u8| Posting {
            key: PostingKey::new("test", &number),
            account: OWNER,
            dimension: picora_core::Dimension::DocCount,
            tally: None,
            delta: 1,
            reason: PostingReason::Force,
            happened_at: NOW,
        };
        store.post(&one_more(1), NOW).await.unwrap();
        write!(&store, CatalogueIn::insert_in, &document(1));
        let mut settling = store.begin().await.unwrap();
        let SqlConn::Postgres(conn) = settling.sql() else {
            panic!("it is PostgreSQL")
        };
        let lock = "LOCK TABLE picora_usage IN ACCESS EXCLUSIVE MODE";
        sqlx::query(lock).execute(&mut *conn).await.unwrap();
        let counting = tokio::spawn({
            let store = store.clone();
            async move { store.census(OWNER).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(!counting.is_finished(), "it waits for the cells");
        let second = one_more(2);
        store.post_in(&mut settling, &second, NOW).await.unwrap();
        let other = Asset {
            sha256: [2; 32],
            ..document(2)
        };
        store.insert_in(&mut settling, &other).await.unwrap();
        store.finish(settling).await.unwrap();
        let census = counting.await.unwrap().unwrap();
        assert_eq!(census.miscounts().collect::<Vec<_>>(), []);
        let now = store.census(OWNER).await.unwrap();
        let moves = |census: &picora_media::Census| census.levels[2].seen.moves;
        assert!(
            moves(&now) > moves(&census),
            "the older one cannot be posted"
        );
        assert_eq!(now.levels[2].truth.get(), 2);
    });
}
