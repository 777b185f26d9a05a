//! Several processes on one database.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use picora_core::{Amount, Dimension, ReservationId, Retry, SetLimits, Timestamp};
use picora_quota::conformance::{ACCOUNT, NOW, TTL, exactly, numbers, only};
use picora_quota::{Counter, Ledger, Reservation, ReservationState, Reserved, Settled};
use picora_sql::SqlStore;

use crate::world::{count, runtime, sqlite};

const VIDEOS: Dimension = Dimension::MediaStorage;
const SIZE: u32 = 7;
/// ⌊limit / size⌋
const FITS: u64 = 123;
const LIMIT: u32 = SIZE * 123 + 6;
const REQUESTS: u64 = 1_000;

/// Where a process finds the database, which of the requests are its own, and how it goes about them.
const DATABASE: &str = "PICORA_SQL_DATABASE";
const SHARE: &str = "PICORA_SQL_SHARE";
const MANNER: &str = "PICORA_SQL_MANNER";

/// Not a test of its own: a process that waits for a word, asks for its share, and says what it was given.
#[test]
fn process() {
    let Ok(database) = std::env::var(DATABASE) else {
        return;
    };
    let (nth, of) = share(&std::env::var(SHARE).unwrap());
    let like_a_command = std::env::var(MANNER).unwrap() == "command";
    runtime().block_on(async {
        let store = open(&database).await;
        let mut go = String::new();
        println!("ready");
        std::io::stdin().read_line(&mut go).unwrap();
        let mine = (0..REQUESTS).filter(|number| number % of == nth);
        let admitted = if like_a_command {
            store.close().await;
            one_by_one(&database, mine).await
        } else {
            all_at_once(&store, mine).await
        };
        for number in &admitted {
            println!("admitted {number}");
        }
        // Half of them are settled; the others are left open by a process that ends.
        let store = open(&database).await;
        for number in admitted.into_iter().step_by(2) {
            let settled = store.commit(id(number), &[], NOW).await.unwrap();
            assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
            println!("committed {number}");
        }
    });
}

fn share(text: &str) -> (u64, u64) {
    let (nth, of) = text.split_once('/').unwrap();
    (nth.parse().unwrap(), of.parse().unwrap())
}

async fn open(database: &str) -> SqlStore {
    #[cfg(feature = "real-servers")]
    if database.starts_with("postgres:") {
        return SqlStore::postgres(database).await.unwrap();
    }
    SqlStore::sqlite(database).await.unwrap()
}

fn id(number: u64) -> ReservationId {
    exactly(number, VIDEOS, SIZE).id
}

/// Asks for everything at the same time.
async fn all_at_once(store: &SqlStore, numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let asked = numbers.map(|number| {
        let store = store.clone();
        tokio::spawn(async move { (number, ask(&store, number, NOW).await) })
    });
    let asked: Vec<_> = asked.collect();
    let mut admitted = Vec::new();
    for task in asked {
        let (number, yes) = task.await.unwrap();
        admitted.extend(yes.then_some(number));
    }
    admitted
}

/// Opens the database for each request, and closes it again.
async fn one_by_one(database: &str, numbers: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut admitted = Vec::new();
    for number in numbers {
        let store = open(database).await;
        admitted.extend(ask(&store, number, NOW).await.then_some(number));
        store.close().await;
    }
    admitted
}

/// Asks until there is an answer: a machine that is busy with other tests lets callers wait for a connection longer than they have patience.
async fn ask(store: &SqlStore, number: u64, now: Timestamp) -> bool {
    let request = exactly(number, VIDEOS, SIZE);
    let mut lost = 0;
    loop {
        match store.reserve(&request, now).await {
            Ok(Reserved::Admitted(_)) => return true,
            Ok(Reserved::Replayed(_)) if lost > 0 => return true,
            Ok(Reserved::Denied(_)) => return false,
            Err(error) if error.retry() == Retry::Temporary && lost < 20 => lost += 1,
            other => panic!("{number}: {other:?}"),
        }
    }
}

fn start(database: &str, share: &str, manner: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::process", "--nocapture"])
        .env(DATABASE, database)
        .env(SHARE, share)
        .env(MANNER, manner)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::with_capacity(1, child.stdout.take().unwrap());
    while !line.ends_with("ready\n") {
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended: {line}");
    }
    child.stdout = Some(said.into_inner());
    child
}

/// Lets the processes go at the same time, and holds the database against what they say.
async fn admit_exactly_what_fits(store: &SqlStore, mut processes: Vec<Child>) {
    for process in &mut processes {
        process.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut admitted = Vec::new();
    let mut committed = 0;
    for mut process in processes {
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((_, number)) = line.split_once("admitted ") {
                admitted.push(number.parse::<u64>().unwrap());
            } else if line.contains("committed ") {
                committed += 1;
            }
        }
        assert!(process.wait().unwrap().success());
    }
    let counted = u64::try_from(admitted.len()).unwrap();
    assert_eq!(counted, FITS, "exactly ⌊limit / size⌋, and 0 over");
    assert!((FITS / 2..FITS).contains(&committed));
    let size = u64::from(SIZE);
    let open = FITS - committed;
    let held = numbers(store, VIDEOS, NOW).await;
    assert_eq!(held, (committed * size, open * size));
    let written = count(
        store,
        "SELECT count(*) FROM picora_reservation WHERE state IN ('pending', 'committed')",
    );
    assert_eq!(written.await.unsigned_abs(), FITS);

    // A minute after their time is over, nothing is stuck, and what was held can be had again.
    let later = NOW.saturating_add(TTL + Duration::from_secs(60));
    store.sweep(1_000, later).await.unwrap();
    assert_eq!(numbers(store, VIDEOS, later).await, (committed * size, 0));
    let usage = store.usage(ACCOUNT, later).await.unwrap();
    let still_open = usage
        .iter()
        .find(|it| it.key.counter == Counter::OpenReservations);
    assert!(still_open.is_none_or(|line| line.cell.taken().get() == 0));
    for number in admitted {
        let found = store.reservation(id(number)).await.unwrap();
        let state = found.map(|Reservation { state, .. }| state);
        assert!(
            matches!(
                state,
                Some(ReservationState::Committed | ReservationState::Expired)
            ),
            "{number}: {state:?}"
        );
    }
    let mut again = 0;
    for number in REQUESTS.. {
        if !ask(store, number, later).await {
            break;
        }
        again += 1;
    }
    assert_eq!(again, open);
}

/// So many may be open at once that they are not what runs out.
fn limits() -> SetLimits {
    let open_reservations = Amount::from(2_000);
    SetLimits {
        open_reservations,
        ..only(VIDEOS, LIMIT)
    }
}

#[cfg(feature = "real-servers")]
#[test]
fn a_thousand_reserves_from_three_processes_on_postgres() {
    runtime().block_on(async {
        let url = crate::world::fresh_url();
        let store = crate::world::postgres(&url).await;
        store.set_limits(&limits(), NOW).await.unwrap();
        let processes = ["0/3", "1/3", "2/3"].map(|share| start(&url, share, "server"));
        admit_exactly_what_fits(&store, processes.into()).await;
    });
}

/// A server has the file open and is asked half of it at once; beside it a command opens and closes the file for each of the others.
#[test]
fn a_thousand_reserves_from_a_server_and_a_command_on_sqlite() {
    runtime().block_on(async {
        let (folder, store) = sqlite().await;
        store.set_limits(&limits(), NOW).await.unwrap();
        let file = folder.path().join("picora.db");
        let file = file.to_str().unwrap();
        let processes = [start(file, "0/2", "server"), start(file, "1/2", "command")];
        admit_exactly_what_fits(&store, processes.into()).await;
    });
}
