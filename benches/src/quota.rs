//! picora-quota in picora-sql: against the same statements by bare sqlx, and against itself when it was small.
//!
//! Both sides write durably: SQLite with `synchronous=FULL`, PostgreSQL with all that keeps a commit.

mod bare;
mod growth;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use picora_core::{
    AccountId, Amount, Dimension, Limit, Limits, ReservationId, SetLimits, Timestamp,
};
use picora_quota::{Item, Items, Ledger, RequestHash, Reserve, Reserved, Settled};
use picora_sql::SqlStore;
use picora_testkit::{Postgres, PostgresOptions};
use tokio::runtime::Runtime;

use crate::rounds::{alternate, per_second};
use crate::row::{Goal, Row};
use bare::Bare;

/// Who ask at once: PostgreSQL has many writers, SQLite one.
const CALLERS: usize = 8;
/// Reserves that are committed, of all callers, in one round.
const UPLOADS: usize = 800;
/// Accounts that upload.
const ACCOUNTS: u64 = 1_000;

pub(crate) fn measure(print: &mut dyn FnMut(Row)) {
    let runtime = Runtime::new().expect("threads can be had");
    let folder = std::env::temp_dir().join(format!("picora-bench-quota-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let server = Postgres::start_with(PostgresOptions {
        durable: true,
        ..PostgresOptions::default()
    });
    let file = |name: &str| folder.join(name).display().to_string();
    for (row, callers, ours, theirs) in [
        ("quota/sqlite", 1, file("ours.db"), file("peer.db")),
        (
            "quota/postgres",
            CALLERS,
            server.fresh_database(),
            server.fresh_database(),
        ),
    ] {
        print(against_bare(&runtime, row, callers, &ours, &theirs));
    }
    for (accounts, reservations, database, callers) in [
        (
            "quota/sqlite-accounts",
            "quota/sqlite-history",
            file("large.db"),
            1,
        ),
        (
            "quota/postgres-accounts",
            "quota/postgres-history",
            server.fresh_database(),
            CALLERS,
        ),
    ] {
        growth::measure(
            &runtime,
            (accounts, reservations),
            &database,
            callers,
            print,
        );
    }
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// Reserve and commit one amount, by the ledger and by bare statements.
fn against_bare(
    runtime: &Runtime,
    row: &'static str,
    callers: usize,
    ours: &str,
    theirs: &str,
) -> Row {
    let ledger = Arc::new(runtime.block_on(Uploads::open(ours)));
    let bare = Arc::new(runtime.block_on(async {
        drop(Uploads::open(theirs).await); // the same tables and rows
        Bare::open(theirs).await
    }));
    let result = alternate(
        || {
            in_turn(
                runtime,
                &ledger,
                callers,
                UPLOADS,
                |ledger, number| async move {
                    ledger.upload(number % ACCOUNTS).await;
                },
            )
        },
        || {
            in_turn(
                runtime,
                &bare,
                callers,
                UPLOADS,
                |bare, number| async move {
                    bare.upload(number % ACCOUNTS).await;
                },
            )
        },
    );
    Row::against(row, result, "uploads/s", Goal::AtLeast(0.8))
}

/// Lets so many callers do so much between them; how much a second.
fn in_turn<S, F>(
    runtime: &Runtime,
    subject: &Arc<S>,
    callers: usize,
    operations: usize,
    operation: impl Fn(Arc<S>, u64) -> F + Send + Sync + 'static,
) -> f64
where
    S: Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let operation = Arc::new(operation);
    per_second(operations, || {
        runtime.block_on(async {
            let callers = (0..callers).map(|_| {
                let (next, subject, operation) = (next.clone(), subject.clone(), operation.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= operations as u64 {
                            return;
                        }
                        operation(subject.clone(), number.wrapping_mul(7_919)).await;
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.expect("no caller panics");
            }
        });
    })
}

/// The ledger, and names for what is reserved.
struct Uploads {
    store: SqlStore,
    names: AtomicU64,
}

impl Uploads {
    /// Opens a database and gives the accounts their limits.
    async fn open(database: &str) -> Self {
        let store = if database.starts_with("postgres:") {
            SqlStore::postgres(database).await
        } else {
            SqlStore::sqlite(database).await
        };
        let store = store.expect("it opens");
        store.migrate().await.expect("it has its tables");
        let limits = Limits::NOTHING.with(Dimension::ImgStorage, Limit::Max(Amount::MAX));
        for number in 0..ACCOUNTS {
            let account = account(number);
            let open_reservations = Amount::from(32);
            let limits = SetLimits {
                account,
                limits,
                open_reservations,
            };
            store.set_limits(&limits, NOW).await.expect("it is written");
        }
        let uploads = Self {
            store,
            names: AtomicU64::new(0),
        };
        for number in 0..ACCOUNTS {
            uploads.upload(number).await; // its cells are made
        }
        uploads
    }

    async fn upload(&self, number: u64) {
        let id = self.reserve(account(number)).await;
        let settled = self.store.commit(id, &[], NOW).await.expect("it answers");
        assert!(matches!(settled, Settled::Done(_)));
    }

    /// Reserves, and leaves it open.
    async fn reserve(&self, account: AccountId) -> ReservationId {
        let name = self.names.fetch_add(1, Ordering::Relaxed);
        let bytes = Item::exactly(Dimension::ImgStorage, Amount::from(SIZE));
        let request = Reserve {
            id: ReservationId::from_bytes(u128::from(name).to_be_bytes()),
            account,
            request: RequestHash::default(),
            items: Items::new([bytes]).expect("one is not too much"),
            tally: None,
            expires_after: Duration::from_secs(900),
        };
        let answer = self.store.reserve(&request, NOW).await.expect("it answers");
        assert!(matches!(answer, Reserved::Admitted(_)), "{answer:?}");
        request.id
    }

    async fn release(&self, id: ReservationId) {
        let settled = self.store.release(id, NOW).await.expect("it answers");
        assert!(matches!(settled, Settled::Done(_)));
    }
}

fn account(number: u64) -> AccountId {
    AccountId::from_bytes(u128::from(number).to_be_bytes())
}

/// Bytes of an upload.
const SIZE: u32 = 1_000;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
