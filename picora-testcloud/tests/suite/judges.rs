//! Four hundred generated requests, each signed by object_store, by our own signer and by the official client for Python, and checked
//! as the emulator does: all four have the same signature, to the byte.

use std::io::Write;
use std::process::{Command, Stdio};

use picora_sign::{Credentials, Request, aws};
use picora_testcloud::sigv4::Seal;
use picora_testkit::program;
use serde::Serialize;

use crate::signed::{Case, HOST, Sent};

const CASES: u64 = 400;

/// A request before it is signed.
#[derive(Debug, Serialize)]
struct Question<'c> {
    method: &'c str,
    url: String,
    headers: &'c [(String, String)],
    body: &'c str,
    region: &'c str,
    id: &'c str,
    secret: &'c str,
    token: Option<&'c str>,
    whole: bool,
    stamp: String,
    expires: Option<u64>,
}

#[tokio::test]
async fn no_signature_differs_from_the_official_clients() {
    let mut cases = Vec::new();
    for seed in 0..CASES {
        let case = Case::generated(seed);
        let sent = case.signed().await;
        let seal = Seal::of(&sent.call().unwrap()).unwrap();
        cases.push((case, sent, seal));
    }
    let questions = cases
        .iter()
        .map(|(case, sent, seal)| question(case, sent, seal));
    let answers = judged(questions.collect());
    assert_eq!(answers.len(), cases.len());
    for ((case, sent, seal), answer) in cases.iter().zip(answers) {
        let expected = seal.expected(&sent.call().unwrap(), &case.secret).unwrap();
        let signature = answer.rsplit("Signature=").next().unwrap();
        assert_eq!(expected, signature, "the emulator: {case:?}");
        assert_eq!(ours(case, sent, seal), signature, "picora-sign: {case:?}");
        match case.expires {
            None => assert_eq!(
                sent.headers["authorization"], answer,
                "object_store: {case:?}"
            ),
            Some(_) => assert_eq!(seal.signature, answer, "object_store: {case:?}"),
        }
    }
}

/// The signature that our own signer gives to what was sent.
fn ours(case: &Case, sent: &Sent, seal: &Seal) -> String {
    let call = sent.call().unwrap();
    let query = call
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature");
    let query: Vec<_> = query
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // Ours takes each header once; one that is sent twice is a list.
    let texts = seal.signed.iter().map(|name| {
        let values = sent.headers.get_all(name).iter();
        let values = values.map(|it| std::str::from_utf8(it.as_bytes()).unwrap().trim());
        (name.as_str(), values.collect::<Vec<_>>().join(","))
    });
    let texts: Vec<_> = texts.collect();
    let headers = texts.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> = headers.collect();
    let request = Request {
        method: case.method.as_str(),
        bucket: "photos",
        key: &call.key,
        query: &query,
        headers: &headers,
    };
    let credentials = Credentials::new(&case.id, &case.secret);
    let payload = call
        .header("x-amz-content-sha256")
        .unwrap_or("UNSIGNED-PAYLOAD");
    aws::signature(&credentials, case.region, &request, &seal.stamp, payload)
}

fn question<'c>(case: &'c Case, sent: &Sent, seal: &Seal) -> String {
    // The pairs of the signature itself come last, and are the judge's own to add.
    let query = sent.uri.query().unwrap_or_default();
    let query = query
        .split("X-Amz-Algorithm")
        .next()
        .unwrap()
        .trim_end_matches('&');
    let path = sent.uri.path();
    let question: Question<'c> = Question {
        method: case.method.as_str(),
        url: format!("http://{HOST}{path}?{query}")
            .trim_end_matches('?')
            .to_owned(),
        headers: &case.headers,
        body: &case.body,
        region: case.region,
        id: &case.id,
        secret: &case.secret,
        token: case.token.as_deref(),
        whole: case.whole,
        stamp: seal.stamp.clone(),
        expires: case.expires,
    };
    serde_json::to_string(&question).unwrap()
}

/// What the client says, a line for a line.
fn judged(questions: Vec<String>) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/judge_s3.py");
    let mut judge = Command::new(program::python("boto3"))
        .args(["-B", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = judge.stdin.take().unwrap();
    let asking = std::thread::spawn(move || {
        for line in questions {
            writeln!(asked, "{line}").unwrap();
        }
    });
    let answers = judge.wait_with_output().unwrap();
    asking.join().unwrap();
    assert!(answers.status.success());
    let answers = String::from_utf8(answers.stdout).unwrap();
    let answers = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    answers.collect()
}
