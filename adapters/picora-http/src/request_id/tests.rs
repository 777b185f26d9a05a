use http::{HeaderMap, HeaderValue};
use picora_core::{SeededEntropy, Timestamp};

use super::{RequestId, X_REQUEST_ID};

fn sent(values: &[&[u8]]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
    }
    RequestId::from_headers(&headers).map(|id| id.to_string())
}

#[test]
fn an_id_of_the_right_form_is_kept() {
    for id in ["a", "A.b_c-9", &"x".repeat(64)] {
        assert_eq!(sent(&[id.as_bytes()]), Some(id.to_owned()));
    }
}

#[test]
fn anything_else_is_not() {
    for id in [
        "",
        " ",
        "a b",
        "a/b",
        "a\tb",
        "a,b",
        "a\"b",
        "%0a",
        &"x".repeat(65),
    ] {
        assert_eq!(sent(&[id.as_bytes()]), None, "{id:?}");
    }
    assert_eq!(sent(&["é".as_bytes()]), None);
    assert_eq!(sent(&[b"\xff"]), None);
    assert_eq!(sent(&[]), None);
    assert_eq!(sent(&[b"a", b"b"]), None, "two ids are none");
}

#[test]
fn ids_are_new_each_time_and_sort_by_time() {
    let entropy = SeededEntropy::new(1);
    let at = |seconds| RequestId::generate(Timestamp::from_unix_seconds(seconds), &entropy);
    let (first, second, later) = (at(1), at(1), at(2));
    assert_ne!(first, second);
    assert!(first.as_str() < later.as_str() && second.as_str() < later.as_str());
    assert_eq!(first.as_str().len(), 36);
    assert!(first.as_str().parse::<RequestId>().is_ok());
    assert!(
        RequestId::generate(Timestamp::MAX, &entropy)
            .as_str()
            .parse::<RequestId>()
            .is_ok()
    );
}
