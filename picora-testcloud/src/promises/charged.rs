//! What the emulator charges is what the adapter says its tiers are like: policies plan with the one and are judged by the other.

use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use picora_core::Clock;
use picora_tiering::{Guard, Moved, RestoreAck, RestoreSpeed, Tier};

use super::Store;
use crate::Cloud;
use crate::bill::{Bill, Item};

/// One kilobyte: ten days hot, then five in the archive, where it is restored on the way; then it goes.
pub async fn tiers_are_charged_as_they_are_declared<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let ((cloud, store), path) = (fresh(), Path::from("photo"));
    let start = cloud.clock().now();
    let size = 1_024;
    store.put(&path, vec![7; 1_024].into()).await.unwrap();
    pass(&cloud, 10);
    let present = store.probe(&path).await.unwrap().unwrap();
    let guard = Guard {
        etag: present.etag.clone().unwrap(),
        size: present.size,
    };
    let moved = store.set_tier(&path, Tier::Archive, &guard, &present.headers);
    assert_eq!(moved.await.unwrap(), Moved::Done);
    let caps = store.caps();
    if caps.needs_restore {
        let asked = store.restore(&path, 3, RestoreSpeed::Expedited).await;
        assert_eq!(asked.unwrap(), RestoreAck::Accepted);
    }
    pass(&cloud, 5);
    let before = cloud.bill(start..cloud.clock().now());
    store.delete(&path).await.unwrap();
    let end = cloud.clock().now().saturating_add(Duration::from_micros(1));
    let bill = cloud.bill(start..end);

    let billed = caps.minimum_billed.get().max(size);
    let stored = quantities(&bill, Item::Storage);
    assert!(is_about(stored[0], size * 10), "{bill:?}");
    assert!(is_about(stored[1], billed * 5), "{bill:?}");
    assert_eq!(quantities(&before, Item::EarlyDeletion), []);
    let rest = quantities(&bill, Item::EarlyDeletion);
    let days = u64::from(caps.minimum_days) - 5;
    assert!(is_about(rest[0], billed * days), "{bill:?}");
    let replicas = quantities(&bill, Item::Replica);
    assert_eq!(!replicas.is_empty(), caps.paid_replica, "{bill:?}");
    assert!(
        replicas.iter().all(|it| is_about(*it, size * 3)),
        "{bill:?}"
    );
    if caps.needs_restore {
        assert_eq!(quantities(&bill, Item::Retrieval), [u128::from(size)]);
    }
    assert!(bill.total_micros() > before.total_micros());
    assert_eq!(
        cloud
            .bill(end..end.saturating_add(Duration::from_secs(60)))
            .lines,
        []
    );
}

fn pass(cloud: &Cloud, days: u64) {
    cloud.clock().advance(Duration::from_secs(days * DAY));
}

fn quantities(bill: &Bill, item: Item) -> Vec<u128> {
    let lines = bill.lines.iter().filter(|line| line.item == item);
    lines.map(|line| line.quantity).collect()
}

/// So many byte-days, give or take what this machine's clock has moved meanwhile.
fn is_about(byte_seconds: u128, byte_days: u64) -> bool {
    let exact = u128::from(byte_days) * u128::from(DAY);
    byte_seconds.abs_diff(exact) < exact / 50
}

const DAY: u64 = 24 * 60 * 60;
