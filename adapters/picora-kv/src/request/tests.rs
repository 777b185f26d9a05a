use picora_core::Amount;
use picora_quota::echo::{MONTHLY_LIFE, StatusLife, entries};

use super::*;

/// 2026-04-24T03:06:40Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

fn snapshot() -> Snapshot {
    let of = |n: u32| Amount::from(n);
    Snapshot {
        account: AccountId::from_bytes([0; 16]),
        epoch: 9,
        as_of: NOW,
        month: CalendarMonth::of(NOW),
        image_storage: of(1),
        video_storage: of(2),
        audio_storage: of(3),
        documents: of(4),
        image_bandwidth: of(5),
        video_bandwidth: of(6),
        audio_bandwidth: of(7),
        video_status: "degraded",
    }
}

fn pairs(now: Timestamp) -> Vec<Pair> {
    let all = entries(&snapshot(), StatusLife::Flips, now);
    let pair = |it| Pair::of(it, &snapshot(), now);
    all.into_iter().map(pair).collect()
}

/// Rows #187–#191, #47, C6, C7 and C24, as the bytes that KV is sent.
#[test]
fn a_body_is_what_the_documents_say() {
    let user = "acc_00000000000000000000000000";
    let may = CalendarMonth::of(NOW).end().unix_seconds();
    let expected = format!(
        r#"[{{"key":"quota:video_status:{user}","value":"degraded","expiration":{may},"metadata":{{"epoch":9,"month":"2026-04"}}}},
{{"key":"quota:img_storage:{user}","value":"1","metadata":{{"epoch":9}}}},
{{"key":"quota:img_bandwidth:{user}:2026-04","value":"5","expiration_ttl":3888000,"metadata":{{"epoch":9}}}},
{{"key":"quota:video_storage:{user}","value":"2","metadata":{{"epoch":9}}}},
{{"key":"quota:video_bandwidth:{user}:2026-04","value":"6","expiration_ttl":3888000,"metadata":{{"epoch":9}}}},
{{"key":"quota:audio_storage:{user}","value":"3","metadata":{{"epoch":9}}}},
{{"key":"quota:audio_bandwidth:{user}:2026-04","value":"7","expiration_ttl":3888000,"metadata":{{"epoch":9}}}},
{{"key":"quota:doc_count:{user}","value":"4","metadata":{{"epoch":9}}}}]"#
    );
    let bodies = bodies(&pairs(NOW), MOST_PAIRS, MOST_BYTES);
    assert_eq!(bodies, [(expected.replace('\n', ""), 8)]);
}

#[test]
fn what_ends_soon_is_told_as_a_span_of_a_minute_at_least() {
    let end = CalendarMonth::of(NOW).end();
    let before = |left: Duration| lives(Life::Until(end), end.saturating_sub(left));
    let s = Duration::from_secs;
    assert_eq!(before(s(120)), (Some(end.unix_seconds()), None));
    assert_eq!(before(s(120) - Duration::from_micros(1)), (None, Some(120)));
    assert_eq!(before(Duration::from_millis(60_001)), (None, Some(61)));
    assert_eq!(before(s(60)), (None, Some(60)));
    assert_eq!(before(Duration::from_millis(1)), (None, Some(60)));
    assert_eq!(lives(Life::For(s(1)), NOW), (None, Some(60)));
    assert_eq!(lives(Life::For(MONTHLY_LIFE), NOW), (None, Some(3_888_000)));
    assert_eq!(lives(Life::Forever, NOW), (None, None));
}

#[test]
fn bodies_keep_both_bounds_and_every_pair() {
    let pairs = pairs(NOW);
    for (most_pairs, most_bytes) in [(1, 9_999), (3, 9_999), (8, 300), (100, 450), (100, 1)] {
        let bodies = bodies(&pairs, most_pairs, most_bytes);
        let mut read = Vec::new();
        for (body, count) in &bodies {
            let all: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
            assert_eq!(all.len(), *count);
            assert!(*count <= most_pairs);
            assert!(body.len() <= most_bytes || *count == 1, "{}", body.len());
            read.extend(all);
        }
        let keys = read.iter().map(|it| it["key"].as_str().unwrap());
        assert!(keys.eq(pairs.iter().map(|it| it.key.as_str())));
    }
    assert!(bodies(&[], 1, 1).is_empty());
}

#[test]
fn an_accounts_keys_are_all_that_may_live() {
    let january = Timestamp::from_unix_seconds(1_767_225_600); // 2026-01-01T00:00:00Z
    let keys = keys(AccountId::from_bytes([0; 16]), january);
    assert_eq!(keys.len(), 5 + 3 * 5);
    let user = "acc_00000000000000000000000000";
    for month in ["2026-02", "2026-01", "2025-12", "2025-11", "2025-10"] {
        for name in ["img", "video", "audio"] {
            let key = format!("quota:{name}_bandwidth:{user}:{month}");
            assert!(keys.contains(&key), "{key}");
        }
    }
    for name in [
        "video_status",
        "img_storage",
        "video_storage",
        "audio_storage",
        "doc_count",
    ] {
        assert!(keys.contains(&format!("quota:{name}:{user}")));
    }
}

#[test]
fn an_account_has_keys_at_both_ends_of_time() {
    for now in [Timestamp::EPOCH, Timestamp::MAX] {
        assert_eq!(keys(AccountId::from_bytes([0; 16]), now).len(), 20);
        assert!(
            pairs(now)
                .iter()
                .all(|it| it.expiration_ttl.is_none_or(|ttl| ttl >= 60))
        );
    }
}
