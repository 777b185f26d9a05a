//! The echo in memory keeps every promise; echoes that break one are caught.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use picora_core::{AccountId, Amount, CalendarMonth, Clock, ManualClock, Timestamp};
use picora_quota::conformance::echo::{self, EchoHarness, Place, World};
use picora_quota::echo::{
    Atomicity, Echo, EchoCaps, EchoError, Marker, MemoryEcho, Published, Slot, Snapshot, Standing,
};

struct Memory(Option<Fault>);

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    ClaimsNoCounters,
    ComparesEpochsAsFloats,
    ComparesEpochsAsText,
    DropsAllButTheFirst,
    IgnoresEpochs,
    KeepsTheMark,
    MarksBlindly,
    MissingIsZero,
    NeverRenews,
    PoolsMedia,
    RoundsNumbers,
    StatusOutlivesItsMonth,
    WritesOnce,
}

#[derive(Debug)]
struct Broken {
    inner: Arc<MemoryEcho>,
    fault: Option<Fault>,
}

#[derive(Debug)]
struct InMemory {
    echo: Arc<MemoryEcho>,
    clock: ManualClock,
    keeps_the_mark: bool,
}

impl EchoHarness for Memory {
    fn run<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }

    fn fresh(&self) -> World {
        let inner = Arc::new(MemoryEcho::default());
        let echo = Arc::new(Broken {
            inner: inner.clone(),
            fault: self.0,
        });
        let place = InMemory {
            echo: inner,
            clock: ManualClock::at(NOW),
            keeps_the_mark: self.0 == Some(Fault::KeepsTheMark),
        };
        World {
            echo: echo.clone(),
            other: echo,
            place: Box::new(place),
        }
    }
}

#[async_trait]
impl Place for InMemory {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn raw(&self, key: &str) -> Option<(String, Option<Duration>)> {
        self.echo.raw(key, self.now())
    }

    async fn empty(&self) {
        let mark = self.echo.marker(NOW).await.unwrap();
        self.echo.flush();
        if let Some(mark) = mark.filter(|_| self.keeps_the_mark) {
            self.echo.mark(None, mark, NOW).await.unwrap();
        }
    }
}

impl Broken {
    fn bend(&self, snapshot: &Snapshot) -> Snapshot {
        let mut bent = *snapshot;
        match self.fault {
            Some(Fault::IgnoresEpochs) => bent.epoch = 1,
            Some(Fault::ComparesEpochsAsFloats) => bent.epoch &= !0x7ff,
            Some(Fault::ComparesEpochsAsText) if bent.epoch == 9 => bent.epoch = 90,
            Some(Fault::PoolsMedia) => {
                let both = bent.video_storage.checked_add(bent.audio_storage);
                bent.video_storage = both.unwrap();
            }
            Some(Fault::RoundsNumbers) => {
                bent.image_storage =
                    Amount::saturating(bent.image_storage.get().next_multiple_of(1 << 9));
            }
            _ => {}
        }
        bent
    }
}

#[async_trait]
impl Echo for Broken {
    fn caps(&self) -> EchoCaps {
        EchoCaps {
            publishes_counters: self.fault != Some(Fault::ClaimsNoCounters),
            ..self.inner.caps()
        }
    }

    async fn publish(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
    ) -> Result<Published, EchoError> {
        let mut bent: Vec<_> = snapshots.iter().map(|it| self.bend(it)).collect();
        let now = match (self.fault, bent.first().copied()) {
            (Some(Fault::NeverRenews), _) => NOW,
            (Some(Fault::StatusOutlivesItsMonth), Some(first)) => first.month.start(),
            (Some(Fault::DropsAllButTheFirst), _) => {
                bent.truncate(1);
                now
            }
            (Some(Fault::WritesOnce), Some(first)) => {
                let held = self.inner.standing(first.account, first.month, now).await?;
                if !held.is_empty() {
                    bent.clear();
                }
                now
            }
            _ => now,
        };
        self.inner.publish(&bent, now).await
    }

    async fn standing(
        &self,
        account: AccountId,
        month: CalendarMonth,
        now: Timestamp,
    ) -> Result<Standing, EchoError> {
        let standing = self.inner.standing(account, month, now).await?;
        if self.fault != Some(Fault::MissingIsZero) {
            return Ok(standing);
        }
        let texts = Slot::ALL.map(|slot| match slot {
            Slot::VideoStatus => standing.video_status.clone(),
            _ => Some(standing.amount(slot).map_or(0, Amount::get).to_string()),
        });
        Ok(Standing::read(texts).unwrap())
    }

    async fn marker(&self, now: Timestamp) -> Result<Option<Marker>, EchoError> {
        self.inner.marker(now).await
    }

    async fn mark(
        &self,
        was: Option<Marker>,
        by: Marker,
        now: Timestamp,
    ) -> Result<bool, EchoError> {
        let was = match self.fault {
            Some(Fault::MarksBlindly) => self.inner.marker(now).await?,
            _ => was,
        };
        self.inner.mark(was, by, now).await
    }
}

picora_quota::echo_conformance!(Memory(None));

macro_rules! catches {
    ($($name:ident: $fault:ident by $promise:ident;)+) => {mod caught {$(
        #[test]
        fn $name() {
            use super::*;
            let world = Memory(Some(Fault::$fault)).fresh();
            let run = catch_unwind(AssertUnwindSafe(|| block_on(echo::$promise(&world))));
            assert!(run.is_err(), "{} does not notice {:?}", stringify!($promise), Fault::$fault);
        }
    )+}};
}

catches! {
    pooled_media: PoolsMedia by writes_the_keys_of_the_documents;
    a_status_that_is_too_long: NeverRenews by renews_what_it_writes;
    stale_numbers: WritesOnce by says_what_it_was_told;
    zeros: MissingIsZero by does_not_take_missing_for_zero;
    late_epochs: IgnoresEpochs by keeps_the_higher_epoch;
    late_epochs_of_others: IgnoresEpochs by keeps_the_higher_epoch_of_another_process;
    floats: ComparesEpochsAsFloats by tells_large_numbers_apart;
    rounded: RoundsNumbers by tells_large_numbers_apart;
    texts: ComparesEpochsAsText by tells_large_numbers_apart;
    lost_accounts: DropsAllButTheFirst by publishes_many_at_once;
    last_months_status: StatusOutlivesItsMonth by writes_no_status_of_a_month_that_is_over;
    a_mark_that_stays: KeepsTheMark by is_marked_and_loses_the_mark_with_the_rest;
    blind_marks: MarksBlindly by is_marked_and_loses_the_mark_with_the_rest;
    unclaimed_counters: ClaimsNoCounters by publishes_only_what_it_claims;
}

#[test]
fn who_needs_a_step_is_told_what_the_echo_lacks() {
    let whole = MemoryEcho::default().caps();
    assert!(whole.require(Atomicity::Snapshot).is_ok());
    let eventual = EchoCaps {
        name: "kv",
        atomicity: Atomicity::Nothing,
        ..whole
    };
    assert!(eventual.require(Atomicity::Nothing).is_ok());
    let refusal = eventual.require(Atomicity::Snapshot).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "kv could not write an account's keys as one step: it does not support that"
    );
}

#[test]
fn numbers_that_are_not_plain_do_not_read_as_numbers() {
    for text in [
        "",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        " 1",
        "4611686018427387905",
        "99999999999999999999",
    ] {
        let texts = [None, Some(text.to_owned())];
        assert_eq!(Standing::read(texts), None, "{text:?}");
    }
}

/// 2026-11-21T10:00:00Z.
const NOW: Timestamp = picora_quota::conformance::NOW;
