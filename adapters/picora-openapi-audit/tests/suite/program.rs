//! The program: files in, a report and an exit code out.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use picora_server::openapi::Documents;
use picora_server::routes::table;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with files, where the program runs.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picora-openapi-audit"));
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        told(&self.command(arguments).output().unwrap())
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

/// A document whose paths declare these headers on their one success.
fn document(paths: &[(&str, &[&str])]) -> String {
    let mut document = json!({"openapi": "3.1.0", "paths": {}});
    for (path, headers) in paths {
        let mut response = json!({"headers": {}});
        for header in *headers {
            response["headers"][*header] = json!({"schema": {"type": "integer"}});
        }
        document["paths"][*path] = json!({"get": {"responses": {"200": response}}});
    }
    document.to_string()
}

const TRIPLET: &[&str] = &["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

#[test]
fn a_clean_document_is_0_and_a_finding_1() {
    let folder = Folder::with(&[
        ("good.json", &document(&[("/a", TRIPLET), ("/health", &[])])),
        ("bad.json", &document(&[("/a", &TRIPLET[..2])])),
    ]);
    let (code, out, err) = folder.run(&["good.json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.ends_with("\n1 operation audited: 0 findings\n"),
        "{out}"
    );
    assert!(
        out.starts_with("note: the exemption \"/openapi.json\" matches no path\n"),
        "{out}"
    );

    let (code, out, err) = folder.run(&["bad.json", "--no-default-exemptions"]);
    assert_eq!((code, err.as_str()), (1, ""));
    let expected = "GET /a 200: does not declare RateLimit-Reset\n1 operation audited: 1 finding\n";
    assert_eq!(out, expected);
    assert_eq!(folder.run(&["bad.json", "--exempt", "/*"]).0, 0);
    assert_eq!(folder.run(&["good.json", "--strict"]).0, 1);
    assert_eq!(folder.run(&["good.json", "--no-default-exemptions"]).0, 1);
}

#[test]
fn our_document_passes_in_strict_mode() {
    let text = Documents::of(&table()).all().to_string();
    let folder = Folder::with(&[("openapi.json", &text)]);
    let (code, out, _) = folder.run(&["openapi.json", "--strict", "--exempt", "/health/**"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(folder.run(&["openapi.json", "--strict"]).0, 1);
}

#[test]
fn what_cannot_be_read_is_2_and_one_sentence() {
    let good = document(&[("/a", TRIPLET)]);
    let folder = Folder::with(&[
        ("good.json", &good),
        ("spec.yaml", "openapi: 3.1.0\n"),
        ("swagger.json", r#"{"swagger": "2.0", "paths": {}}"#),
        ("next.json", r#"{"openapi": "4.0.0", "paths": {}}"#),
        ("object.json", "{}"),
    ]);
    let cases: [(&[&str], &str); 7] = [
        (&["none.json"], "cannot read \"none.json\": No such file"),
        (&["."], "cannot read \".\": Is a directory"),
        (
            &["spec.yaml"],
            "cannot audit \"spec.yaml\": it is not JSON: ",
        ),
        (
            &["swagger.json"],
            "cannot audit \"swagger.json\": it has no `openapi` member",
        ),
        (
            &["next.json"],
            "cannot audit \"next.json\": its version \"4.0.0\" is none of",
        ),
        (
            &["good.json", "--baseline", "none.json"],
            "cannot read \"none.json\": No such file",
        ),
        (
            &["good.json", "--baseline", "object.json"],
            "cannot use the baseline \"object.json\": it is not a JSON list of findings: ",
        ),
    ];
    for (arguments, sentence) in cases {
        let (code, out, err) = folder.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        let start = format!("picora-openapi-audit: {sentence}");
        assert!(err.starts_with(&start), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn wrong_arguments_are_2() {
    let folder = Folder::with(&[("good.json", &document(&[("/a", TRIPLET)]))]);
    for arguments in [
        &[][..],
        &["good.json", "--exempt", "health"],
        &["good.json", "--exempt", "/a**"],
        &["good.json", "--format", "yaml"],
        &["good.json", "--format", "text", "--json"],
    ] {
        let (code, _, err) = folder.run(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(err.starts_with("error: "), "{err}");
    }
    let (_, _, err) = folder.run(&["good.json", "--exempt", "health"]);
    assert!(
        err.contains("`health` does not start with a slash, as paths do"),
        "{err}"
    );
}

#[test]
fn a_baseline_may_only_shrink() {
    let folder = Folder::with(&[("a.json", &document(&[("/a", &[]), ("/b", &TRIPLET[1..])]))]);
    let (code, known, _) = folder.run(&["a.json", "--format", "baseline"]);
    assert_eq!(code, 0);
    folder.write("known.json", &known);
    let arguments = [
        "a.json",
        "--baseline",
        "known.json",
        "--no-default-exemptions",
    ];
    let (code, out, _) = folder.run(&arguments);
    assert_eq!(
        (code, out.as_str()),
        (0, "2 operations audited: 0 findings, 2 known\n")
    );

    // A new omission, even in an operation that has a known one.
    folder.write("a.json", &document(&[("/a", &[]), ("/b", &TRIPLET[2..])]));
    let (code, out, _) = folder.run(&arguments);
    assert_eq!(code, 1);
    let told = "GET /b 200: does not declare RateLimit-Remaining\n2 operations audited: 1 finding, 2 known\n";
    assert_eq!(out, told);

    // Mended, so that the entry has to go.
    folder.write("a.json", &document(&[("/a", &[]), ("/b", TRIPLET)]));
    let (code, out, _) = folder.run(&arguments);
    assert_eq!(code, 1);
    let told = "GET /b 200: no longer \"does not declare RateLimit-Limit\"; remove it from the baseline, which may only shrink\n\
        2 operations audited: 0 findings, 1 known, 1 to remove from the baseline\n";
    assert_eq!(out, told);

    // The program writes the smaller one; it never adds.
    let (code, smaller, _) =
        folder.run(&["a.json", "--baseline", "known.json", "--format", "baseline"]);
    assert_eq!(code, 0);
    folder.write("known.json", &smaller);
    assert_eq!(folder.run(&arguments).0, 0);
}

#[test]
fn json_and_annotations_tell_the_same() {
    let folder = Folder::with(&[("a.json", &document(&[("/a", &TRIPLET[..2])]))]);
    let arguments = ["a.json", "--no-default-exemptions", "--json"];
    let (code, out, _) = folder.run(&arguments);
    let expected = json!({
        "operations": 1,
        "findings": [{"path": "/a", "method": "GET", "status": "200", "problem": "missing_headers", "headers": ["RateLimit-Reset"]}],
        "known": [], "stale": [], "unused_exemptions": [],
    });
    assert_eq!(code, 1);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    let long = ["a.json", "--no-default-exemptions", "--format", "json"];
    assert_eq!(folder.run(&long).1, out);

    let github = ["a.json", "--no-default-exemptions", "--format", "github"];
    let (code, out, _) = folder.run(&github);
    assert_eq!(code, 1);
    let line = "::error file=a.json,title=Rate-limit headers::GET /a 200: does not declare RateLimit-Reset\n";
    assert!(out.starts_with(line), "{out}");
}

#[test]
fn standard_input_is_read() {
    let folder = Folder::with(&[]);
    let mut child = folder
        .command(&["-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = document(&[("/a", &[])]);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let (code, out, _) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, 1);
    assert!(
        out.starts_with("GET /a 200: does not declare RateLimit-Limit"),
        "{out}"
    );
}

#[test]
fn help_is_complete() {
    let (code, help, _) = Folder::with(&[]).run(&["--help"]);
    assert_eq!(code, 0);
    for part in [
        "<FILE>",
        "--strict",
        "--exempt <GLOB>",
        "--no-default-exemptions",
        "--baseline <FILE>",
        "--format <FORMAT>",
        "text",
        "json",
        "github",
        "baseline",
        "--json",
        "--version",
        "Exit codes:",
        "/.well-known/**",
        "Examples:",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
