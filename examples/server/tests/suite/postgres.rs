//! The server on a PostgreSQL, alone and with another beside it; and one that cannot be had.

use picora_core::PlanId;
use picora_testkit::{Postgres, free_port};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::answer::Answer;
use crate::child::{Child, Place};
use crate::start::{gives_up, is_one_sentence};
use crate::world::{Account, gif};

/// The lines of a configuration.
pub(crate) fn database(url: &str) -> String {
    format!("[database]\nurl = {url:?}\nshared_folder = true\n")
}

/// One more server on the database and the folder of this one.
pub(crate) async fn beside(first: &Child, config: &str) -> Child {
    let place = Place::new(config);
    let mut command = place.command();
    command.arg("--data-dir").arg(first.place.data());
    place.serve_as(command).await
}

pub(crate) async fn upload(by: &Account, to: &Child, file: Vec<u8>) -> Value {
    let form = Form::new().part("file", Part::bytes(file));
    let request = to.request(by, Method::POST, "/v1/images").multipart(form);
    Answer::to(request).await.success(201)
}

async fn stored(by: &Account, at: &Child) -> Value {
    let usage = at.get(by, "/v1/user/me/usage").await.data();
    usage["image"]["storage"]["used"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_see_each_others_usage_exactly() {
    let config = database(&Postgres::shared().fresh_database());
    let first = Place::new(&config).serve().await;
    let second = beside(&first, &config).await;
    let account = first.account(PlanId::Trial);
    let mut stored_in_all = 0;
    for round in 1..=3 {
        for (here, there) in [(&first, &second), (&second, &first)] {
            let image = upload(&account, here, gif(1_000 * round)).await;
            stored_in_all += 1_000 * round;
            assert_eq!(stored(&account, there).await, stored_in_all);
            let bytes = there.client.get(image["url"].as_str().unwrap()).send();
            let bytes = bytes.await.unwrap().bytes().await.unwrap();
            assert_eq!(bytes.len(), 1_000 * round, "the folder is one");
            if round == 2 {
                let path = format!("/v1/images/{}", image["id"].as_str().unwrap());
                Answer::to(there.request(&account, Method::DELETE, &path)).await;
                stored_in_all -= 1_000 * round;
                assert_eq!(stored(&account, here).await, stored_in_all);
            }
        }
    }
    assert_eq!(stored_in_all, 8_000);
    let output = first.place.run(&["doctor", "--json"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(last["findings"], 0);
    assert!(
        !first.place.data().join("picora.sqlite").exists(),
        "no database is made beside it"
    );
    for server in [first, second] {
        server.terminate();
        let (status, log, _place) = server.ended().await;
        assert!(status.success(), "{log}");
        assert!(!log.contains("postgres://"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_had_is_named_without_its_password() {
    let server = Postgres::start();
    server.query("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let rules = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(server.folder().join("data/pg_hba.conf"), rules).unwrap();
    server.query("postgres", "SELECT pg_reload_conf()");
    let (port, closed) = (server.port(), free_port());
    let named = format!("127.0.0.1:{port}/postgres");
    let of = |who: &str, port: u16, name: &str| format!("postgres://{who}@127.0.0.1:{port}/{name}");
    for (url, names) in [
        (
            of("guarded:hunter2", port, "postgres"),
            &[&named, "password authentication failed"][..],
        ),
        (
            of("postgres:hunter2", port, "nowhere"),
            &["/nowhere", "does not exist"],
        ),
        (
            of("postgres:hunter2", closed, "postgres"),
            &[&format!("127.0.0.1:{closed}"), "refused"],
        ),
        (
            of("postgres:hunter2", port, "postgres?sslmode=require"),
            &["TLS"],
        ),
        (
            "postgres://me:hunter2@no-such-host.invalid/a".to_owned(),
            &["no-such-host.invalid"],
        ),
        (
            "postgres://me:hunter2@127.0.0.1:port/a".to_owned(),
            &["port"],
        ),
        ("mysql://me:hunter2@a/b".to_owned(), &["database.url"]),
    ] {
        tokio::task::block_in_place(|| {
            gives_up(
                &Place::new(&format!("[database]\nurl = {url:?}\n")),
                &[],
                names,
            );
            // A server that refuses is given ten seconds to start; once is enough.
            let commands = [&["doctor"][..], &["account", "create"]];
            for arguments in commands
                .iter()
                .take(if names.contains(&"refused") { 0 } else { 2 })
            {
                let place = Place::new("");
                let mut command = place.command();
                command.env("PICORA__DATABASE__URL", &url).args(*arguments);
                let output = command.output().unwrap();
                is_one_sentence(&output, names);
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(!said.contains("hunter2"), "{said}");
            }
        });
    }
    let place = Place::new("");
    let right = of("guarded:right", port, "postgres");
    server.query("postgres", "GRANT CREATE ON SCHEMA public TO guarded");
    let mut command = place.command();
    command.env("PICORA__DATABASE__URL", right);
    let printed = {
        let mut command = place.command();
        command.env(
            "PICORA__DATABASE__URL",
            of("guarded:right", port, "postgres"),
        );
        command.args(["config", "print"]).output().unwrap()
    };
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains("(hidden)") && !printed.contains("right"),
        "{printed}"
    );
    let child = place.serve_as(command).await;
    child.terminate();
    let (status, log, _place) = child.ended().await;
    assert!(status.success() && !log.contains("right"), "{log}");
}

/// A folder that is not shared has one server, and who shares one does not let him in who does not.
#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_say_so_share_a_folder() {
    let url = Postgres::shared().fresh_database();
    let first = Place::new(&database(&url)).serve().await;
    let alone = Place::new(&format!("[database]\nurl = {url:?}\n"));
    let data = first.place.data();
    let arguments = ["--data-dir", data.to_str().unwrap()];
    tokio::task::block_in_place(|| {
        gives_up(&alone, &arguments, &["is in use by another server"]);
    });
}

/// A ledger that cannot be reached is 503, never a refusal by quota; when it is back, nothing is lost and nothing counts twice.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_dies_meanwhile_is_503_and_loses_nothing() {
    let mut database = Postgres::start_with(picora_testkit::PostgresOptions {
        durable: true,
        ..Default::default()
    });
    let server = Place::new(&self::database(&database.fresh_database()));
    let server = server.serve().await;
    let account = server.account(PlanId::Trial);
    upload(&account, &server, gif(1_000)).await;
    database.kill();
    for round in 0..3 {
        let form = Form::new().part("file", Part::bytes(gif(2_000 + round)));
        let request = server.request(&account, Method::POST, "/v1/images");
        let refused = Answer::to(request.multipart(form)).await;
        assert_eq!(refused.status, 503, "{}", refused.json());
    }
    let usage = server.get(&account, "/v1/user/me/usage").await;
    assert_eq!(usage.status, 503, "{}", usage.json());
    database.restart();
    let begun = tokio::time::Instant::now();
    while server.get(&account, "/v1/user/me/usage").await.status != 200 {
        assert!(begun.elapsed().as_secs() < 30, "it does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(stored(&account, &server).await, 1_000);
    upload(&account, &server, gif(3_000)).await;
    assert_eq!(stored(&account, &server).await, 4_000);
    let output = server.place.run(&["doctor", "--json"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
}
