//! A stranger's program makes requests of the OpenAPI document, and holds every answer against it.
//!
//! What it finds is its own verdict. From the record of what was sent (a HAR file) we draw ours, which no mistake in the document can
//! weaken: the six headers on every success that a limit pays for, no failure of the server, and enough successes to mean something.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use picora_core::{MediaKind, PlanId};
use picora_server::routes::resource::collection;
use picora_testkit::program;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::child::Child;
use crate::stripping::Stripping;
use crate::world::{Account, gif};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    // A heavy run takes another seed each time, and tells which.
    let effort: &[&str] = match std::env::var_os("PICORA_SOAK") {
        Some(_) => &["--max-examples", "200"],
        None => &["--max-examples", "5", "--seed", "1"],
    };
    let server = Child::start(GENEROUS).await;
    let judge = Judge::of(&server).await;
    let verdict = judge.run(&server.url, effort).await;
    assert!(verdict.is_content, "{}", verdict.said);
    assert_eq!(verdict.complaints(), [""; 0], "{}", verdict.said);
    let seen = verdict.succeeded();
    let wanted = ["GET /v1/images", "GET /v1/user/me/usage", "POST /v1/docs"];
    let of_one = [
        "GET /v1/images/",
        "PATCH /v1/docs/",
        "GET /v1/admin/accounts/",
    ];
    for operation in wanted {
        assert!(seen.contains(operation), "{operation}: {seen:?}");
    }
    for start in of_one {
        assert!(
            seen.iter().any(|it| it.starts_with(start)),
            "{start}: {seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_and_the_record_notice_one_missing_header() {
    let server = Child::start(GENEROUS).await;
    let judge = Judge::of(&server).await;
    for name in HEADERS {
        let bad = Stripping::before(&server.url, move |headers| {
            headers.remove(name);
        });
        let bad = bad.await;
        let usage = [
            "--include-path",
            "/v1/user/me/usage",
            "--max-examples",
            "1",
            "--seed",
            "1",
        ];
        let verdict = judge.run(&bad.url, &usage).await;
        assert!(!verdict.is_content, "{name}: {}", verdict.said);
        let told = verdict.said.to_ascii_lowercase();
        assert!(told.contains("missing required response headers"), "{told}");
        assert!(told.contains(name), "{name}: {told}");
        let complaints = verdict.complaints();
        assert!(!complaints.is_empty(), "{name}: {}", verdict.said);
        assert!(
            complaints.iter().all(|it| it.ends_with(name)),
            "{complaints:?}"
        );
    }
}

/// Who has an operator's key, and resources to ask for.
struct Judge {
    key: Account,
    folder: TempDir,
}

impl Judge {
    async fn of(server: &Child) -> Self {
        let key = server.account(PlanId::Pro);
        let granted = server.place.run(&["admin", "grant", &key.id.to_string()]);
        assert!(granted.status.success(), "{granted:?}");
        let judge = Self {
            folder: tempfile::tempdir().unwrap(),
            key,
        };
        let mut config = CONFIG.to_owned();
        for (kind, file) in [
            (MediaKind::Image, gif(20)),
            (MediaKind::Document, b"# Hello".to_vec()),
        ] {
            let path = format!("/v1/{}", collection(kind));
            let form = Form::new().part("file", Part::bytes(file).file_name("a file"));
            let sent = server.request(&judge.key, Method::POST, &path);
            let made = Answer::to(sent.multipart(form)).await.id();
            // Not of DELETE, or nothing would be left to show.
            for verb in ["GET", "PATCH"] {
                operation(&mut config, &format!("{verb} {path}/{{id}}"), &made);
            }
        }
        // Another one than its own, which it might disable.
        let other = server.account(PlanId::Trial).id.to_string();
        operation(&mut config, "GET /v1/admin/accounts/{id}", &other);
        std::fs::write(judge.file("schemathesis.toml"), config).unwrap();
        judge
    }

    /// Lets it judge the server at this address, with these arguments.
    async fn run(&self, url: &str, arguments: &[&str]) -> Verdict {
        let record = self.file("record.har");
        let mut command = tokio::process::Command::new(installed());
        command
            .arg("--config-file")
            .arg(self.file("schemathesis.toml"))
            .arg("run")
            .arg(format!("{url}/openapi.json"))
            .args([
                "--header",
                &format!("Authorization: Bearer {}", self.key.secret),
            ])
            .args(["--report", "har", "--report-har-path"])
            .arg(&record)
            .args(FIXED)
            .args(arguments)
            .env("NO_PROXY", "127.0.0.1")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(LONGEST, command.output());
        let output = output.await.expect("it ends in time").unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let read = std::fs::read(&record);
        let read = read.unwrap_or_else(|error| panic!("no record ({error}): {said}"));
        std::fs::remove_file(&record).unwrap();
        Verdict {
            is_content: output.status.success(),
            said,
            record: serde_json::from_slice(&read).unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What it says, and what it did.
struct Verdict {
    is_content: bool,
    said: String,
    record: Value,
}

impl Verdict {
    /// Our own judgement of every answer.
    fn complaints(&self) -> Vec<String> {
        let entries = self.record["log"]["entries"].as_array().unwrap();
        let complaints = entries.iter().flat_map(|entry| {
            let (operation, status) = (operation_of(entry), status_of(entry));
            let mut complaints = Vec::new();
            if status >= 500 {
                complaints.push(format!("{operation}: {status}"));
            }
            if is_paid(&operation) && (200..300).contains(&status) {
                let missing = HEADERS.iter().filter(|name| !has_number(entry, name));
                complaints
                    .extend(missing.map(|name| format!("{operation}: {status} without {name}")));
            }
            complaints
        });
        complaints.collect()
    }

    /// Which operations were answered with a success.
    fn succeeded(&self) -> BTreeSet<String> {
        let entries = self.record["log"]["entries"].as_array().unwrap();
        let succeeded = entries
            .iter()
            .filter(|entry| (200..300).contains(&status_of(entry)));
        succeeded.map(operation_of).collect()
    }
}

/// Method and path, as in `GET /v1/images`.
fn operation_of(entry: &Value) -> String {
    let request = &entry["request"];
    let url = request["url"].as_str().unwrap();
    let path = url.split_once("://").unwrap().1;
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = path.split('?').next().unwrap();
    format!("{} /{path}", request["method"].as_str().unwrap())
}

fn status_of(entry: &Value) -> u64 {
    entry["response"]["status"].as_u64().unwrap()
}

/// Whether a limit pays for it: nobody's does for the state of health, nor for what a browser asks before a request.
fn is_paid(operation: &str) -> bool {
    !operation.contains(" /health") && !operation.starts_with("OPTIONS ")
}

fn has_number(entry: &Value, name: &str) -> bool {
    let headers = entry["response"]["headers"].as_array().unwrap();
    let header = headers.iter().find(|header| {
        let found = header["name"].as_str().unwrap();
        found.eq_ignore_ascii_case(name)
    });
    header.is_some_and(|header| header["value"].as_str().unwrap().parse::<u64>().is_ok())
}

fn operation(config: &mut String, name: &str, id: &str) {
    let written = write!(
        config,
        "[[operations]]\ninclude-name = {name:?}\nparameters = {{ id = {id:?} }}\n"
    );
    written.unwrap();
}

/// `cargo xtask test` has put it beside what is compiled.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    program::find("schemathesis", &[target.join("tools/schemathesis/bin")])
}

const HEADERS: [&str; 6] = [
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
/// Enough that it meets more than refusals.
const GENEROUS: &str = "
[rate_limits]
read = { per_minute = 1000000, burst = 1000000 }
upload = { per_minute = 1000000, burst = 1000000 }
mutation = { per_minute = 1000000, burst = 1000000 }
hourly = 1000000
failed_credentials_per_minute = 1000000
";
/// What a schema cannot say: which files are images (415), and how much the plan still holds (413).
///
/// Our table of error codes is closed and has no 405: an unknown method of a known path is as unknown as any other path. Of a form no
/// schema can say that the file comes last. `1.0` is an integer there, but not to us. And a document is stored once: who uploads it again
/// and removes it under the first answer's id has removed it under the second's, too. Nor that a span ends after it began.
const CONFIG: &str = r#"
[checks]
unsupported_method.enabled = false
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "413", "415", "429"]

[[operations]]
include-name = ["POST /v1/audio", "POST /v1/docs", "POST /v1/images", "POST /v1/videos", "PUT /v1/admin/accounts/{id}/disabled"]
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = ["/v1/me/usage/history", "/v1/user/me/usage/history"]
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/docs/{id}"
checks.ensure_resource_availability.enabled = false

"#;
/// What has no end is nothing to wait for.
const FIXED: &[&str] = &[
    "--no-shrink",
    "--continue-on-failure",
    "--exclude-path-regex",
    "/usage/events$",
];
/// An ordinary run takes ten seconds; a heavy one minutes.
const LONGEST: Duration = Duration::from_secs(900);
