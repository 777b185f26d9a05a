//! Servers that cannot start: one clear sentence and exit code 2, whatever is wrong.

use std::process::{Command, Output};

use crate::child::Place;

/// Runs the server, which must give up by itself, with one sentence that names these.
pub(crate) fn gives_up(place: &Place, arguments: &[&str], names: &[&str]) {
    let server = place.command();
    let mut command = Command::new("timeout"); // exits with 124 when the server started after all
    command.args(["-k", "1", "20"]).arg(server.get_program());
    command.args(server.get_args()).args(arguments);
    is_one_sentence(&command.output().unwrap(), names);
}

pub(crate) fn is_one_sentence(output: &Output, names: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let sentences: Vec<_> = stderr.lines().collect();
    let [sentence] = &sentences[..] else {
        panic!("not one line: {stderr}");
    };
    assert!(sentence.starts_with("picora-server: "), "{sentence}");
    for name in names {
        assert!(sentence.contains(name), "{name}: {sentence}");
    }
    for noise in ["panicked", "backtrace", "\\n", "Error {", "\u{1b}"] {
        assert!(!sentence.contains(noise), "{sentence}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used() {
    for (config, names) in [
        ("[[[", &["picora.toml"][..]),
        ("lisen = 1\n", &["lisen"]),
        ("[uploads]\nmax_opn = 1\n", &["max_opn"]),
        ("[jobs]\ntidy_seconds = 0\n", &["jobs.tidy_seconds"]),
        ("[rate_limits]\nhourly = 0\n", &["rate_limits"]),
        ("[rate_limits]\nread = { per_minut = 60 }\n", &["per_minut"]),
        (
            "[rate_limits]\nread = { per_minute = 1, burst = 1 }\nreplicas = 4000000000\n",
            &["rate_limits.replicas", "`read`", "2^52"],
        ),
        (
            "[rate_limits.fail]\nupload = \"shut\"\n",
            &["rate_limits.fail.upload", "shut"],
        ),
        ("[log]\nfilter = \"a=b=c\"\n", &["log.filter"]),
        (
            "[plans]\nfile = \"/nowhere/plans.toml\"\n",
            &["/nowhere/plans.toml"],
        ),
        ("public_url = \"ftp://a\"\n", &["public_url"]),
    ] {
        gives_up(&Place::new(config), &[], names);
    }
    let place = Place::new("");
    gives_up(&place, &["--listen", "nowhere"], &["listen"]);
    std::fs::write(place.config(), b"\xff\xfe").unwrap();
    gives_up(&place, &[], &["picora.toml"]);
    std::fs::remove_file(place.config()).unwrap();
    gives_up(&place, &[], &["picora.toml"]);
    let plans = Place::new("");
    let file = plans.path().join("plans.toml");
    std::fs::write(&file, "[plans.trial]\nbilling = \"once\"\n").unwrap();
    let line = format!("[plans]\nfile = {file:?}\n");
    gives_up(&Place::new(&line), &[], &["plans.toml"]);
}

#[test]
fn a_folder_that_cannot_be_used() {
    let place = Place::new("");
    std::fs::write(place.data(), "a file, no folder").unwrap();
    gives_up(&place, &[], &[place.data().to_str().unwrap()]);
    let place = Place::new("");
    gives_up(&place, &["--data-dir", "/proc/nowhere"], &["/proc/nowhere"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_or_a_folder_that_another_server_has() {
    let child = Place::new("").serve().await;
    let other = Place::new("");
    let address = child.address().to_owned();
    let gives_up = |arguments: Vec<String>, name: String| {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        gives_up(&other, &arguments, &[&name]);
    };
    let listen = vec!["--listen".to_owned(), address.clone()];
    tokio::task::block_in_place(|| gives_up(listen, address));
    let data = child.place.data().to_str().unwrap().to_owned();
    let folder = vec!["--data-dir".to_owned(), data.clone()];
    let in_use = "is in use by another server".to_owned();
    tokio::task::block_in_place(|| gives_up(folder, in_use));
    // Commands for accounts do not need the folder to themselves.
    child.account(picora_core::PlanId::Trial);
}

/// A folder of a server that ran and stopped in order.
async fn used() -> Place {
    let child = Place::new("").serve().await;
    child.terminate();
    let (status, log, place) = child.ended().await;
    assert!(status.success(), "{log}");
    let log = place.data().join("picora.sqlite-wal");
    assert!(!log.exists(), "it is folded into the database");
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_damaged() {
    let place = used().await;
    let (key, database) = (
        place.data().join("signing.key"),
        place.data().join("picora.sqlite"),
    );
    let whole = std::fs::read(&key).unwrap();
    for damaged in [&whole[..31], &[], &[&whole[..], b"\n"].concat()] {
        std::fs::write(&key, damaged).unwrap();
        gives_up(&place, &[], &["signing.key"]);
    }
    std::fs::remove_file(&key).unwrap();
    std::fs::create_dir(&key).unwrap();
    gives_up(&place, &[], &["signing.key"]);
    std::fs::remove_dir(&key).unwrap();
    std::fs::write(&key, &whole).unwrap();

    let whole = std::fs::read(&database).unwrap();
    let noise: Vec<u8> = (0..whole.len())
        .map(|n| (n * 7 % 251).to_le_bytes()[0])
        .collect();
    let scrambled = [&whole[..100], &noise[100..]].concat();
    for damaged in [
        &noise[..],
        b"not a database, but text of some length",
        &scrambled,
    ] {
        std::fs::write(&database, damaged).unwrap();
        for side in ["picora.sqlite-wal", "picora.sqlite-shm"] {
            let _ = std::fs::remove_file(place.data().join(side)); // of the database that was
        }
        gives_up(&place, &[], &["picora.sqlite"]);
        let output = place.run(&["account", "create"]);
        is_one_sentence(&output, &["picora.sqlite"]);
    }
    std::fs::write(&database, &whole).unwrap();
    place.serve().await; // nothing else was harmed
}

#[test]
fn a_command_that_names_nothing() {
    let place = Place::new("");
    let nobody = "acc_00000000000000000000000000";
    for (arguments, name) in [
        (&["account", "create", "--plan", "gold"][..], "gold"),
        (&["account", "plan", nobody, "pro"], nobody),
        (&["account", "plan", "me", "pro"], "`me`"),
        (&["admin", "grant", nobody], nobody),
        (&["admin", "revoke", "me"], "`me`"),
    ] {
        is_one_sentence(&place.run(arguments), &[name]);
    }
}
