use picora_core::StoreErrorKind::{self, Internal, Unavailable, Unknown};

use proptest::prelude::*;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::*;

/// 2026-04-24T03:06:40Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

fn headers(retry_after: Option<&str>) -> HeaderMap {
    let value = retry_after.and_then(|it| it.parse().ok());
    value
        .map(|value| (RETRY_AFTER, value))
        .into_iter()
        .collect()
}

fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
    Answer {
        status,
        headers: headers(retry_after),
        body: body.into(),
    }
}

/// The kind, and for how many seconds to wait.
fn told(status: u16, retry_after: Option<&str>, body: &str) -> (StoreErrorKind, Option<i64>) {
    let error = done(&answer(status, retry_after, body)).unwrap_err();
    let error = error.at("publish", NOW);
    let until = error
        .not_before
        .map(|it| it.unix_seconds() - NOW.unix_seconds());
    (error.error.kind(), until)
}

const DONE: &str = r#"{"success":true,"errors":[],"messages":[],"result":{"successful_key_count":1,"unsuccessful_keys":["k"]}}"#;
const HTML: &str = "<!DOCTYPE html><title>\"success\":true</title>";

fn refusal(code: u32) -> String {
    format!(
        r#"{{"success":false,"errors":[{{"code":{code},"message":"m"}}],"messages":[],"result":null}}"#
    )
}

#[test]
fn success_is_said_in_status_and_envelope() {
    let keys = vec!["k".to_owned()];
    let read = done(&answer(200, None, DONE));
    assert_eq!(read.map(|it| it.unsuccessful_keys), Ok(keys));
    let bare = r#"{"success":true,"errors":[],"messages":[],"result":null}"#;
    assert_eq!(done(&answer(200, None, bare)), Ok(Done::default()));
    for status in [201, 204, 301, 307, 399] {
        assert_eq!(told(status, None, DONE), (Unknown, None), "{status}");
    }
}

#[test]
fn a_page_for_people_is_no_answer() {
    for body in [
        HTML,
        "",
        "null",
        "[]",
        "{}",
        "{\"success\":\"yes\"}",
        &"[".repeat(9_000),
    ] {
        assert_eq!(told(200, None, body), (Unknown, None), "{body:.20}");
        assert_eq!(told(400, None, body), (Unknown, None), "{body:.20}");
    }
    assert_eq!(told(200, None, &DONE[..DONE.len() - 1]), (Unknown, None));
}

#[test]
fn what_is_limited_says_for_how_long() {
    assert_eq!(
        told(429, Some("17"), &refusal(971)),
        (Unavailable, Some(17))
    );
    assert_eq!(told(429, Some("0"), HTML), (Unavailable, Some(0)));
    let date = "Fri, 24 Apr 2026 03:07:40 GMT";
    assert_eq!(told(429, Some(date), ""), (Unavailable, Some(60)));
    let past = "Fri, 24 Apr 2025 03:07:40 GMT";
    for nothing in [None, Some("soon"), Some("-1"), Some(""), Some("1.5")] {
        assert_eq!(told(429, nothing, HTML), (Unavailable, Some(300)));
    }
    assert_eq!(
        told(429, Some(past), ""),
        (Unavailable, Some(300)),
        "no such Friday"
    );
    let past = "Thu, 24 Apr 2025 03:07:40 GMT";
    assert_eq!(told(429, Some(past), ""), (Unavailable, Some(0)));
    let never = u64::MAX.to_string();
    assert_eq!(told(429, Some(&never), ""), (Unavailable, Some(86_400)));
    let midnight = 86_400 - (3 * 3_600 + 6 * 60 + 40);
    assert_eq!(
        told(429, None, &refusal(10048)),
        (Unavailable, Some(midnight))
    );
}

#[test]
fn trouble_leaves_open_what_was_done() {
    for status in [500, 502, 503, 520, 599] {
        for body in [DONE, HTML, &refusal(10001)] {
            assert_eq!(told(status, None, body), (Unknown, None));
            assert_eq!(told(status, Some("9"), body), (Unknown, Some(9)));
        }
    }
}

#[test]
fn what_is_not_accepted_is_ours_to_change() {
    for status in [401, 403, 404] {
        for body in [&refusal(10000), HTML, DONE] {
            assert_eq!(told(status, None, body), (Internal, Some(60)), "{status}");
        }
    }
    for status in [400, 413, 422] {
        assert_eq!(told(status, None, &refusal(10147)), (Internal, None));
    }
    assert_eq!(told(200, None, &refusal(10147)), (Unavailable, None));
    let said = done(&answer(403, None, &refusal(10000))).unwrap_err();
    let said = said.at("publish", NOW).to_string();
    assert!(said.contains("status 403, code 10000"), "{said}");
}

#[test]
fn every_key_that_was_asked_for_is_spoken_of() {
    let body = r#"{"success":true,"result":{"values":{"a":"1","b":null}}}"#;
    let mut read = found(&answer(200, None, body)).unwrap();
    assert_eq!(read.take("a"), Ok(Some("1".to_owned())));
    assert_eq!(read.take("b"), Ok(None));
    assert_eq!(read.take("c"), Err(Failure::Garbage(200)));
    for odd in ["{\"values\":{\"a\":1}}", "{}", "null", "{\"values\":[]}"] {
        let body = format!(r#"{{"success":true,"result":{odd}}}"#);
        let read = found(&answer(200, None, &body)).map(|_| ());
        assert_eq!(read, Err(Failure::Garbage(200)), "{odd}");
    }
}

proptest! {
    /// Whatever comes, it is an error that says when to come back, if at all, and never before now; success is never guessed.
    #[test]
    fn no_answer_is_too_strange(
        status in 100_u16..1_000,
        retry_after in proptest::option::of(".{0,40}"),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            any::<usize>().prop_map(|at| DONE.as_bytes()[..at % DONE.len()].to_vec()),
            Just(refusal(10048).into_bytes()),
        ],
    ) {
        let answer = Answer { status, headers: headers(retry_after.as_deref()), body };
        for failure in [done(&answer).map(|_| ()), found(&answer).map(|_| ())] {
            let error = failure.expect_err("none of these is a success").at("publish", NOW);
            prop_assert!(error.not_before.is_none_or(|it| it >= NOW));
        }
    }
}
