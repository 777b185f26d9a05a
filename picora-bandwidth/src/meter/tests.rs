use std::collections::{BTreeMap, HashSet};

use picora_core::{
    AssetId, CalendarMonth, Dimension, MediaKind, PostingKey, SeededEntropy, Tally, Timestamp,
    Window,
};
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000_000;

fn meter() -> OriginMeter {
    OriginMeter::new(MeterId::generate(Timestamp::EPOCH, &SeededEntropy::new(7)))
}

fn delivery(account: u8, kind: MediaKind, bytes: u64, at: Timestamp) -> Delivery {
    Delivery {
        account: AccountId::from_bytes([account; 16]),
        asset: AssetId::from_bytes(kind, [account; 16]),
        bytes,
        at,
    }
}

fn april() -> CalendarMonth {
    CalendarMonth::of(Timestamp::from_unix_seconds(1_777_000_000))
}

/// What a ledger makes of postings: a used key is a no-op, and the window is that of `happened_at`.
#[derive(Debug, Default)]
struct Ledger {
    used: HashSet<PostingKey>,
    usage: BTreeMap<(AccountId, Dimension, Option<Window>), u128>,
}

impl Ledger {
    /// Posts so many of the batch before the connection breaks.
    fn post(&mut self, batch: &Batch, most: usize) {
        for posting in batch.postings.iter().take(most) {
            if self.used.insert(posting.key.clone()) {
                let window = posting.dimension.window_at(posting.happened_at);
                let cell = (posting.account, posting.dimension, window);
                *self.usage.entry(cell).or_default() += u128::from(posting.delta.unsigned_abs());
            }
        }
    }

    fn post_all(&mut self, meter: &OriginMeter) {
        while let Some(batch) = meter.fold() {
            self.post(&batch, usize::MAX);
            meter.acknowledge(batch.number);
        }
    }
}

#[test]
fn the_month_of_the_sending_decides_however_late_it_is_posted() {
    let (meter, may) = (meter(), april().end());
    let last = Timestamp::from_unix_micros(may.unix_micros() - 1);
    meter.record(&delivery(1, MediaKind::Image, 100, last));
    meter.record(&delivery(1, MediaKind::Image, 23, may));
    let batch = meter.fold().unwrap();
    let posted: Vec<_> = batch
        .postings
        .iter()
        .map(|posting| {
            (
                CalendarMonth::of(posting.happened_at).to_string(),
                posting.delta,
            )
        })
        .collect();
    assert_eq!(posted, [("2026-04".into(), 100), ("2026-05".into(), 23)]);
}

#[test]
fn keys_name_meter_batch_account_dimension_and_month() {
    let meter = meter();
    let sent = delivery(1, MediaKind::Video, 5, april().start());
    meter.record(&sent);
    let key = meter.fold().unwrap().postings[0].key.clone();
    let expected = format!(
        "egress:{}:1:{}:media_bandwidth_bytes:2026-04",
        meter.id, sent.account
    );
    assert_eq!(key.as_str(), expected);
}

#[test]
fn documents_and_empty_answers_are_accesses_and_no_traffic() {
    let meter = meter();
    meter.record(&delivery(1, MediaKind::Document, 9_000, april().start()));
    meter.record(&delivery(2, MediaKind::Image, 0, april().start()));
    let batch = meter.fold().unwrap();
    assert_eq!(batch.postings, []);
    assert_eq!(batch.accesses.len(), 2);
}

#[test]
fn video_and_audio_are_one_dimension_and_audio_is_told_apart() {
    let meter = meter();
    meter.record(&delivery(1, MediaKind::Video, 5, april().start()));
    meter.record(&delivery(1, MediaKind::Audio, 6, april().start()));
    let batch = meter.fold().unwrap();
    let told = batch
        .postings
        .iter()
        .map(|it| (it.dimension, it.tally, it.delta));
    let pool = Dimension::MediaBandwidth;
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(pool, None, 5), (pool, Some(Tally::AudioBandwidth), 6)]
    );
    assert_ne!(batch.postings[0].key, batch.postings[1].key);
}

#[test]
fn an_unacknowledged_batch_stands_while_traffic_gathers_behind_it() {
    let (meter, now) = (meter(), april().start());
    meter.record(&delivery(1, MediaKind::Image, 5, now));
    let first = meter.fold().unwrap();
    meter.record(&delivery(1, MediaKind::Image, 7, now));
    assert_eq!(meter.fold().unwrap(), first);
    meter.acknowledge(first.number + 1); // of nobody
    assert_eq!(meter.fold().unwrap(), first);
    meter.acknowledge(first.number);
    let second = meter.fold().unwrap();
    assert_eq!((second.number, second.postings[0].delta), (2, 7));
    meter.acknowledge(first.number); // late
    assert_eq!(meter.fold().unwrap(), second);
}

#[test]
fn an_access_is_news_once_an_hour() {
    let meter = meter();
    let start = april().start().unix_micros();
    let mut news = Vec::new();
    for after in [0, 1, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR - 1, 2 * HOUR, HOUR] {
        let at = Timestamp::from_unix_micros(start + after);
        meter.record(&delivery(1, MediaKind::Image, 1, at));
        let batch = meter.fold().unwrap();
        news.extend(
            batch
                .accesses
                .iter()
                .map(|access| access.at.unix_micros() - start),
        );
        meter.acknowledge(batch.number);
    }
    assert_eq!(news, [0, HOUR, 2 * HOUR]);
}

#[test]
fn a_clock_that_was_ahead_once_does_not_end_the_quiet_hour() {
    let (meter, start) = (meter(), april().start());
    let later = start.saturating_add(std::time::Duration::from_secs(1));
    let mut news = Vec::new();
    for (kind, at) in [
        (MediaKind::Video, Timestamp::MAX),
        (MediaKind::Image, start),
        (MediaKind::Image, later),
    ] {
        meter.record(&delivery(1, kind, 1, at));
        let batch = meter.fold().unwrap();
        news.extend(batch.accesses.iter().map(|access| access.at));
        meter.acknowledge(batch.number);
    }
    assert_eq!(news, [Timestamp::MAX, start]);
}

#[test]
fn what_was_told_is_forgotten_after_an_hour() {
    let meter = meter();
    let start = april().start().unix_micros();
    let account = AccountId::from_bytes([1; 16]);
    for asset in 0..=100 {
        let at = Timestamp::from_unix_micros(start + i64::from(asset) * HOUR);
        let asset = AssetId::from_bytes(MediaKind::Image, [asset; 16]);
        meter.record(&Delivery {
            account,
            asset,
            bytes: 1,
            at,
        });
        meter.acknowledge(meter.fold().unwrap().number);
    }
    let remembered: usize = meter
        .shards
        .iter()
        .map(|shard| hold(shard).remembered())
        .sum();
    assert_eq!(remembered, 1);
}

#[test]
fn threads_lose_nothing_while_another_folds() {
    const THREADS: u8 = 4;
    const EACH: u64 = 20_000;
    let (meter, mut ledger) = (meter(), Ledger::default());
    std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let meter = &meter;
                scope.spawn(move || {
                    for n in 0..EACH {
                        let account = u8::try_from(n % 5).unwrap();
                        let kind = MediaKind::ALL[usize::from(thread) % 2];
                        meter.record(&delivery(account, kind, n, april().start()));
                    }
                })
            })
            .collect();
        while !recorders
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            if let Some(batch) = meter.fold() {
                ledger.post(&batch, 3); // and once more below, as after a lost answer
                ledger.post(&batch, usize::MAX);
                meter.acknowledge(batch.number);
            }
        }
    });
    ledger.post_all(&meter);
    let sum: u128 = ledger.usage.values().sum();
    assert_eq!(sum, u128::from(THREADS) * u128::from(EACH * (EACH - 1) / 2));
}

#[derive(Clone, Debug)]
enum Step {
    Send {
        account: u8,
        kind: MediaKind,
        bytes: u64,
        hour: i64,
    },
    /// Folds and posts some; the connection breaks.
    PostSome(usize),
    /// Folds and posts all; the acknowledgement is lost or arrives.
    PostAll { acknowledged: bool },
}

fn step() -> impl Strategy<Value = Step> {
    // 0..2,000 hours are nearly three months.
    let send = (0..4u8, 0..4usize, 0..1u64 << 50, 0..2_000i64);
    prop_oneof![
        6 => send.prop_map(|(account, kind, bytes, hour)| Step::Send {
            account,
            kind: MediaKind::ALL[kind],
            bytes,
            hour,
        }),
        1 => (0..4usize).prop_map(Step::PostSome),
        2 => any::<bool>().prop_map(|acknowledged| Step::PostAll { acknowledged }),
    ]
}

proptest! {
    #[test]
    fn everything_is_posted_once_under_failures_and_repeats(steps in prop::collection::vec(step(), 0..80)) {
        let (meter, mut ledger) = (meter(), Ledger::default());
        let mut expected: BTreeMap<_, u128> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Send { account, kind, bytes, hour } => {
                    let at = Timestamp::from_unix_micros(april().start().unix_micros() + hour * HOUR);
                    let sent = delivery(account, kind, bytes, at);
                    meter.record(&sent);
                    if let (Some(dimension), true) = (kind.bandwidth_dimension(), bytes > 0) {
                        let cell = (sent.account, dimension, dimension.window_at(at));
                        *expected.entry(cell).or_default() += u128::from(bytes);
                    }
                }
                Step::PostSome(most) => {
                    if let Some(batch) = meter.fold() {
                        ledger.post(&batch, most);
                    }
                }
                Step::PostAll { acknowledged } => {
                    if let Some(batch) = meter.fold() {
                        ledger.post(&batch, usize::MAX);
                        if acknowledged {
                            meter.acknowledge(batch.number);
                        }
                    }
                }
            }
        }
        ledger.post_all(&meter);
        prop_assert_eq!(ledger.usage, expected);
    }
}
