//! Our signatures and those of object_store's own signer, which differ nowhere.

use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use picora_core::{Clock, Entropy, SeededEntropy, Timestamp};
use picora_sign::{Credentials, Request, aws, encode};
use picora_testcloud::CloudClock;

const HOST: &str = "0123456789abcdef.r2.cloudflarestorage.com";
const CASES: u64 = 400;

/// The other signer takes this machine's time, so its own stamp says at which second ours has to sign.
#[test]
fn four_hundred_requests_are_signed_alike() {
    for case in 0..CASES {
        let random = SeededEntropy::new(case);
        let (key, token) = (text(&random), (case % 3 == 0).then(|| text(&random)));
        let query: Vec<_> = (0..case % 4)
            .map(|_| (text(&random), text(&random)))
            .collect();
        let headers: Vec<_> = (0..case % 5)
            .map(|number| (format!("x-amz-meta-{number}"), header(&random)))
            .collect();
        let method = ["GET", "PUT", "POST", "DELETE", "HEAD"][usize::try_from(case % 5).unwrap()];

        let query: Vec<_> = pairs(&query);
        let mut uri = format!("https://{HOST}/photos/{}", encode::path(&key));
        if !query.is_empty() {
            uri = format!("{uri}?{}", encode::query(&query));
        }
        let mut theirs = http::Request::builder().method(method).uri(uri);
        for (name, value) in &headers {
            theirs = theirs.header(name, value);
        }
        let mut theirs: HttpRequest = theirs.body(HttpRequestBody::empty()).unwrap();
        let credential = AwsCredential {
            key_id: "AK".to_owned(),
            secret_key: "s3cr3t/+=".to_owned(),
            token: token.clone(),
        };
        let signer = AwsAuthorizer::new(&credential, "s3", "auto").with_sign_payload(false);
        signer.try_authorize(&mut theirs, None).unwrap();

        let mut credentials = Credentials::new("AK", "s3cr3t/+=");
        if let Some(token) = token {
            credentials = credentials.with_token(token);
        }
        let mut all = pairs(&headers);
        all.push(("host", HOST));
        let request = Request {
            method,
            bucket: "photos",
            key: &key,
            query: &query,
            headers: &all,
        };
        let stamp = theirs.headers()["x-amz-date"].to_str().unwrap();
        let (at, ours) = near()
            .map(|at| (at, aws::headers(&credentials, "auto", &request, at)))
            .find(|(_, ours)| ours.contains(&("x-amz-date", stamp.to_owned())))
            .unwrap();
        for (name, value) in ours {
            assert_eq!(
                theirs.headers()[name],
                value,
                "{case} at {at:?}: {request:?}"
            );
        }
    }
}

/// The seconds around now.
fn near() -> impl Iterator<Item = Timestamp> {
    let now = CloudClock::default().now().unix_seconds();
    (now - 120..=now).rev().map(Timestamp::from_unix_seconds)
}

/// Of letters that are encoded, of such that are not, and of such that look encoded.
fn text(random: &SeededEntropy) -> String {
    picked(
        random,
        &[
            "a", "Z", "0", "-", "_", ".a", "~", "/a", "+", " ", "%", "%2F", "=", "&", "猫", "é",
            "!", "*", "'", "(",
        ],
    )
}

/// As headers may be, with spaces in rows.
fn header(random: &SeededEntropy) -> String {
    picked(random, &["a", "B", ";", ":", "a  b", "=", ",", "\"x  y\""])
}

fn picked(random: &SeededEntropy, of: &[&str]) -> String {
    let mut bytes = [0; 12];
    random.fill(&mut bytes);
    let length = 1 + usize::from(bytes[0] % 11);
    let letters = bytes[1..=length].iter();
    letters
        .map(|byte| of[usize::from(*byte) % of.len()])
        .collect()
}

fn pairs(owned: &[(String, String)]) -> Vec<(&str, &str)> {
    owned
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
