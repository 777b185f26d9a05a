use picora_core::{Amount, CalendarMonth};
use proptest::prelude::*;

use super::*;

/// 2026-04-24T03:06:40Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

fn after(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn snapshot(account: u8, epoch: u64, documents: u32, video_status: &'static str) -> Snapshot {
    let one = Amount::ONE;
    Snapshot {
        account: AccountId::from_bytes([account; 16]),
        epoch,
        as_of: NOW,
        month: CalendarMonth::of(NOW),
        image_storage: one,
        video_storage: one,
        audio_storage: one,
        documents: documents.into(),
        image_bandwidth: one,
        video_bandwidth: one,
        audio_bandwidth: one,
        video_status,
    }
}

fn write(written: &mut Written, it: &Snapshot, now: Timestamp) {
    written.takes(it);
    for slot in Slot::ALL {
        written.tries(it.account, slot, now);
        written.wrote(it.account, slot);
    }
}

#[test]
fn only_what_changed_is_written() {
    let mut written = Written::new(9);
    let first = snapshot(1, 1, 1, "ok");
    assert_eq!(written.judge(&first, Slot::Documents, NOW), Judged::Write);
    write(&mut written, &first, NOW);
    let later = after(60);
    let more = snapshot(1, 2, 2, "ok");
    for slot in Slot::ALL {
        let same = slot != Slot::Documents;
        let expected = if same { Judged::Stands } else { Judged::Write };
        assert_eq!(written.judge(&more, slot, later), expected, "{slot:?}");
    }
    let flip = snapshot(1, 2, 1, "degraded");
    assert_eq!(
        written.judge(&flip, Slot::VideoStatus, later),
        Judged::Write
    );
}

#[test]
fn a_lower_epoch_writes_nothing_even_when_the_higher_one_failed() {
    let mut written = Written::new(9);
    let failed = snapshot(1, 5, 1, "ok");
    written.takes(&failed);
    written.tries(failed.account, Slot::Documents, NOW);
    let late = snapshot(1, 4, 7, "ok");
    assert_eq!(
        written.judge(&late, Slot::Documents, after(9)),
        Judged::Superseded
    );
    let again = snapshot(1, 5, 1, "ok");
    assert_eq!(
        written.judge(&again, Slot::Documents, after(9)),
        Judged::Write
    );
    written.distrust();
    assert_eq!(
        written.judge(&late, Slot::Documents, after(9)),
        Judged::Superseded
    );
}

#[test]
fn what_says_the_same_supersedes_too_and_what_is_late_does_not() {
    let mut written = Written::new(9);
    write(&mut written, &snapshot(1, 1, 1, "ok"), NOW);
    written.takes(&snapshot(1, 9, 1, "ok"));
    written.takes(&snapshot(1, 3, 1, "ok"));
    let late = snapshot(1, 8, 7, "degraded");
    for slot in Slot::ALL {
        assert_eq!(written.judge(&late, slot, after(9)), Judged::Superseded);
        let same = snapshot(1, 9, 1, "ok");
        assert_eq!(written.judge(&same, slot, after(9)), Judged::Stands);
    }
}

#[test]
fn a_key_rests_a_second_between_writes() {
    let mut written = Written::new(9);
    write(&mut written, &snapshot(1, 1, 1, "ok"), NOW);
    let next = snapshot(1, 2, 2, "ok");
    let judge = |now| written.judge(&next, Slot::Documents, now);
    assert_eq!(judge(NOW), Judged::TooSoon(after(1)));
    let before = after(1).saturating_sub(Duration::from_micros(1));
    assert_eq!(judge(before), Judged::TooSoon(after(1)));
    assert_eq!(judge(after(1)), Judged::Write);
    let stepped_back = NOW.saturating_sub(Duration::from_secs(3_600));
    assert_eq!(judge(stepped_back), Judged::Write);
}

#[test]
fn a_new_month_has_new_keys_and_a_new_status() {
    let mut written = Written::new(9);
    let april = snapshot(1, 1, 1, "ok");
    write(&mut written, &april, NOW);
    let month = CalendarMonth::of(april.month.end());
    let may = Snapshot { month, ..april };
    for slot in Slot::ALL {
        let judged = written.judge(&may, slot, april.month.end());
        let ends = slot.is_monthly() || slot == Slot::VideoStatus;
        assert_eq!(judged == Judged::Write, ends, "{slot:?}");
    }
}

#[test]
fn a_month_that_rests_is_renewed_before_it_ends() {
    let mut written = Written::new(9);
    let it = snapshot(1, 1, 1, "ok");
    write(&mut written, &it, NOW);
    let half = MONTHLY_LIFE.as_secs() / 2;
    let judge = |slot, seconds| written.judge(&it, slot, after(seconds));
    assert_eq!(judge(Slot::ImageBandwidth, half - 1), Judged::Stands);
    assert_eq!(judge(Slot::ImageBandwidth, half), Judged::Write);
    assert_eq!(judge(Slot::ImageStorage, 10 * half), Judged::Stands);
}

#[test]
fn what_is_lost_is_written_anew() {
    let mut written = Written::new(9);
    let it = snapshot(1, 1, 1, "ok");
    write(&mut written, &it, NOW);
    written.distrust();
    for slot in Slot::ALL {
        assert_eq!(written.judge(&it, slot, after(9)), Judged::Write);
    }
    // One key goes, the others are still to be written.
    written.takes(&it);
    written.tries(it.account, Slot::Documents, after(9));
    written.wrote(it.account, Slot::Documents);
    assert_eq!(
        written.judge(&it, Slot::Documents, after(60)),
        Judged::Stands
    );
    assert_eq!(
        written.judge(&it, Slot::ImageStorage, after(60)),
        Judged::Write
    );
}

#[test]
fn an_erased_account_stays_erased() {
    let mut written = Written::new(9);
    let it = snapshot(1, 1, 1, "ok");
    let late = Snapshot {
        epoch: u64::MAX - 1,
        ..it
    };
    write(&mut written, &it, NOW);
    assert_eq!(written.erase(it.account, NOW), Err(after(1)));
    assert_eq!(
        written.judge(&late, Slot::Documents, NOW),
        Judged::Superseded
    );
    assert_eq!(written.erase(it.account, after(1)), Ok(()));
    assert_eq!(
        written.judge(&late, Slot::Documents, after(99)),
        Judged::Superseded
    );
    assert_eq!(written.erase(it.account, after(1)), Ok(()));
    let never_written = AccountId::from_bytes([9; 16]);
    assert_eq!(written.erase(never_written, NOW), Ok(()));
}

#[test]
fn memory_is_bounded_and_the_last_half_is_kept() {
    let mut written = Written::new(20);
    for account in 0..=255 {
        write(&mut written, &snapshot(account, 1, 1, "ok"), NOW);
        assert!(written.young.len() + written.old.len() <= 20);
        for known in account.saturating_sub(9)..=account {
            let it = snapshot(known, 1, 1, "ok");
            assert_eq!(
                written.judge(&it, Slot::Documents, after(9)),
                Judged::Stands
            );
        }
    }
}

/// What happens to a publication on its way.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// The answer is lost; this says whether KV has done it.
    Lost(bool),
    /// KV does the even slots, and says so.
    Half,
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Publish {
        account: u8,
        epoch: u64,
        says: u32,
        next_month: bool,
        fate: Fate,
    },
    /// Everything is lost, and that was noticed.
    Wiped,
    Passes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let fate = prop_oneof![
        4 => Just(Fate::Done),
        1 => any::<bool>().prop_map(Fate::Lost),
        1 => Just(Fate::Half),
    ];
    let publish = (0..3_u8, 0..9_u64, 0..3_u32, any::<bool>(), fate);
    prop_oneof![
        8 => publish.prop_map(|(account, epoch, says, next_month, fate)| {
            Happens::Publish { account, epoch, says, next_month, fate }
        }),
        1 => Just(Happens::Wiped),
        3 => (0..4_000_000_u64).prop_map(Happens::Passes),
        4 => Just(Happens::Passes(1)),
    ]
}

/// A KV of plain keys: which slot of whom, in which month.
type Plain = HashMap<PlainKey, (String, Timestamp)>;
type PlainKey = (AccountId, Slot, Option<CalendarMonth>);

/// Publishes as the echo does, and answers what it sent; none when it must wait.
fn publish(
    written: &mut Written,
    kv: &mut Plain,
    it: &Snapshot,
    fate: Fate,
    now: Timestamp,
) -> Option<Vec<PlainKey>> {
    let judged = Slot::ALL.map(|slot| (slot, written.judge(it, slot, now)));
    if judged
        .iter()
        .any(|(_, judged)| matches!(judged, Judged::TooSoon(_)))
    {
        return None;
    }
    let plan = judged
        .into_iter()
        .filter(|(_, judged)| *judged == Judged::Write);
    let plan: Vec<_> = plan.map(|(slot, _)| slot).collect();
    written.takes(it);
    for slot in &plan {
        written.tries(it.account, *slot, now);
    }
    let key = |slot: Slot| (it.account, slot, slot.is_monthly().then_some(it.month));
    for (at, slot) in plan.iter().enumerate() {
        let (applied, told) = match fate {
            Fate::Done => (true, true),
            Fate::Lost(applied) => (applied, false),
            Fate::Half => (at % 2 == 0, at % 2 == 0),
        };
        if applied {
            kv.insert(key(*slot), (said(it, *slot), now));
        }
        if told {
            written.wrote(it.account, *slot);
        }
    }
    Some(plan.into_iter().map(key).collect())
}

fn said(it: &Snapshot, slot: Slot) -> String {
    let amount = slot.amount(it).map(|it| it.get().to_string());
    amount.unwrap_or_else(|| it.video_status.to_owned())
}

proptest! {
    /// Whatever went before: what is published without trouble is what stands, every month's key lives on, no key is written twice in a
    /// second, and nothing of a lower epoch changes anything.
    #[test]
    fn what_is_published_stands(all in proptest::collection::vec(happens(), 1..80)) {
        let (mut written, mut kv, mut now) = (Written::new(1_000), Plain::new(), NOW);
        let mut highest: HashMap<AccountId, u64> = HashMap::new();
        for it in all {
            let (account, epoch, says, next_month, fate) = match it {
                Happens::Passes(seconds) => {
                    now = now.saturating_add(Duration::from_secs(seconds));
                    continue;
                }
                Happens::Wiped => {
                    kv.clear();
                    written.distrust();
                    continue;
                }
                Happens::Publish { account, epoch, says, next_month, fate } => (account, epoch, says, next_month, fate),
            };
            let mut it = snapshot(account, epoch, says, ["ok", "degraded", "suspended"][says as usize]);
            it.video_bandwidth = says.into();
            if next_month {
                it.month = CalendarMonth::of(it.month.end());
            }
            let before = kv.clone();
            let Some(sent) = publish(&mut written, &mut kv, &it, fate, now) else {
                prop_assert_eq!(&kv, &before);
                continue;
            };
            for key in sent.iter().filter_map(|it| before.get(it)) {
                prop_assert!(now.saturating_since(key.1) >= WRITE_EVERY);
            }
            let known = highest.entry(it.account).or_insert(epoch);
            if epoch < *known {
                prop_assert_eq!(&kv, &before, "a late one");
                continue;
            }
            *known = epoch;
            for slot in Slot::ALL {
                let stands = kv.get(&(it.account, slot, slot.is_monthly().then_some(it.month)));
                if matches!(fate, Fate::Done) {
                    let (value, at) = stands.expect("it is written");
                    prop_assert_eq!(value, &said(&it, slot));
                    let lives = !slot.is_monthly() || now.saturating_since(*at) < MONTHLY_LIFE;
                    prop_assert!(lives, "{:?} has ended", slot);
                }
            }
        }
    }
}
