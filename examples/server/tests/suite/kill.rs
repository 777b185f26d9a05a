//! Power cuts: the server is killed at random points of many uploads and deletions, and started again.
//!
//! What it answered holds, what it did not answer is whole or not there, and nothing is held or left for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use picora_core::{MediaKind, PlanId, Timestamp};
use picora_media::Catalogue;
use picora_quota::Ledger;
use picora_server::routes::resource::collection;
use picora_sql::SqlStore;
use reqwest::Method;
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::load::{Load, Sent, hex_sha256};
use crate::world::{Account, files_below};

const CONFIG: &str = r#"
[uploads]
max_open = 500
reservation_ttl_seconds = 3
[jobs]
tidy_seconds = 1
[rate_limits]
hourly = 10000000
read = { per_minute = 100000, burst = 10000 }
upload = { per_minute = 100000, burst = 10000 }
mutation = { per_minute = 100000, burst = 10000 }
"#;

/// What clients were told, and so what must be true at the end.
#[derive(Default)]
struct Told {
    /// Resources whose upload was answered: whose, of which kind, and the hash of what was sent.
    stored: BTreeMap<String, (usize, MediaKind, String)>,
    /// Those whose deletion was answered.
    removed: BTreeSet<String>,
    /// Those whose deletion was sent, and whose answer was lost.
    doubtful: BTreeSet<String>,
    /// Uploads whose answer was lost.
    lost: usize,
}

impl Told {
    fn note(&mut self, sent: Sent) {
        match sent {
            Sent::Stored {
                id,
                owner,
                kind,
                sha256,
            } => {
                self.stored.insert(id, (owner, kind, sha256));
            }
            Sent::Removed(id) => {
                self.doubtful.remove(&id);
                self.removed.insert(id);
            }
            Sent::NotFound(id) => {
                assert!(self.doubtful.remove(&id), "{id} was lost");
                self.removed.insert(id); // the lost answer was a yes
            }
            Sent::RemovalLost(id) => {
                self.doubtful.insert(id);
            }
            Sent::UploadLost => self.lost += 1,
        }
    }

    /// What may be deleted next; also again what may be there still.
    fn present(&self) -> Vec<(usize, MediaKind, String)> {
        let there = self
            .stored
            .iter()
            .filter(|(id, _)| !self.removed.contains(*id));
        there
            .map(|(id, (owner, kind, _))| (*owner, *kind, id.clone()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_leave_nothing() {
    let soaking = std::env::var_os("PICORA_SOAK").is_some();
    let kills = if soaking { 50 } else { 5 };
    let mut load = Load::seeded();
    println!("seed {:#x}, {kills} kills", load.seed);
    let mut child = Place::new(CONFIG).serve().await;
    let accounts: Vec<_> = (0..4).map(|_| child.account(PlanId::ProPlus)).collect();
    let mut told = Told::default();
    for round in 0..kills {
        let operations = load.round(&accounts, told.present());
        let (answers, delay) = load.moment();
        let answered = Arc::new(Semaphore::new(0));
        let running: Vec<_> = operations
            .into_iter()
            .map(|operation| {
                let sent = operation.run(child.client.clone(), child.url.clone());
                tokio::spawn(counted(sent, answered.clone()))
            })
            .collect();
        let enough = answered.acquire_many(answers);
        let _ = tokio::time::timeout(Duration::from_secs(20), enough).await;
        tokio::time::sleep(delay).await;
        let place = child.kill().await;
        for operation in running {
            told.note(operation.await.unwrap());
        }
        println!(
            "round {round}: killed {delay:?} after {answers} answers; {} stored, {} removed, {} uploads and {} removals without an answer",
            told.stored.len(),
            told.removed.len(),
            told.lost,
            told.doubtful.len()
        );
        child = place.serve().await;
    }
    let listed = check_answers(&child, &accounts, &told).await;
    tokio::time::sleep(Duration::from_secs(3 + 1)).await; // a reservation's life, and a run of the janitor
    nothing_is_held(&child.place, &accounts).await;
    let again = check_answers(&child, &accounts, &told).await;
    assert_eq!(again, listed, "tidying up touched what is stored");
    child.terminate();
    let (status, log, place) = child.ended().await;
    assert!(status.success(), "{log}");
    objects_are(&place, &listed);
    println!(
        "after {kills} kills {} resources are stored, {} of them without an answer; {} were removed; nothing is held, lost or left",
        listed.len(),
        listed
            .iter()
            .filter(|id| !told.stored.contains_key(*id))
            .count(),
        told.removed.len()
    );
}

async fn counted(operation: impl Future<Output = Sent>, answered: Arc<Semaphore>) -> Sent {
    let sent = operation.await;
    answered.add_permits(1);
    sent
}

/// Compares what every account lists, uses and can read with what it was told; answers the ids of all that is there.
async fn check_answers(child: &Child, accounts: &[Account], told: &Told) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (number, account) in accounts.iter().enumerate() {
        let (mut bytes, mut listed) = (BTreeMap::<_, u64>::new(), BTreeSet::new());
        for kind in MediaKind::ALL {
            for resource in list(child, account, kind).await {
                let url = resource["url"].as_str().unwrap();
                let path = url.split_once("/media/").unwrap().1; // the port was another when it was stored
                let media = format!("{}/media/{path}", child.url);
                let content = Answer::to(child.client.request(Method::GET, media)).await;
                let (id, sha256) = (resource["id"].as_str().unwrap(), hex_sha256(&content.bytes));
                assert_eq!(content.status, 200, "{id} is listed and cannot be read");
                assert_eq!(resource["sha256"], sha256, "{id} reads otherwise");
                if let Some((owner, _, sent)) = told.stored.get(id) {
                    assert_eq!(
                        (*owner, sent),
                        (number, &sha256),
                        "{id} is not what was sent"
                    );
                }
                assert!(!told.removed.contains(id), "{id} came back");
                *bytes.entry(kind).or_default() += content.bytes.len() as u64;
                listed.insert(id.to_owned());
            }
        }
        for (id, _) in told
            .stored
            .iter()
            .filter(|(_, (owner, ..))| *owner == number)
        {
            let gone = told.removed.contains(id) || told.doubtful.contains(id);
            assert!(
                gone || listed.contains(id),
                "{id} was answered 201 and is lost"
            );
        }
        let usage = child.get(account, "/v1/user/me/usage").await.data();
        let of = |kind| bytes.get(&kind).copied().unwrap_or_default();
        let documents = listed.iter().filter(|id| id.starts_with("doc_")).count();
        assert_eq!(usage["image"]["storage"]["used"], of(MediaKind::Image));
        assert_eq!(
            usage["video"]["storage"]["used"],
            of(MediaKind::Video) + of(MediaKind::Audio)
        );
        assert_eq!(usage["doc"]["count"]["used"], documents);
        let ever = told
            .stored
            .iter()
            .filter(|(_, (owner, ..))| *owner == number);
        let ever: BTreeSet<_> = ever.map(|(id, _)| id).chain(&listed).collect();
        assert_eq!(
            usage["uploads"]["month"]["used"],
            ever.len(),
            "uploads are counted once"
        );
        all.extend(listed);
    }
    let unknown = all
        .iter()
        .filter(|id| !told.stored.contains_key(*id))
        .count();
    assert!(unknown <= told.lost, "{unknown} resources that nobody sent");
    all
}

async fn list(child: &Child, by: &Account, kind: MediaKind) -> Vec<serde_json::Value> {
    let (mut found, mut more) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/{}?limit=100{more}", collection(kind));
        let page = child.get(by, path).await.data();
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(cursor) => more = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

/// Looks into the store beside the running server, which tidies up each second.
async fn nothing_is_held(place: &Place, accounts: &[Account]) {
    let store = SqlStore::sqlite(&place.data().join("picora.sqlite"))
        .await
        .unwrap();
    let mut held = held(&store, accounts).await;
    for _ in 0..40 {
        if held.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        held = self::held(&store, accounts).await;
    }
    panic!("after its time: {held:?}");
}

async fn held(store: &SqlStore, accounts: &[Account]) -> Vec<String> {
    let now = picora_core::Clock::now(&picora_server::system::SystemClock);
    let mut held = Vec::new();
    for account in accounts {
        let lines = store.usage(account.id, now).await.unwrap();
        let reserved = lines.iter().filter(|line| line.cell.reserved.get() > 0);
        held.extend(reserved.map(|line| format!("{line:?}")));
    }
    let intents = store.overdue(500, Timestamp::MAX).await.unwrap();
    let condemned = store.condemned(500).await.unwrap();
    held.extend(intents.iter().map(|it| format!("{it:?}")));
    held.extend(condemned.iter().map(|it| format!("{it:?}")));
    held
}

/// The folder holds the listed resources' bytes and nothing else: no orphan, no staged file.
fn objects_are(place: &Place, listed: &BTreeSet<String>) {
    let names: BTreeSet<String> = files_below(&place.data().join("objects"))
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let orphans: Vec<_> = names.difference(listed).collect();
    let missing: Vec<_> = listed.difference(&names).collect();
    assert!(
        orphans.is_empty() && missing.is_empty(),
        "orphans {orphans:?}, missing {missing:?}"
    );
}
