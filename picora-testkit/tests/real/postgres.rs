use crate::leftovers::assert_gone;
use picora_testkit::{Postgres, PostgresOptions};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn fresh_databases_of_the_shared_server_are_empty_and_apart() {
    let server = Postgres::shared();
    let (one, two) = (server.fresh_database(), server.fresh_database());
    assert_ne!(one, two);
    assert!(one.starts_with("postgres://postgres@127.0.0.1:"), "{one}");
    let name = one.rsplit('/').next().unwrap();
    server.query(name, "CREATE TABLE here (n INT)");
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'here'";
    assert_eq!(server.query(name, tables), "1");
    assert_eq!(server.query(two.rsplit('/').next().unwrap(), tables), "0");
}

#[test]
fn it_listens_on_loopback_alone_with_utf8_and_utc() {
    let server = Postgres::shared();
    let shown = |setting: &str| server.query("postgres", &format!("SHOW {setting}"));
    assert_eq!(shown("listen_addresses"), "127.0.0.1");
    assert_eq!(shown("unix_socket_directories"), "");
    assert_eq!(shown("server_encoding"), "UTF8");
    assert_eq!(shown("timezone"), "UTC");
    assert_eq!(shown("fsync"), "off");
}

#[test]
fn options_reach_the_server() {
    let settings = vec![("max_connections", "7".to_owned())];
    let server = Postgres::start_with(PostgresOptions {
        durable: true,
        settings,
    });
    assert_eq!(server.query("postgres", "SHOW fsync"), "on");
    assert_eq!(server.query("postgres", "SHOW max_connections"), "7");
}

#[test]
fn a_killed_server_keeps_what_was_committed_and_its_url() {
    let mut server = Postgres::start();
    let url = server.url();
    server.query("postgres", "CREATE TABLE kept AS SELECT 42 AS n");
    server.kill();
    assert!(server.id().is_none());
    server.restart();
    assert_eq!(server.url(), url);
    assert_eq!(server.query("postgres", "SELECT n FROM kept"), "42");
}

#[test]
fn dropping_leaves_nothing_also_after_a_kill() {
    let server = Postgres::start();
    let (id, folder) = (server.id().unwrap(), server.folder().to_owned());
    drop(server);
    assert_gone(id, &folder);

    let mut server = Postgres::start();
    let (id, folder) = (server.id().unwrap(), server.folder().to_owned());
    server.kill();
    drop(server);
    assert_gone(id, &folder);
}

/// The process under test of the next one: this binary again, which shares a server and then hangs.
#[test]
fn holds_a_shared_server_while_asked() {
    if std::env::var_os("PICORA_TESTKIT_HANG").is_none() {
        return;
    }
    let server = Postgres::shared();
    println!(
        "\nholding {} {}",
        server.id().unwrap(),
        server.folder().display()
    );
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_killed_test_process_leaves_nothing_of_its_shared_server() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args([
            "postgres::holds_a_shared_server_while_asked",
            "--exact",
            "--nocapture",
        ])
        .env("PICORA_TESTKIT_HANG", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines();
    let line = lines
        .map_while(Result::ok)
        .find(|it| it.starts_with("holding "))
        .unwrap();
    let mut words = line.split(' ').skip(1);
    let (id, folder) = (
        words.next().unwrap().parse().unwrap(),
        words.next().unwrap(),
    );
    test.kill().unwrap(); // SIGKILL: no destructor runs
    test.wait().unwrap();
    assert_gone(id, folder.as_ref());
}

/// `cargo xtask soak testkit` runs many rounds; two here show that the proof itself works.
#[test]
fn soak_kill_and_restart_under_load() {
    let soak = std::env::var_os("PICORA_SOAK").is_some();
    let mut server = Postgres::start();
    server.query("postgres", "CREATE TABLE n (round INT PRIMARY KEY)");
    for round in 0..if soak { 200 } else { 2 } {
        let url = server.url();
        let load = std::thread::spawn(move || succeeds(BUSY, &url));
        while server.query("postgres", BUSY_BACKENDS) == "0" {}
        server.query("postgres", &format!("INSERT INTO n VALUES ({round})"));
        server.kill();
        assert!(!load.join().unwrap(), "the server was killed meanwhile");
        server.restart();
        let kept = server.query("postgres", "SELECT count(*) FROM n");
        assert_eq!(kept, (round + 1).to_string());
    }
    let (id, folder) = (server.id().unwrap(), server.folder().to_owned());
    drop(server);
    assert_gone(id, &folder);
}

/// A backend that computes does not look at its connection: only its own kill ends it.
const BUSY: &str = "SELECT sum(i) FROM generate_series(1, 500000000) i";
const BUSY_BACKENDS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT sum(i)%'";

fn succeeds(statement: &str, url: &str) -> bool {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--command", statement, url]);
    psql.output().expect("psql is on the path").status.success()
}
