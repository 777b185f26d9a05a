//! Secrets of a deployment: from one place each, and never shown, whatever is printed.

use std::process::Output;

use picora_testcloud::{Cloud, Vendor};

use crate::child::Place;
use crate::sky::Sky;
use crate::start::is_one_sentence;

const SECRETS: [&str; 3] = [Cloud::SECRET, "hush", "quiet"];

fn text(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    for secret in SECRETS {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    told
}

#[test]
fn nothing_that_is_printed_shows_one() {
    let sky = Sky::of(Vendor::Oss);
    let captcha = "token = \"hush\"\n[captcha.aliyun]\naccess_key_id = \"LTAI5t\"\nsecret = \"quiet\"\n\
        managed_scene = \"a\"\ninteractive_scene = \"b\"\n";
    let place = Place::new(&format!("{}{captcha}", sky.lines(&[])));
    let printed = place.run(&["config", "print"]);
    let told = text(&printed);
    assert!(printed.status.success(), "{told}");
    let hidden = told.matches("(hidden)").count();
    assert_eq!(hidden, 3, "{told}");
    assert!(told.contains("deployment = \"mainland\"") && told.contains("[storage.oss]"));
    let checked = place.run(&["config", "check"]);
    assert!(checked.status.success(), "{}", text(&checked));
    for arguments in [
        &["--help"][..],
        &["storage", "--help"],
        &["storage", "check", "--help"],
        &["account", "create"],
        &["doctor"], // the token is none that the store knows
        &["storage", "check"],
        &["tour", "--deployed"],
        &[],
    ] {
        text(&place.run(arguments));
    }
}

/// What is not encrypted would show a proxy the token; and an emulator on this machine is nobody else's.
#[test]
fn a_proxy_of_the_environment_is_passed_by_on_this_machine() {
    for vendor in [Vendor::R2, Vendor::Oss, Vendor::Cos] {
        let sky = Sky::of(vendor);
        let place = Place::new(&sky.lines(&[]));
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        proxy.set_nonblocking(true).unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let mut command = place.command();
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(variable, &address);
        }
        let checked = command.args(["storage", "check"]).output().unwrap();
        assert!(checked.status.success(), "{}", text(&checked));
        let asked = proxy.accept().unwrap_err();
        assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock);
    }
}

/// Parsers like to draw the line at fault.
#[test]
fn a_file_that_does_not_read_is_not_drawn() {
    let sky = Sky::of(Vendor::Oss);
    for (wrong, name) in [
        ("\"hush", "picora.toml"),
        ("\"hush\" quiet", "picora.toml"),
        ("[\"hush\"]", "storage.oss.secret"),
        ("{ hush = \"quiet\" }", "storage.oss.secret"),
        ("\"hush\"\nsecret = \"quiet\"", "picora.toml"),
        ("\"hush\"\nsecrets = \"quiet\"", "secrets"),
    ] {
        let output = Place::new(&sky.lines(&[("secret", wrong)])).run(&[]);
        text(&output);
        is_one_sentence(&output, &[name]);
    }
    let user = Place::new(&sky.lines(&[("endpoint", "\"https://hush:quiet@a.example\"")]));
    let output = user.run(&[]);
    text(&output);
    is_one_sentence(&output, &["storage.oss.endpoint", "without a user"]);
}

#[test]
fn a_secret_comes_by_the_environment_as_it_is_or_from_a_file() {
    let sky = Sky::of(Vendor::Oss);
    let without = [("secret", ""), ("access_key_id", "")];
    let place = Place::new(&sky.lines(&without));
    is_one_sentence(&place.run(&[]), &["storage.oss.access_key_id_file"]);
    let by_environment = |id: &str, secret: &str, arguments: &[&str]| {
        let mut command = place.command();
        command.env("PICORA__STORAGE__OSS__ACCESS_KEY_ID", id);
        command.env("PICORA__STORAGE__OSS__SECRET", secret);
        command.args(arguments).output().unwrap()
    };
    let key = Cloud::credentials().access_key_id;
    let works = by_environment(&key, Cloud::SECRET, &["storage", "check"]);
    assert!(works.status.success(), "{}", text(&works));
    // What reads like a number or a truth value stays what it is.
    for id in ["007", "1e5", "true", "a,b"] {
        let printed = text(&by_environment(id, "hush", &["config", "print"]));
        assert!(
            printed.contains(&format!("access_key_id = \"{id}\"")),
            "{printed}"
        );
    }

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, held: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, held).unwrap();
        format!("{file:?}")
    };
    let (id, secret) = (
        file("id", &key),
        file("secret", &format!("{}\n", Cloud::SECRET)),
    );
    let from = |id: &str, secret: &str, given: &str| {
        let keys = [
            ("access_key_id", ""),
            ("access_key_id_file", id),
            ("secret", given),
            ("secret_file", secret),
        ];
        Place::new(&sky.lines(&keys))
    };
    let works = from(&id, &secret, "").run(&["storage", "check"]);
    assert!(works.status.success(), "{}", text(&works));
    for (secret, given, names) in [
        (&secret, "\"hush\"", ["storage.oss.secret", "both given"]),
        (
            &file("empty", "\n"),
            "",
            ["is empty", "storage.oss.secret_file"],
        ),
        (
            &"\"/nowhere/secret\"".to_owned(),
            "",
            ["/nowhere/secret", "cannot be read"],
        ),
    ] {
        let place = from(&id, secret, given);
        for arguments in [&["config", "check"][..], &["storage", "check"], &[]] {
            let output = place.run(arguments);
            text(&output);
            is_one_sentence(&output, &names);
        }
    }
}
