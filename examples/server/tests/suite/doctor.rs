//! The doctor, against databases that hold what they must, and against one that somebody wrote into.

use picora_core::PlanId;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::child::Place;

fn doctor(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let output = place.run(&[&["doctor"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), told)
}

#[tokio::test]
async fn finds_what_is_broken_and_nothing_else() {
    let place = Place::new("");
    place.account(PlanId::Trial);
    let (code, told) = doctor(&place, &[]);
    assert_eq!(
        (code, told.as_str()),
        (Some(0), "All books hold what they must; accounts: 1.\n")
    );

    let file = SqliteConnectOptions::new().filename(place.data().join("picora.sqlite"));
    let mut database = SqliteConnection::connect_with(&file).await.unwrap();
    // A number that nothing has moved, and a limit that nobody has given.
    let broken = "INSERT INTO picora_usage (account, counter, win, used, reserved, lim)
        SELECT account, counter, '', 7, 0, 1 FROM picora_account_limit WHERE counter = 'img_storage_bytes'";
    sqlx::query(broken).execute(&mut database).await.unwrap();
    let (code, told) = doctor(&place, &[]);
    assert_eq!(code, Some(1), "{told}");
    for part in [
        "img_storage_bytes: 7 is used, but the movements add up to 0",
        "it decides by",
        "img_storage_bytes: 7 is used, but the resources come to 0",
        "findings: 3",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let (code, told) = doctor(&place, &["--json"]);
    let last: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((code, &last["findings"]), (Some(1), &3.into()));
}

/// A server of another version may be running: nothing is brought up to date under it.
#[tokio::test]
async fn leaves_a_database_of_another_version_alone() {
    let place = Place::new("");
    place.account(PlanId::Trial);
    let file = SqliteConnectOptions::new().filename(place.data().join("picora.sqlite"));
    let mut database = SqliteConnection::connect_with(&file).await.unwrap();
    for (change, names) in [
        (
            "UPDATE picora_media_migrations SET version = 99 WHERE version = 2",
            "of another version",
        ),
        (
            "DELETE FROM picora_media_migrations WHERE version = 99",
            "of an earlier version",
        ),
    ] {
        sqlx::query(change).execute(&mut database).await.unwrap();
        for _ in 0..2 {
            let output = place.run(&["doctor"]);
            crate::start::is_one_sentence(&output, &["picora.sqlite", names]);
        }
    }
}

#[test]
fn makes_no_database_where_there_is_none() {
    let place = Place::new("");
    let (code, _) = doctor(&place, &[]);
    assert_eq!(code, Some(2));
    assert!(!place.data().join("picora.sqlite").exists());
}
