//! The command line as a process.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::Instant;

use crate::host::{Host, is_soak, rate};
use crate::hostile::{Act, Hostile, answer};

/// Runs `picora` with this host and this key.
async fn picora(url: &str, key: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_picora"));
    command
        .env_clear()
        .env("PICORA_URL", url)
        .env("PICORA_API_KEY", key);
    let output = command.args(arguments).kill_on_drop(true).output();
    tokio::time::timeout(Duration::from_secs(300), output)
        .await
        .unwrap()
        .unwrap()
}

async fn at(host: &Host, arguments: &[&str]) -> Output {
    picora(&host.url, &host.secret, arguments).await
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The values of the lines; every line is one.
fn json(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn texts(paths: &[PathBuf]) -> Vec<&str> {
    paths.iter().map(|path| path.to_str().unwrap()).collect()
}

#[tokio::test]
async fn files_go_up_are_listed_and_are_removed() {
    let host = Host::start().await;
    let (gif, notes) = (
        host.file("a.gif", b"GIF89a"),
        host.file("notes.md", b"# Notes"),
    );
    let files = [gif.clone(), notes];
    let uploaded = at(
        &host,
        &[
            &["upload", "--tag", "t", "--private", "--json"][..],
            &texts(&files),
        ]
        .concat(),
    )
    .await;
    assert_eq!((code(&uploaded), err(&uploaded)), (0, ""));
    let lines = json(&uploaded);
    let kinds: BTreeSet<_> = lines
        .iter()
        .map(|it| it["resource"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["document", "image"]));
    assert!(
        lines
            .iter()
            .all(|it| it["resource"]["tags"][0] == "t" && it["resource"]["is_public"] == false)
    );

    let listed = at(&host, &["ls", "--json"]).await;
    let ids: Vec<_> = json(&listed)
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let images = at(&host, &["ls", "--kind", "image", "--tag", "t"]).await;
    assert!(
        out(&images).starts_with(&ids[0]) && out(&images).contains("6 B a.gif"),
        "{images:?}"
    );
    assert_eq!(out(&at(&host, &["ls", "--tag", "other"]).await), "");

    let dry = at(&host, &["rm", "--dry-run", &ids[0]]).await;
    assert_eq!(out(&dry), format!("would remove {} a.gif\n", ids[0]));
    assert_eq!(json(&at(&host, &["ls", "--json"]).await).len(), 2);
    let missing = "img_00000000000000000000000000";
    let removed = at(&host, &["rm", &ids[0], missing, &ids[1], "--json"]).await;
    assert_eq!(code(&removed), 1);
    let deleted: Vec<_> = json(&removed)
        .iter()
        .map(|it| it["deleted"].as_bool().unwrap())
        .collect();
    assert_eq!(deleted, [true, false, true]);
    assert!(
        err(&removed).starts_with(&format!(
            "picora: {missing}: Not found (NOT_FOUND, request req_"
        )),
        "{removed:?}"
    );
    assert_eq!(out(&at(&host, &["ls"]).await), "");

    let usage = at(&host, &["usage", "--json"]).await;
    assert_eq!(json(&usage)[0]["uploads"]["day"]["used"], 2);
    assert!(out(&at(&host, &["usage"]).await).contains("uploads today                      2 of "));
    assert_eq!(
        json(&at(&host, &["whoami", "--json"]).await)[0]["plan"],
        "pro"
    );
}

#[tokio::test]
async fn one_bad_file_does_not_stop_the_others_and_is_told() {
    let host = Host::start().await;
    let files = [
        host.file("a.gif", b"GIF89a"),
        host.file("b.gif", b"text"),
        host.file("c.unknown", b"GIF89a"),
        PathBuf::from("missing.gif"),
        host.file("d.gif", b"GIF89a d"),
    ];
    let uploaded = at(&host, &[&["upload", "--json"][..], &texts(&files)].concat()).await;
    assert_eq!(code(&uploaded), 1);
    let lines = json(&uploaded);
    let stored = lines.iter().filter(|it| it["resource"]["id"].is_string());
    assert_eq!((stored.count(), lines.len()), (2, 5));
    let wrong = lines
        .iter()
        .find(|it| it["file"].as_str().unwrap().ends_with("b.gif"))
        .unwrap();
    assert_eq!(wrong["error"]["code"], "UNSUPPORTED_MEDIA_TYPE");
    assert!(
        err(&uploaded).contains(wrong["error"]["requestId"].as_str().unwrap()),
        "{uploaded:?}"
    );
    for told in [
        "missing.gif: the file \"missing.gif\" cannot be read: No such file",
        "c.unknown: its name does not say what it is; give --kind",
    ] {
        assert!(err(&uploaded).contains(told), "{uploaded:?}");
    }
    let kind = at(
        &host,
        &["upload", "--kind", "image", files[2].to_str().unwrap()],
    )
    .await;
    let told = format!("gif {}\n", files[2].display());
    assert!(code(&kind) == 0 && out(&kind).ends_with(&told), "{kind:?}");
}

#[tokio::test]
async fn exit_codes_are_as_documented_and_the_key_is_never_shown() {
    let host = Host::start().await;
    let gif = host.file("a.gif", b"GIF89a");
    let gif = gif.to_str().unwrap();
    let down = "http://127.0.0.1:1";
    let portal = Hostile::doing([answer(
        "200 OK",
        "content-type: text/html\r\n",
        "\x1b[31m<html>",
    )])
    .await;
    let lost = Hostile::doing([Act::Close]).await;
    let id = "img_00000000000000000000000000";
    let secret = "sk_live_wrongwrongwrong";
    let limited = Hostile::doing([answer("429 Too Many Requests", "retry-after: 9\r\n", r#"{"error":"Rate limit exceeded","code":"RATE_LIMITED","meta":{"retryAfterSec":9},"requestId":"req_1"}"#)]).await;
    for (url, arguments, expected, told) in [
        (
            host.url.as_str(),
            &["whoami"][..],
            3,
            "the key: Authentication required (UNAUTHENTICATED, request req_",
        ),
        (&host.url, &["upload", gif], 3, "UNAUTHENTICATED"),
        (
            &limited.url,
            &["usage", "--max-wait", "5"],
            4,
            "(RATE_LIMITED, request req_1); come back in 9 s",
        ),
        (
            &limited.url,
            &["usage", "--no-retry"],
            4,
            "(RATE_LIMITED, request req_1); come back in 9 s",
        ),
        (down, &["usage"], 5, "the server cannot be reached"),
        (&portal.url, &["ls"], 5, "no answer of Picora"),
        (&lost.url, &["usage"], 5, "the connection was lost"),
        (
            "http://user:hunter2@h",
            &["usage"],
            2,
            "must not hold a user name",
        ),
        ("nowhere", &["usage"], 2, "must be a URL"),
        ("", &["usage"], 2, "PICORA_URL"),
        (
            &host.url,
            &["rm", id, "img_/../../etc"],
            2,
            "\"img_/../../etc\" is no id of a resource, so nothing was removed",
        ),
        (&host.url, &["rm", "img_\u{1}"], 2, "is no id"),
        (&host.url, &["rm"], 2, "required"),
        (
            &host.url,
            &["upload", gif, "--kind", "film"],
            2,
            "invalid value",
        ),
        (
            &host.url,
            &["usage", "--api-key-file", "/missing/key"],
            2,
            "\"/missing/key\" cannot be read",
        ),
    ] {
        let output = picora(url, secret, arguments).await;
        assert_eq!(code(&output), expected, "{arguments:?}: {output:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {output:?}");
        let shown = format!("{}{}", out(&output), err(&output));
        assert!(
            !shown.contains("wrongwrong") && !shown.contains("hunter2") && !shown.contains('\x1b'),
            "{shown}"
        );
    }
    let unset = picora(&host.url, "", &["usage"]).await;
    assert!(
        code(&unset) == 2 && err(&unset).contains("set PICORA_API_KEY"),
        "{unset:?}"
    );
    let help = picora(&host.url, secret, &["--help"]).await;
    assert!(out(&help).contains("Exit codes:") && out(&help).contains("Examples:"));
    assert!(
        !out(&help).contains("wrongwrong") && !out(&help).contains(&host.url),
        "{}",
        out(&help)
    );
}

#[tokio::test]
async fn the_key_comes_from_a_file_too() {
    let host = Host::start().await;
    let file = host.file("key", format!("{}\n", host.secret).as_bytes());
    let by_file = picora(
        &host.url,
        "sk_live_wrong",
        &["whoami", "--api-key-file", file.to_str().unwrap()],
    )
    .await;
    assert_eq!(code(&by_file), 0, "{by_file:?}");
    let folder = host.file("two words", b"two words");
    let no_key = picora(
        &host.url,
        "",
        &["whoami", "--api-key-file", folder.to_str().unwrap()],
    )
    .await;
    assert!(
        code(&no_key) == 2 && err(&no_key).contains("holds no key"),
        "{no_key:?}"
    );
}

/// Row #54: more uploads than a minute has are all stored, each once; the excess is refused, waited for and repeated.
#[tokio::test]
async fn soak_sixty_one_uploads_of_a_minute_finish() {
    // In the ordinary test the same shape is faster and smaller: burst 5, then one a quarter of a second.
    let (count, per_minute) = if is_soak() { (61, 60) } else { (12, 240) };
    let host = Host::with(|config| config.rate_limits.upload = rate(per_minute, 5)).await;
    let files = host.gifs(count);
    let start = Instant::now();
    let uploaded = at(
        &host,
        &[&["upload", "--json", "--jobs", "8"][..], &texts(&files)].concat(),
    )
    .await;
    let took = start.elapsed();
    assert_eq!((code(&uploaded), err(&uploaded)), (0, ""));
    // What the burst does not let through needs its time: without refusals that were honoured it would be over in no time.
    let least = Duration::from_secs(60 * (count as u64 - 5) / per_minute);
    assert!(took >= least, "{took:?} is less than {least:?}");
    let lines = json(&uploaded);
    let sent: BTreeSet<_> = lines
        .iter()
        .map(|it| it["resource"]["sha256"].as_str().unwrap())
        .collect();
    assert_eq!((lines.len(), sent.len()), (count, count));
    let listed = json(&at(&host, &["ls", "--json"]).await);
    let stored: BTreeSet<_> = listed
        .iter()
        .map(|it| it["sha256"].as_str().unwrap())
        .collect();
    assert_eq!((listed.len(), stored), (count, sent));
    let usage = &json(&at(&host, &["usage", "--json"]).await)[0];
    assert_eq!(usage["uploads"]["day"]["used"], count);
    println!("{count} uploads in {took:?}");
}
