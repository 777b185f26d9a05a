//! Four hundred generated requests, each signed in its headers or in its URL, by us and by the official SDKs of both vendors: for Python,
//! both of Aliyun's, which must agree, and Tencent's; and those for Node.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use picora_core::{Entropy, SeededEntropy, Timestamp};
use picora_sign::{Credentials, Request, cos, oss, oss_v1};
use picora_testkit::program;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const CASES: u64 = 400;

/// A request with its signer.
#[derive(Debug, Serialize)]
struct Case {
    method: &'static str,
    bucket: String,
    key: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    region: &'static str,
    id: String,
    secret: String,
    token: Option<String>,
    now: i64,
    /// In seconds, for a URL; none for headers.
    expires: Option<u64>,
}

/// What the SDKs say of a case.
#[derive(Debug, Deserialize)]
struct Signed {
    oss_first: String,
    oss_old: String,
    oss_new: String,
    cos: String,
}

/// The same by the clients for Node.
#[derive(Debug, Deserialize)]
struct SignedByNode {
    oss: String,
    cos: String,
}

#[test]
fn no_signature_differs_from_the_vendors_own() {
    let cases: Vec<Case> = (0..CASES).map(generated).collect();
    let mut judge = Command::new(program::python("oss2"));
    judge.arg("-B").arg(script("judge.py"));
    let mut signed = judged::<Signed>(judge, &cases).into_iter();
    for case in &cases {
        let judge = signed.next().unwrap();
        let (oss, cos) = (ours_oss(case), ours_cos(case));
        let bare = oss.rsplit("Signature=").next().unwrap();
        assert_eq!(ours_oss_v1(case), judge.oss_first, "oss2, V1: {case:?}");
        assert_eq!(bare, judge.oss_old, "oss2: {case:?}");
        assert_eq!(oss, judge.oss_new, "alibabacloud-oss-v2: {case:?}");
        assert_eq!(cos, judge.cos, "cos-python-sdk-v5: {case:?}");
    }
    assert!(signed.next().is_none());
}

#[test]
fn no_signature_differs_from_those_of_the_clients_for_node() {
    let mut cases: Vec<Case> = (0..CASES).map(generated).collect();
    for case in &mut cases {
        // These clients sort names as a dictionary does and not as they are sent, so that others than ASCII stand elsewhere: the vendors'
        // pages, and their clients for Python, know only the order of bytes.
        case.query.retain(|(name, _)| name.is_ascii());
    }
    let judge = program::node(&script("judge.cjs"));
    let mut signed = judged::<SignedByNode>(judge, &cases).into_iter();
    let (mut headers, mut urls) = (0, 0);
    for case in &cases {
        let judge = signed.next().unwrap();
        assert_eq!(ours_oss(case), judge.oss, "ali-oss: {case:?}");
        assert_eq!(ours_cos(case), judge.cos, "cos-nodejs-sdk-v5: {case:?}");
        *(if case.expires.is_none() {
            &mut headers
        } else {
            &mut urls
        }) += 1;
    }
    assert!(signed.next().is_none());
    assert!(
        headers > 150 && urls > 150,
        "{headers} headers, {urls} URLs"
    );
}

fn script(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    tests.join(name)
}

fn ours_oss(case: &Case) -> String {
    let (query, headers) = (pairs(&case.query), pairs(&case.headers));
    let request = request(case, &query, &headers);
    let now = Timestamp::from_unix_seconds(case.now);
    let added = match case.expires {
        None => oss::headers(&credentials(case), case.region, &request, now),
        Some(expires) => {
            let expires = Duration::from_secs(expires);
            oss::query(&credentials(case), case.region, &request, now, expires)
        }
    };
    let last = added.into_iter().next_back().unwrap();
    assert!(["authorization", "x-oss-signature"].contains(&last.0));
    last.1
}

/// The date, or the end of a URL, and the signature.
fn ours_oss_v1(case: &Case) -> String {
    let (query, headers) = (pairs(&case.query), pairs(&case.headers));
    let request = request(case, &query, &headers);
    let now = Timestamp::from_unix_seconds(case.now);
    let (added, names) = match case.expires {
        None => (
            oss_v1::headers(&credentials(case), &request, now),
            ["date", "authorization"],
        ),
        Some(expires) => {
            let expires = Duration::from_secs(expires);
            (
                oss_v1::query(&credentials(case), &request, now, expires),
                ["Expires", "Signature"],
            )
        }
    };
    let part = |wanted| {
        let found = added.iter().find(|(name, _)| *name == wanted);
        found.unwrap().1.as_str()
    };
    names.map(part).join(" ")
}

/// As the authorization header has it: in a URL, the same parts are pairs of the query.
fn ours_cos(case: &Case) -> String {
    let (query, headers) = (pairs(&case.query), pairs(&case.headers));
    let request = request(case, &query, &headers);
    let span = cos::Span {
        from: Timestamp::from_unix_seconds(case.now - 60),
        until: Timestamp::from_unix_seconds(
            case.now + i64::try_from(case.expires.unwrap_or(600)).unwrap(),
        ),
    };
    match case.expires {
        None => {
            let added = cos::headers(&credentials(case), &request, span);
            added.into_iter().next().unwrap().1
        }
        Some(_) => {
            let added = cos::query(&credentials(case), &request, span);
            let signature = added.iter().filter(|(name, _)| name.starts_with("q-"));
            let signature = signature.map(|(name, value)| format!("{name}={value}"));
            signature.collect::<Vec<_>>().join("&")
        }
    }
}

fn credentials(case: &Case) -> Credentials {
    let credentials = Credentials::new(&case.id, &case.secret);
    match &case.token {
        Some(token) => credentials.with_token(token),
        None => credentials,
    }
}

fn request<'a>(
    case: &'a Case,
    query: &'a [(&str, &str)],
    headers: &'a [(&str, &str)],
) -> Request<'a> {
    Request {
        method: case.method,
        bucket: &case.bucket,
        key: &case.key,
        query,
        headers,
    }
}

fn pairs(owned: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = owned.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// What the SDKs sign, a line for a line.
fn judged<S: DeserializeOwned>(mut judge: Command, cases: &[Case]) -> Vec<S> {
    let mut judge = judge
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = judge.stdin.take().unwrap();
    let lines: Vec<String> = cases
        .iter()
        .map(|case| serde_json::to_string(case).unwrap())
        .collect();
    let asking = std::thread::spawn(move || {
        for line in lines {
            writeln!(questions, "{line}").unwrap();
        }
    });
    let answers = judge.wait_with_output().unwrap();
    asking.join().unwrap();
    assert!(answers.status.success());
    let answers = String::from_utf8(answers.stdout).unwrap();
    answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Keys, queries and headers with all that has ever gone wrong in a signature.
fn generated(seed: u64) -> Case {
    let entropy = SeededEntropy::new(seed);
    let pick = |of: &[&'static str]| {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        of[usize::try_from(u64::from_le_bytes(bytes) % of.len() as u64).unwrap()]
    };
    let text = |parts: &[&'static str], most: usize| {
        let count = pick(&["1", "2", "3", "4", "5"])
            .parse::<usize>()
            .unwrap()
            .min(most);
        (0..count).map(|_| pick(parts)).collect::<String>()
    };
    let mut query: Vec<(String, String)> = Vec::new();
    for name in [
        "restore",
        "uploads",
        "objectMeta",
        "continuation-token",
        "partNumber",
        "prefix",
        "response-content-type",
        "a b+c",
        "Ünïcode",
    ] {
        if pick(&["yes", "no", "no"]) == "yes" {
            let value = pick(&[
                "",
                "",
                "1",
                "a/b",
                "a+b c",
                "%2F",
                "名字",
                "~-_.",
                "image/png; charset=utf-8",
            ]);
            query.push((name.to_owned(), value.to_owned()));
        }
    }
    let vendor = pick(&["x-oss-", "x-cos-"]);
    let mut headers = vec![(
        "host".to_owned(),
        pick(&[
            "photos.oss-cn-hangzhou.aliyuncs.com",
            "media.example.com",
            "photos-1250000000.cos.ap-guangzhou.myqcloud.com",
        ])
        .to_owned(),
    )];
    for (name, values) in [
        (
            "Content-Type",
            &[
                "image/png",
                "text/markdown; charset=utf-8",
                "application/octet-stream",
            ][..],
        ),
        ("Content-MD5", &["1B2M2Y8AsgTpgAmY7PhCfg=="][..]),
        (
            "Cache-Control",
            &["max-age=31536000, immutable", "no-store"][..],
        ),
        ("Range", &["bytes=0-99", "bytes=-5"][..]),
        ("If-Match", &["\"5D41402ABC4B2A76B9719D911017C592\""][..]),
        ("User-Agent", &["picora"][..]),
        ("storage-class", &["Standard", "IA", "Archive"][..]),
        ("meta-Name", &["a b", "x/y", "plus+plus", "%2F"][..]),
        (
            "copy-source",
            &["/photos/a%2Fb", "/photos/%E7%8C%AB.png"][..],
        ),
    ] {
        if pick(&["yes", "no"]) == "yes" {
            let own = name.starts_with(char::is_lowercase);
            let name = if own {
                format!("{vendor}{name}")
            } else {
                name.to_owned()
            };
            headers.push((name, pick(values).to_owned()));
        }
    }
    Case {
        method: pick(&["GET", "PUT", "POST", "DELETE", "HEAD"]),
        bucket: pick(&["photos", "media-1250000000"]).to_owned(),
        key: text(
            &[
                "a", "b/", "c d", "+", "%2F", "猫", "~", "é", "'", "(1)", "&=", ".png", "名字",
            ],
            5,
        ),
        query,
        headers,
        region: pick(&["cn-hangzhou", "cn-shanghai", "ap-southeast-1"]),
        id: pick(&["LTAI5tExampleExample", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3"]).to_owned(),
        secret: text(&["s3cr3t", "/", "+", "=", "Gu5t9xGARNpq86cd98joQYCN3"], 5),
        token: (pick(&["no", "no", "yes"]) == "yes")
            .then(|| text(&["CAIS", "+/", "==", "token"], 5)),
        now: pick(&["1795255200", "1582934400", "4102444799"])
            .parse()
            .unwrap(),
        expires: (pick(&["no", "yes"]) == "yes")
            .then(|| pick(&["1", "600", "604800"]).parse().unwrap()),
    }
}
