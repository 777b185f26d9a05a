//! The ledger is brought back to what is stored, in databases that somebody wrote into.

use picora_core::PlanId;
#[cfg(feature = "real-servers")]
use picora_testkit::Postgres;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::start::is_one_sentence;
use crate::world::{Account, gif};

/// The database of a place, for whoever writes into it behind the server's back.
enum Database {
    Sqlite,
    #[cfg(feature = "real-servers")]
    Postgres(String),
}

impl Database {
    async fn write(&self, place: &Place, statement: &'static str) {
        match self {
            Self::Sqlite => {
                let file = place.data().join("picora.sqlite");
                let file = SqliteConnectOptions::new().filename(file);
                let mut database = SqliteConnection::connect_with(&file).await.unwrap();
                sqlx::query(statement).execute(&mut database).await.unwrap();
            }
            #[cfg(feature = "real-servers")]
            Self::Postgres(name) => drop(Postgres::shared().query(name, statement)),
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Sqlite => Place::new(""),
            #[cfg(feature = "real-servers")]
            Self::Postgres(name) => {
                let url = Postgres::shared().url();
                let server = url.rsplit_once('/').unwrap().0;
                Place::new(&crate::postgres::database(&format!("{server}/{name}")))
            }
        }
    }
}

#[cfg(feature = "real-servers")]
fn on_postgres() -> Database {
    let url = Postgres::shared().fresh_database();
    Database::Postgres(url.rsplit_once('/').unwrap().1.to_owned())
}

async fn upload(by: &Account, to: &Child, path: &str, file: Vec<u8>) -> Value {
    let form = Form::new().part("file", Part::bytes(file));
    let request = to.request(by, Method::POST, path).multipart(form);
    Answer::to(request).await.success(201)
}

/// Runs a command; its exit code, the outcomes of its lines, and its last line.
fn run(place: &Place, arguments: &[&str]) -> (i32, Vec<Value>, Value) {
    let output = place.run(&[arguments, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let json = |line| serde_json::from_str(line).unwrap();
    let mut lines: Vec<Value> = text.lines().map(json).collect();
    let last = lines.pop().unwrap_or_else(|| panic!("{:?}", output.stderr));
    (output.status.code().unwrap(), lines, last)
}

/// A finding is mended, and only then the doctor is content.
async fn mends(database: Database) {
    let child = database.place().serve().await;
    let account = child.account(PlanId::Trial);
    upload(&account, &child, "/v1/images", gif(70_000)).await;
    upload(&account, &child, "/v1/images", gif(30_000)).await;
    let audio = [b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), vec![0; 84]].concat();
    upload(&account, &child, "/v1/audio", audio).await;
    let other = child.account(PlanId::Trial);
    upload(&other, &child, "/v1/docs", b"# text".to_vec()).await;
    let place = &child.place;
    let usage = async |of: &Account| child.get(of, "/v1/user/me/usage").await.data();
    assert_eq!(run(place, &["doctor"]).0, 0);
    assert_eq!(run(place, &["reconcile"]).0, 0);
    let (right, others) = (usage(&account).await, usage(&other).await);

    let a_tenth = "UPDATE picora_usage SET used = used + used / 10
        WHERE win = '' AND counter IN ('img_storage_bytes', 'audio_storage_bytes')";
    database.write(place, a_tenth).await;
    let (code, findings, _) = run(place, &["doctor"]);
    assert_eq!(code, 1);
    let told = |part: &str| {
        let all = findings.iter().map(|it| it["finding"].as_str().unwrap());
        all.filter(|it| it.contains(part)).count()
    };
    assert_eq!(
        told("110000 is used, but the resources come to 100000"),
        1,
        "{findings:?}"
    );
    assert_eq!(
        told("110 is used, but the resources come to 100"),
        1,
        "{findings:?}"
    );
    assert_eq!(
        findings.len(),
        4,
        "the movements do not add up, either: {findings:?}"
    );
    let wrong = usage(&account).await;
    assert_ne!(wrong, right);

    let (code, dry, last) = run(place, &["reconcile", "--dry-run"]);
    assert_eq!((code, dry.len(), &last["left"]), (1, 2, &2.into()));
    assert!(dry.iter().all(|it| it["outcome"] == "found"), "{dry:?}");
    assert_eq!(usage(&account).await, wrong, "a dry run changes nothing");
    assert_eq!(run(place, &["doctor"]).1, findings);

    let (code, of_other, _) = run(place, &["reconcile", "--account", &other.id.to_string()]);
    assert_eq!(
        (code, of_other.len()),
        (0, 0),
        "another account is not looked at"
    );
    let (code, mended, last) = run(place, &["reconcile"]);
    assert_eq!(
        (code, mended.len(), &last["mended"]),
        (0, 2, &2.into()),
        "{mended:?}"
    );
    assert_eq!(
        (&mended[0]["used"], &mended[0]["truth"]),
        (&110_000.into(), &100_000.into())
    );
    assert_eq!(usage(&account).await, right);
    assert_eq!(usage(&other).await, others);
    let (code, again, last) = run(place, &["reconcile"]);
    assert_eq!((code, again.len(), &last["mended"]), (0, 0, &0.into()));
    assert_eq!(
        run(place, &["doctor"]),
        (0, vec![], run(place, &["doctor"]).2)
    );

    let thrice =
        "UPDATE picora_usage SET used = used * 3 WHERE win = '' AND counter = 'img_storage_bytes'";
    database.write(place, thrice).await;
    let (code, left, _) = run(place, &["reconcile"]);
    assert_eq!(
        (code, left[0]["outcome"].as_str()),
        (1, Some("implausible"))
    );
    assert_eq!(usage(&account).await["image"]["storage"]["used"], 300_000);
    let (code, forced, _) = run(place, &["reconcile", "--force"]);
    assert_eq!((code, forced[0]["outcome"].as_str()), (0, Some("posted")));
    assert_eq!(usage(&account).await, right);

    // A record is lost, while the level is right: it is written again, and the level stays.
    let lost = "DELETE FROM picora_posting WHERE counter = 'doc_count_limit'";
    database.write(place, lost).await;
    assert_eq!(run(place, &["doctor"]).0, 1);
    assert_eq!(run(place, &["reconcile"]).0, 0);
    assert_eq!(usage(&other).await, others);
    assert_eq!(run(place, &["doctor"]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mends_on_sqlite() {
    mends(Database::Sqlite).await;
}

#[cfg(feature = "real-servers")]
#[tokio::test(flavor = "multi_thread")]
async fn mends_on_postgresql() {
    mends(on_postgres()).await;
}

/// While others upload and delete: in the end the level is what is stored, to the byte.
async fn mends_beside_work(database: Database) {
    let config = "[rate_limits]\nupload = { per_minute = 6000, burst = 300 }\nmutation = { per_minute = 6000, burst = 300 }\n";
    let place = database.place();
    let text = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), text + config).unwrap();
    let child = place.serve().await;
    let account = child.account(PlanId::Pro);
    upload(&account, &child, "/v1/images", gif(500_000)).await;
    let work = async {
        let mut stored = 500_000;
        for number in 0..40 {
            let image = upload(&account, &child, "/v1/images", gif(1_000 + number)).await;
            if number % 3 == 0 {
                let path = format!("/v1/images/{}", image["id"].as_str().unwrap());
                let removed = child.request(&account, Method::DELETE, &path);
                Answer::to(removed).await.data();
            } else {
                stored += 1_000 + number;
            }
        }
        stored
    };
    let drift = "UPDATE picora_usage SET used = used + 5000 WHERE win = '' AND counter = 'img_storage_bytes'";
    let mending = async {
        let mut outcomes = Vec::new();
        for _ in 0..8 {
            database.write(&child.place, drift).await;
            let mut command = child.place.command();
            command.args(["reconcile", "--json"]);
            let output = tokio::process::Command::from(command).output().await;
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            let parts = text.split("\"outcome\":\"").skip(1);
            outcomes.extend(parts.map(|it| it.split('"').next().unwrap().to_owned()));
        }
        outcomes
    };
    let (stored, outcomes) = tokio::join!(work, mending);
    assert!(outcomes.iter().any(|it| it == "posted"), "{outcomes:?}");
    let odd = outcomes
        .iter()
        .find(|it| !["posted", "moved"].contains(&it.as_str()));
    assert_eq!(odd, None);
    let (code, ..) = run(&child.place, &["reconcile"]);
    assert_eq!(code, 0);
    let usage = child.get(&account, "/v1/user/me/usage").await.data();
    assert_eq!(usage["image"]["storage"]["used"], stored);
    assert_eq!(run(&child.place, &["doctor"]).1, [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mends_sqlite_beside_work() {
    mends_beside_work(Database::Sqlite).await;
}

#[cfg(feature = "real-servers")]
#[tokio::test(flavor = "multi_thread")]
async fn mends_postgresql_beside_work() {
    mends_beside_work(on_postgres()).await;
}

#[test]
fn what_cannot_be_reconciled_is_one_sentence() {
    let place = Place::new("");
    is_one_sentence(&place.run(&["reconcile"]), &["there is no database"]);
    assert!(!place.data().join("picora.sqlite").exists());
    place.account(PlanId::Trial);
    let nobody = "acc_00000000000000000000000000";
    for (account, name) in [(nobody, nobody), ("me", "`me`")] {
        is_one_sentence(&place.run(&["reconcile", "--account", account]), &[name]);
    }
    let output = place.run(&["reconcile"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "All levels are what is stored; accounts: 1.\n");
    assert!(output.stderr.is_empty(), "no bar but on a terminal");
}

/// An account that only the catalogue knows, and one that only the ledger knows, are found and mended, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_side_has_lost_is_mended() {
    let (database, child) = (Database::Sqlite, Child::start("").await);
    let (lost, gone) = (child.account(PlanId::Trial), child.account(PlanId::Pro));
    for account in [&lost, &gone] {
        upload(account, &child, "/v1/docs", b"# text".to_vec()).await;
    }
    for statement in [
        "DELETE FROM picora_usage WHERE account = (SELECT id FROM picora_account WHERE plan = 'trial' ORDER BY id DESC LIMIT 1)",
        "DELETE FROM picora_posting WHERE account NOT IN (SELECT account FROM picora_usage)",
        "DELETE FROM picora_account_limit WHERE account NOT IN (SELECT account FROM picora_usage)",
        "DELETE FROM picora_asset WHERE account = (SELECT id FROM picora_account WHERE plan = 'pro')",
        "DELETE FROM picora_account WHERE plan = 'pro'",
    ] {
        database.write(&child.place, statement).await;
    }
    let (code, findings, _) = run(&child.place, &["doctor"]);
    let told: Vec<_> = findings
        .iter()
        .map(|it| it["finding"].to_string())
        .collect();
    assert_eq!((code, told.len()), (1, 2), "{told:?}");
    assert!(
        told[0].contains("1 is used, but the resources come to 0"),
        "{told:?}"
    );
    assert!(
        told[1].contains("0 is used, but the resources come to 1"),
        "{told:?}"
    );
    let (code, left, _) = run(&child.place, &["reconcile"]);
    assert_eq!((code, left.len()), (1, 2), "{left:?}");
    for account in [&lost, &gone] {
        let id = account.id.to_string();
        let (code, forced, _) = run(&child.place, &["reconcile", "--force", "--account", &id]);
        assert_eq!((code, forced.len()), (0, 1), "{forced:?}");
    }
    assert_eq!(run(&child.place, &["doctor"]).0, 0);
}

/// Alerts that nobody sends are a finding, after an hour.
#[tokio::test]
async fn the_doctor_finds_alerts_that_do_not_leave() {
    let place = Place::new("");
    place.account(PlanId::Trial);
    assert_eq!(run(&place, &["doctor"]).0, 0);
    let put = "INSERT INTO picora_outbox (topic, key, account, state, body, due_at, next_at, attempts, fence)
        SELECT 'quota.alert', 'a', id, 'open', '{}', (unixepoch() - 3540) * 1000000, 0, 0, 0 FROM picora_account";
    Database::Sqlite.write(&place, put).await;
    assert_eq!(run(&place, &["doctor"]).0, 0, "an hour is not over");
    let older = "UPDATE picora_outbox SET due_at = due_at - 120000000";
    Database::Sqlite.write(&place, older).await;
    let (code, findings, _) = run(&place, &["doctor"]);
    let finding = findings[0]["finding"].as_str().unwrap();
    assert_eq!(
        (code, findings.len(), &findings[0]["account"]),
        (1, 1, &Value::Null)
    );
    assert!(finding.starts_with("1 alerts have waited"), "{finding}");
    Database::Sqlite
        .write(
            &place,
            "UPDATE picora_outbox SET state = 'done', ended_at = 1",
        )
        .await;
    assert_eq!(run(&place, &["doctor"]).0, 0);
}
