//! The dialect, as the vendor's own client speaks it.

use crate::leftovers::assert_gone;
use picora_testkit::{Miniflare, MiniflareOptions};
use serde_json::{Value, json};

fn official(calls: &Value) -> Vec<Value> {
    let miniflare = Miniflare::shared();
    miniflare.official(&miniflare.fresh_namespace(), calls)
}

fn answered(value: Value) -> Value {
    json!({ "answer": value })
}

fn refused(status: u16, code: u32) -> Value {
    json!({ "status": status, "codes": [code] })
}

#[test]
fn the_vendors_client_reads_what_it_wrote() {
    let pairs = json!([
        {"key": "a:1/%", "value": "x", "metadata": {"epoch": 7}},
        {"key": "b", "value": "eQ==", "base64": true},
    ]);
    let answers = official(&json!([
        ["bulkPut", {"pairs": pairs}],
        ["put", {"key": "c", "value": "z"}],
        ["get", {"key": "a:1/%"}],
        ["metadata", {"key": "a:1/%"}],
        ["bulkGet", {"keys": ["b", "c", "missing"]}],
        ["bulkGet", {"keys": ["a:1/%", "missing"], "withMetadata": true}],
        ["list", {"prefix": "a:"}],
        ["get", {"key": "missing"}],
        ["bulkRemove", {"keys": ["b", "missing"]}],
        ["remove", {"key": "c"}],
        ["list", {}],
    ]));
    let both = |count| json!({"successful_key_count": count, "unsuccessful_keys": []});
    let first = json!({"name": "a:1/%", "metadata": {"epoch": 7}});
    let expected = [
        answered(both(2)),
        answered(json!({})),
        answered(json!({"value": "x", "expiration": null})),
        answered(json!({"epoch": 7})),
        answered(json!({"values": {"b": "y", "c": "z", "missing": null}})),
        answered(
            json!({"values": {"a:1/%": {"value": "x", "metadata": {"epoch": 7}}, "missing": null}}),
        ),
        answered(json!([first])),
        refused(404, 10009),
        answered(both(2)),
        answered(json!({})),
        answered(json!([first])),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn lives_are_those_that_were_asked_for() {
    let year_2036 = 2_100_000_000_u64;
    let pairs = json!([
        {"key": "at", "value": "", "expiration": year_2036},
        {"key": "for", "value": "", "expiration": year_2036, "expiration_ttl": 60},
    ]);
    let answers = official(&json!([
        ["bulkPut", {"pairs": pairs}],
        ["get", {"key": "at"}],
        ["list", {"prefix": "for"}],
    ]));
    assert_eq!(answers[1]["answer"]["expiration"], year_2036.to_string());
    let ends = answers[2]["answer"][0]["expiration"].as_u64().unwrap();
    assert!(ends < year_2036, "the time to live counts");
}

#[test]
fn it_refuses_what_the_service_refuses_and_writes_nothing_then() {
    let put = |more: Value| {
        let mut pair = json!({"key": "k", "value": "v"});
        pair.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!(["bulkPut", {"pairs": [{"key": "first", "value": "v"}, pair]}])
    };
    let many = |count: usize| vec![json!({"key": "first", "value": "v"}); count];
    let long = "k".repeat(513);
    let answers = official(&json!([
        put(json!({"expiration_ttl": 59})),
        put(json!({"expiration": 1_000_000_000})),
        put(json!({"expiration": 1_u64 << 31})),
        put(json!({"key": long})),
        put(json!({"key": ""})),
        put(json!({"value": 3})),
        put(json!({"ttl": 60})),
        ["bulkPut", {"pairs": many(10_001)}],
        ["bulkGet", {"keys": vec!["k"; 101]}],
        ["bulkRemove", {"keys": vec!["k"; 10_001]}],
        ["list", {}],
        put(json!({"expiration_ttl": 60, "key": &long[1..]})),
    ]));
    let (refusals, rest) = answers.split_at(10);
    assert!(
        refusals.iter().all(|it| *it == refused(400, 10147)),
        "{answers:?}"
    );
    assert_eq!(rest[0], answered(json!([])));
    assert_eq!(rest[1]["answer"]["successful_key_count"], 2);
}

#[test]
fn a_key_is_written_once_a_second_where_that_counts() {
    let miniflare = Miniflare::start_with(MiniflareOptions { paced: true });
    let pair = json!({"pairs": [{"key": "k", "value": "v"}, {"key": "l", "value": "v"}]});
    let calls = json!([
        ["put", {"key": "k", "value": "v"}],
        ["put", {"key": "k", "value": "w"}],
        ["bulkPut", pair],
        ["get", {"key": "k"}],
    ]);
    let answers = miniflare.official(&miniflare.fresh_namespace(), &calls);
    assert_eq!(answers[1], refused(429, 10429));
    let half = json!({"successful_key_count": 1, "unsuccessful_keys": ["k"]});
    assert_eq!(answers[2], answered(half));
    assert_eq!(answers[3]["answer"]["value"], "v");
}

#[test]
fn a_namespace_is_wiped_alone() {
    let miniflare = Miniflare::shared();
    let (one, two) = (miniflare.fresh_namespace(), miniflare.fresh_namespace());
    let put = json!([["put", {"key": "k", "value": "v"}]]);
    for namespace in [&one, &two] {
        let put = miniflare.official(namespace, &put);
        assert_eq!(put, [answered(json!({}))]);
    }
    assert_eq!((miniflare.wipe(&one), miniflare.wipe(&one)), (1, 0));
    let get = json!([["get", {"key": "k"}]]);
    assert_eq!(miniflare.official(&one, &get), [refused(404, 10009)]);
    assert_eq!(miniflare.official(&two, &get)[0]["answer"]["value"], "v");
}

#[test]
fn dropping_and_killing_leave_nothing() {
    let mut miniflare = Miniflare::start();
    let (id, folder) = (miniflare.id().unwrap(), miniflare.folder().to_owned());
    drop(miniflare);
    assert_gone(id, &folder);
    miniflare = Miniflare::start();
    let (id, folder) = (miniflare.id().unwrap(), miniflare.folder().to_owned());
    miniflare.kill();
    drop(miniflare);
    assert_gone(id, &folder);
}
