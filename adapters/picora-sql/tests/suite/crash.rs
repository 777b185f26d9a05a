//! What was answered survives whatever dies.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use picora_core::Dimension;
use picora_quota::conformance::{NOW, exactly, numbers, only};
use picora_quota::{Ledger, Reserved};
use picora_sql::SqlStore;

use crate::world::{count, runtime};

const IMAGES: Dimension = Dimension::ImgStorage;
/// Where the victim finds its file.
const VICTIM: &str = "PICORA_SQL_VICTIM";

/// Not a test of its own: the process that `a_killed_process_keeps_what_it_answered` starts and kills.
#[test]
fn victim() {
    let Ok(path) = std::env::var(VICTIM) else {
        return;
    };
    runtime().block_on(async {
        let store = SqlStore::sqlite(path).await.unwrap();
        store.migrate().await.unwrap();
        store
            .set_limits(&only(IMAGES, u32::MAX), NOW)
            .await
            .unwrap();
        for number in 0..u64::MAX {
            let answer = store
                .reserve(&exactly(number, IMAGES, 7), NOW)
                .await
                .unwrap();
            assert!(matches!(answer, Reserved::Admitted(_)));
            println!("answered {number}");
        }
    });
}

#[test]
fn a_killed_process_keeps_what_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picora.db");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::victim", "--nocapture"])
        .env(VICTIM, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut answered = 0;
    for line in lines.map_while(Result::ok) {
        if let Some((_, number)) = line.split_once("answered ") {
            answered = number.parse::<u64>().unwrap() + 1;
        }
        if answered == 40 {
            victim.kill().unwrap(); // and read on what it had said before it died
        }
    }
    victim.wait().unwrap();
    assert!(answered >= 40);
    runtime().block_on(async {
        let store = SqlStore::sqlite(&path).await.unwrap();
        store.migrate().await.unwrap();
        for number in 0..answered {
            let id = exactly(number, IMAGES, 7).id;
            assert!(
                store.reservation(id).await.unwrap().is_some(),
                "{number} of {answered}"
            );
        }
        all_or_nothing(&store).await;
    });
}

/// Each reservation that is there holds its seven units, and nothing else does.
async fn all_or_nothing(store: &SqlStore) {
    let rows = count(store, "SELECT count(*) FROM picora_reservation").await;
    let held = numbers(store, IMAGES, NOW).await;
    assert_eq!(held, (0, 7 * rows.unsigned_abs()));
}

/// The server is killed under eight tasks. What was answered is there, what was not is settled by repeating its id.
#[cfg(feature = "real-servers")]
#[test]
fn a_killed_server_keeps_what_it_answered() {
    use picora_core::StoreErrorKind;

    let options = picora_testkit::PostgresOptions {
        durable: true,
        ..Default::default()
    };
    let mut server = picora_testkit::Postgres::start_with(options);
    let url = server.fresh_database();
    let runtime = runtime();
    let tasks: Vec<_> = runtime.block_on(async {
        let store = crate::world::postgres(&url).await;
        store
            .set_limits(&only(IMAGES, u32::MAX), NOW)
            .await
            .unwrap();
        let tasks = (0..8_u64).map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut answered = Vec::new();
                for number in (0..).map(|step| task << 32 | step) {
                    match store.reserve(&exactly(number, IMAGES, 7), NOW).await {
                        Ok(_) => answered.push(number),
                        Err(error) => return (answered, number, error),
                    }
                }
                unreachable!("the server dies")
            })
        });
        let tasks = tasks.collect();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        tasks
    });
    server.kill();
    let told = runtime.block_on(async {
        let mut told = Vec::new();
        for task in tasks {
            told.push(task.await.unwrap());
        }
        told
    });
    server.restart();
    runtime.block_on(async {
        let store = crate::world::postgres(&url).await;
        for (answered, last, error) in told {
            assert!(
                matches!(
                    error.kind(),
                    StoreErrorKind::Unavailable | StoreErrorKind::Unknown
                ),
                "{error}"
            );
            for number in answered {
                let id = exactly(number, IMAGES, 7).id;
                assert!(store.reservation(id).await.unwrap().is_some());
            }
            let last = exactly(last, IMAGES, 7);
            if error.kind() == StoreErrorKind::Unavailable {
                assert_eq!(store.reservation(last.id).await.unwrap(), None, "{error}");
            }
            store.reserve(&last, NOW).await.unwrap();
        }
        all_or_nothing(&store).await;
    });
}
