use super::*;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;
const GIB: u64 = 1 << 30;

fn day(number: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(Duration::from_secs(number * DAY))
}

fn act(operation: &'static str, class: &'static str) -> Act {
    Act {
        at: day(1),
        operation,
        class,
        succeeded: true,
        read_bytes: 0,
        restored_bytes: 0,
    }
}

/// The vendor's own example: 1,000 writes to infrequent access are billed as a million, 9.00 dollars.
#[test]
fn a_thousand_writes_to_r2_cost_nine_dollars() {
    let mut ledger = Ledger::default();
    ledger.acts = vec![act("PutObject", "STANDARD_IA"); 1_000];
    let bill = bill(&R2, &ledger, day(0)..day(30));
    assert_eq!(bill.total_micros(), 9_000_000);
    assert_eq!(bill.lines[0].quantity, 1_000);
}

/// One move, one look and one byte in infrequent access: 9.00 + 0.90 + 0.01.
#[test]
fn rounding_alone_costs_9_91_at_r2() {
    let mut ledger = Ledger::default();
    ledger.acts = vec![
        act("CopyObject", "STANDARD_IA"),
        act("HeadObject", "STANDARD_IA"),
    ];
    ledger.comes("a", "STANDARD_IA", 1, day(0));
    assert_eq!(
        bill(&R2, &ledger, day(0)..day(30)).total_micros(),
        9_910_000
    );
    ledger.acts.push(act("DeleteObject", "STANDARD_IA"));
    assert_eq!(
        bill(&R2, &ledger, day(0)..day(30)).total_micros(),
        9_910_000
    );
}

/// 3 GB for 5 days are half a GB-month, billed as a whole one; a tenth of a GB that is read is billed as one.
#[test]
fn r2_rounds_gigabytes_up() {
    let mut ledger = Ledger::default();
    ledger.comes("a", "STANDARD", 3_000_000_000, day(0));
    ledger.goes("a", day(5));
    let standard = bill(&R2, &ledger, day(0)..day(30));
    assert_eq!(standard.total_micros(), 15_000);
    assert_eq!(
        standard.lines[0].quantity,
        3_000_000_000 * 5 * u128::from(DAY)
    );
    let mut read = act("GetObject", "STANDARD_IA");
    read.read_bytes = 100_000_000;
    ledger.acts.push(read);
    let bill = bill(&R2, &ledger, day(0)..day(30));
    assert_eq!(bill.micros(Item::Retrieval, "STANDARD_IA"), 10_000);
}

/// A GiB is archived on the first day, and promoted after some days, for which it would have cost 0.12 a month: what remains of that is
/// 0.08 yuan less than nothing after 10 days, nothing after 30, 0.116 yuan after 59.
#[test]
fn early_promotion_from_oss_costs_what_is_left() {
    for (days, net) in [(10, -80_000), (30, 0), (59, 116_000)] {
        let mut ledger = Ledger::default();
        ledger.comes("a", "Archive", GIB, day(0));
        let mut restore = act("RestoreObject", "Archive");
        restore.restored_bytes = GIB;
        ledger.acts.push(restore);
        ledger.comes("a", "Standard", GIB, day(days));
        let bill = bill(
            &OSS,
            &ledger,
            day(0)..day(days).saturating_add(Duration::from_micros(1)),
        );
        let hot = 120_000 * i64::try_from(days).unwrap() / 30;
        let of = |item| i64::try_from(bill.micros(item, "Archive")).unwrap();
        let cold = of(Item::Storage) + of(Item::EarlyDeletion) + of(Item::Retrieval);
        assert_eq!(hot - cold, net, "{bill:?}");
    }
}

#[test]
fn the_least_time_ends_at_its_last_moment() {
    let mut ledger = Ledger::default();
    ledger.comes("a", "Archive", GIB, day(0));
    ledger.comes("b", "Archive", GIB, day(0));
    ledger.goes("a", day(60));
    ledger.goes("b", day(60).saturating_sub(Duration::from_secs(1)));
    let bill = bill(&OSS, &ledger, day(59)..day(61));
    let line = bill.lines.iter().find(|it| it.item == Item::EarlyDeletion);
    assert_eq!(line.unwrap().quantity, u128::from(GIB));
}

/// 1 KiB in the archive is billed as 64: for 30 days 0.03 yuan / 16,384.
#[test]
fn small_objects_are_billed_as_if_they_were_larger() {
    let mut ledger = Ledger::default();
    ledger.comes("a", "Archive", 1 << 10, day(0));
    ledger.comes("b", "Standard", 1 << 10, day(0));
    let bill = bill(&OSS, &ledger, day(0)..day(30));
    assert_eq!(bill.lines[1].quantity, (64 << 10) * 30 * u128::from(DAY));
    assert_eq!(bill.micros(Item::Storage, "Archive"), 2);
    assert_eq!(bill.lines[0].quantity, (1 << 10) * 30 * u128::from(DAY));
}

/// The copy of a restore is standard storage beside the archive, until its days are over or the object goes.
#[test]
fn a_restored_copy_is_billed_at_tencent() {
    let mut ledger = Ledger::default();
    ledger.comes("a", "ARCHIVE", GIB, day(0));
    ledger.thaws("a", day(10), Duration::from_secs(3 * DAY));
    ledger.thaws("a", day(10), Duration::from_secs(6 * DAY));
    let replica =
        |ledger: &Ledger| bill(&COS, ledger, day(0)..day(30)).micros(Item::Replica, "STANDARD");
    assert_eq!(replica(&ledger), 118_000 * 6 / 30);
    assert!(bill(&OSS, &ledger, day(0)..day(30)).lines.is_empty());
    ledger.goes("a", day(13));
    assert_eq!(replica(&ledger), 118_000 * 3 / 30);
}

/// What one refuses, the other bills all the same; and it bills 10,001 requests as 20,000.
#[test]
fn refused_requests_are_billed_where_they_are() {
    let mut refused = act("PutObject", "STANDARD");
    refused.succeeded = false;
    let mut ledger = Ledger::default();
    ledger.acts = vec![refused; 10_001];
    assert_eq!(bill(&COS, &ledger, day(0)..day(30)).total_micros(), 20_000);
    for act in &mut ledger.acts {
        act.class = "Standard";
    }
    assert_eq!(bill(&OSS, &ledger, day(0)..day(30)).total_micros(), 0);
    for act in &mut ledger.acts {
        act.succeeded = true;
    }
    assert_eq!(bill(&OSS, &ledger, day(0)..day(30)).total_micros(), 10_001);
}

/// Two months that touch share nothing and miss nothing.
#[test]
fn spans_add_up() {
    let mut ledger = Ledger::default();
    ledger.comes("a", "Archive", GIB, day(3));
    ledger.goes("a", day(40));
    ledger.acts = vec![act("PutObject", "Archive"); 10_000];
    let total = |from, to| bill(&OSS, &ledger, day(from)..day(to)).total_micros();
    assert_eq!(total(0, 30) + total(30, 60), total(0, 60));
    assert_eq!(total(0, 60), 100_000 + 60_000);
}
