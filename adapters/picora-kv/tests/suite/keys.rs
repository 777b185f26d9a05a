//! The product's keys, read by the vendor's own client: names, values, lives, metadata.

use std::collections::BTreeMap;

use picora_core::AccountId;
use picora_quota::echo::{Echo, MONTHLY_LIFE, Snapshot};
use picora_testkit::Miniflare;
use serde_json::{Value, json};

use crate::world::{Namespace, run};

/// A key as the vendor's client lists it, and the value that it reads.
type Stands = BTreeMap<String, (Value, Value)>;

fn stands(namespace: &Namespace) -> Stands {
    let official = |calls: &Value| Miniflare::shared().official(&namespace.id, calls);
    let listed = official(&json!([["list", {"prefix": "quota:"}]]));
    let mut listed = listed[0]["answer"].as_array().unwrap().clone();
    listed.retain(|it| !it["name"].as_str().unwrap().starts_with("quota:echo"));
    let names: Vec<_> = listed.iter().map(|it| it["name"].clone()).collect();
    let values = official(&json!([["bulkGet", {"keys": names}]]));
    let values = &values[0]["answer"]["values"];
    let named = listed.into_iter().map(|it| {
        let name = it["name"].as_str().unwrap().to_owned();
        let value = values[&name].clone();
        (name, (value, it))
    });
    named.collect()
}

/// Publishes a snapshot of one account, and answers it with what stands then and the account's name in keys.
fn published(epoch: u64) -> (Namespace, Snapshot, Stands, AccountId) {
    let namespace = Namespace::fresh();
    let snapshot = namespace.snapshot(1, epoch);
    run(async {
        let echo = namespace.echo();
        echo.publish(&[snapshot], namespace.now()).await.unwrap();
    });
    let stands = stands(&namespace);
    (namespace, snapshot, stands, snapshot.account)
}

fn listed(name: &str, metadata: &Value, expiration: Option<i64>) -> Value {
    let mut listed = json!({"name": name, "metadata": metadata});
    if let Some(at) = expiration {
        listed["expiration"] = at.into();
    }
    listed
}

/// Rows #187 to #191, #47, C6, C7, C24: these keys and no others.
#[test]
fn the_keys_are_those_of_rows_187_to_191_with_audio_and_status() {
    let (namespace, snapshot, stands, user) = published(8);
    let month = snapshot.month;
    let in_45_days = Some(namespace.now().unix_seconds() + 3_888_000);
    assert_eq!(MONTHLY_LIFE.as_secs(), 3_888_000, "#188");
    let month_end = Some(month.end().unix_seconds());
    let expected = [
        (format!("quota:img_storage:{user}"), "801", None), // #187, #47
        (
            format!("quota:img_bandwidth:{user}:{month}"),
            "805",
            in_45_days,
        ), // #188
        (format!("quota:video_storage:{user}"), "802", None), // #189, #47
        (
            format!("quota:video_bandwidth:{user}:{month}"),
            "806",
            in_45_days,
        ), // #190, C24
        (format!("quota:doc_count:{user}"), "804", None),   // #191, #47
        (format!("quota:audio_storage:{user}"), "803", None), // C7, #47
        (
            format!("quota:audio_bandwidth:{user}:{month}"),
            "807",
            in_45_days,
        ), // C7, C24
        (format!("quota:video_status:{user}"), "degraded", month_end), // C6
    ];
    let expected: Stands = expected
        .into_iter()
        .map(|(key, value, ends)| {
            let metadata = if value == "degraded" {
                json!({"epoch": 8, "month": month.to_string()})
            } else {
                json!({"epoch": 8})
            };
            let listed = listed(&key, &metadata, ends);
            (key, (value.into(), listed))
        })
        .collect();
    assert_eq!(stands, expected);
}

/// C6: "written on flips only"; #188 and C24: what a month's key says anew lives anew, and what did not change is not billed again.
#[test]
fn only_what_changed_is_written_again_and_lives_anew() {
    let namespace = Namespace::fresh();
    let echo = namespace.echo();
    let publish = |snapshot: Snapshot| run(echo.publish(&[snapshot], namespace.now())).unwrap();
    let first = namespace.snapshot(1, 2);
    assert_eq!(publish(first).written, 8);
    namespace.pass(3_600);
    let more = Snapshot {
        epoch: 3,
        video_bandwidth: 900_u32.into(),
        documents: 9_u32.into(),
        ..first
    };
    let again = publish(more);
    assert_eq!((again.written, again.unchanged), (2, 6));
    let sent = &namespace.edge.came()[1].body;
    let user = first.account;
    let keys: Vec<_> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["key"])
        .collect();
    let expected = [
        format!("quota:video_bandwidth:{user}:{}", first.month),
        format!("quota:doc_count:{user}"),
    ];
    assert_eq!(keys, expected.iter().collect::<Vec<_>>());
    let (_, life) = run(namespace.raw(&expected[0])).unwrap();
    assert_eq!(life, Some(MONTHLY_LIFE), "it begins anew");
    let (_, life) =
        run(namespace.raw(&format!("quota:img_bandwidth:{user}:{}", first.month))).unwrap();
    assert_eq!(
        life,
        Some(MONTHLY_LIFE - std::time::Duration::from_secs(3_600))
    );
    namespace.pass(1);
    assert_eq!(publish(Snapshot { epoch: 4, ..more }).unchanged, 8);
    assert_eq!(
        namespace.edge.count("PUT bulk"),
        2,
        "nothing to say, nothing sent"
    );
    namespace.pass(1);
    let flipped = Snapshot {
        epoch: 5,
        video_status: "ok",
        ..more
    };
    assert_eq!(publish(flipped).written, 1);
}

/// C6: the status ends with its month, a minute before it at the soonest, for KV keeps nothing for less.
#[test]
fn a_status_ends_with_its_month_as_far_as_kv_lets_it() {
    for (before, life) in [(600, 600), (120, 120), (119, 119), (30, 60), (1, 60)] {
        let namespace = Namespace::fresh();
        let month = namespace.snapshot(1, 1).month;
        let left = month.end().saturating_since(namespace.now()).as_secs();
        namespace.pass(left - before);
        let snapshot = namespace.snapshot(1, 2);
        run(async {
            let echo = namespace.echo();
            echo.publish(&[snapshot], namespace.now()).await.unwrap();
            let key = format!("quota:video_status:{}", snapshot.account);
            let (value, ends) = namespace.raw(&key).await.unwrap();
            assert_eq!(
                (value.as_str(), ends.unwrap().as_secs()),
                ("degraded", life)
            );
        });
    }
}

/// What the vendor's client writes, this one reads: numbers, and that there is none.
#[test]
fn the_vendors_client_is_understood() {
    let namespace = Namespace::fresh();
    let snapshot = namespace.snapshot(1, 1);
    let (account, month) = (snapshot.account, snapshot.month);
    let pairs = json!({"pairs": [
        {"key": format!("quota:doc_count:{account}"), "value": "12"},
        {"key": format!("quota:video_status:{account}"), "value": "suspended"},
    ]});
    let _ = Miniflare::shared().official(&namespace.id, &json!([["bulkPut", pairs]]));
    let standing = run(namespace.echo().standing(account, month, namespace.now())).unwrap();
    use picora_quota::echo::Slot;
    assert_eq!(standing.amount(Slot::Documents), Some(12_u32.into()));
    assert_eq!(standing.video_status.as_deref(), Some("suspended"));
    assert_eq!(standing.amount(Slot::ImageStorage), None);
}

/// What others wrote under the echo's names is an error, and neither a number nor zero.
#[test]
fn foreign_values_are_errors() {
    use picora_core::StoreErrorKind;
    for foreign in ["-3", "many", "1.5", "00", ""] {
        let namespace = Namespace::fresh();
        let snapshot = namespace.snapshot(1, 1);
        let (account, month) = (snapshot.account, snapshot.month);
        let pairs = json!({"pairs": [
            {"key": format!("quota:doc_count:{account}"), "value": foreign},
            {"key": "quota:echo", "value": "mine"},
            {"key": "quota:echo:begun", "value": "mine"},
        ]});
        let _ = Miniflare::shared().official(&namespace.id, &json!([["bulkPut", pairs]]));
        let echo = namespace.echo();
        let error = run(echo.standing(account, month, namespace.now())).unwrap_err();
        assert_eq!(error.error.kind(), StoreErrorKind::Corrupt);
        let error = run(echo.marker(namespace.now())).unwrap_err();
        assert_eq!(error.error.kind(), StoreErrorKind::Corrupt);
    }
}
