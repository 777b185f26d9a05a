//! The vendors' clients go through everything that our adapters use.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use picora_testcloud::{Cloud, Vendor};
use picora_testkit::program;

/// Lets a script visit a cloud, in the environment of its client; answers the steps that went well. When it says that a minute passes, one
/// does.
fn visited(cloud: &Cloud, environment: &str, script: &str) -> Vec<String> {
    let credentials = Cloud::credentials();
    let script = format!("{}/tests/suite/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut visitor = Command::new(program::python(environment))
        .args([
            "-B",
            &script,
            &cloud.port().to_string(),
            &credentials.access_key_id,
            Cloud::SECRET,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = visitor.stdin.take().unwrap();
    let mut steps = Vec::new();
    for line in BufReader::new(visitor.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "a minute later" {
            cloud.clock().advance(Duration::from_secs(61));
            writeln!(word, "go on").unwrap();
        }
        println!("{line}");
        steps.push(line);
    }
    assert!(visitor.wait().unwrap().success(), "after {steps:?}");
    steps
}

#[test]
fn both_clients_of_aliyun_meet_no_surprise() {
    let cloud = Cloud::start(Vendor::Oss);
    let steps = visited(&cloud, "oss2", "visit_oss.py");
    assert_eq!(steps.last().unwrap(), "all went well");
    assert!(steps.len() > 45, "{}", steps.len());
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

#[test]
fn the_client_of_tencent_meets_no_surprise() {
    let cloud = Cloud::start(Vendor::Cos);
    let steps = visited(&cloud, "oss2", "visit_cos.py");
    assert_eq!(steps.last().unwrap(), "all went well");
    assert!(steps.len() >= 30, "{}", steps.len());
    assert_eq!(cloud.surprises(), Vec::<String>::new());
}

/// What it asks for in vain is what the vendor does not have.
#[test]
fn the_client_of_the_s3_dialect_meets_no_surprise_at_cloudflare() {
    let cloud = Cloud::start(Vendor::R2);
    let steps = visited(&cloud, "boto3", "visit_r2.py");
    assert_eq!(steps.last().unwrap(), "all went well");
    assert!(steps.len() > 80, "{}", steps.len());
    let photo = "猫/a b+c%2F'(1)~.png";
    assert_eq!(
        cloud.surprises(),
        [
            "RestoreObject copy: restore".to_owned(),
            format!("PutObject {photo}: x-amz-tagging"),
            format!("PutObject {photo}: x-amz-acl"),
            format!("PutObject {photo}: x-amz-object-lock-legal-hold"),
            "CopyObject x: if-none-match".to_owned(),
        ]
    );
}
