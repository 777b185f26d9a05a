//! Short histories of random work with random trouble, each judged by the auditor and by a naive model.
//!
//! A history is a function of its seed, which the panic names. `PICORA_SOAK=1` runs fifty times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use picora_core::{
    AccountId, Amount, AssetId, Dimension, Limit, MediaKind, SeededEntropy, Timestamp,
};
use picora_media::faults::Fault;
use picora_media::{BodyError, Janitor, NewUpload, UploadError, Uploaded};
use picora_quota::Ledger;
use picora_storage::faults::Fault as ObjectFault;

use super::audit::{audit, stored};
use super::host::{ACCOUNTS, Host, STORAGE_BYTES, TTL, limits, look};
use super::model::{Model, Seen};
use super::requests::{new, png, scripted};
use super::sagas::poll;
use super::slow::scavenge;

const HISTORIES: u64 = 2_000;
const SOAK: u64 = 50;

#[test]
fn every_history_ends_sound() {
    let soak = std::env::var_os("PICORA_SOAK").is_some_and(|set| set == "1");
    let histories = if soak { HISTORIES * SOAK } else { HISTORIES };
    let mut seen = Seen::default();
    for seed in 0..histories {
        let ran = catch_unwind(AssertUnwindSafe(|| history(seed)));
        seen.add(ran.unwrap_or_else(|panic| {
            let why = panic
                .downcast_ref::<String>()
                .map_or("see above", String::as_str);
            panic!("the history of seed {seed} is not sound: {why}")
        }));
    }
    // A simulation in which nothing happens proves nothing.
    for (what, times) in [
        ("stored", seen.stored),
        ("refused", seen.refused),
        ("removed", seen.removed),
        ("lost", seen.lost),
    ] {
        assert!(times > histories / 4, "only {times} were {what}");
    }
}

struct History {
    host: Host,
    chance: SeededEntropy,
    under_way: Vec<Work>,
    model: Model,
    /// Whether bytes may have come after the janitor had undone their upload, and nobody was able to write that down.
    strays_are_excused: bool,
}

/// A use case that somebody waits for.
enum Work {
    Remove(AssetId, BoxFuture<'static, Option<bool>>),
    Tidy(BoxFuture<'static, ()>),
    Upload(BoxFuture<'static, Result<Uploaded, UploadError>>),
}

fn history(seed: u64) -> Seen {
    let host = Host::seeded(seed);
    let mut history = History {
        host,
        chance: SeededEntropy::new(!seed),
        under_way: Vec::new(),
        model: Model::default(),
        strays_are_excused: false,
    };
    if history.one_in(2) {
        history.host.hesitate();
    }
    for _ in 0..history.below(60) + 20 {
        history.step();
        history.assert_limits();
    }
    history.end();
    history.model.seen
}

impl History {
    fn step(&mut self) {
        match self.below(24) {
            0..=2 => self.begin_upload(),
            3 => self.begin_removal(),
            4 => {
                let janitor = Janitor::new(self.host.media.clone());
                self.under_way.push(Work::Tidy(
                    async move { drop(janitor.tidy().await) }.boxed(),
                ));
            }
            5 => self.change_limits(),
            6 => drop(
                self.host
                    .clock
                    .advance(TTL / 4 * u32::try_from(self.below(6)).unwrap()),
            ),
            7 if self.one_in(2) => self.plan_fault(),
            8 => self.plan_object_fault(),
            9 if self.one_in(4) => self.go_away(),
            10 if self.one_in(8) => self.crash(),
            _ => self.go_on(),
        }
    }

    fn begin_upload(&mut self) {
        let account = *self.pick(&ACCOUNTS);
        let (kind, bytes) = match self.below(3) {
            0 => (
                MediaKind::Document,
                Bytes::from(format!("# {}", self.below(6))),
            ),
            1 => (MediaKind::Image, png(self.below(30_000) + 8)),
            _ => (MediaKind::Image, png(self.below(5_000) + 8)),
        };
        let upload = NewUpload {
            account,
            bound_bytes: self
                .one_in(2)
                .then(|| (bytes.len() + self.below(200)) as u64),
            ..new(kind)
        };
        let chunk = self.below(8_000) + 1;
        let mut chunks: Vec<_> = bytes
            .chunks(chunk)
            .map(|chunk| Ok(bytes.slice_ref(chunk)))
            .collect();
        if self.one_in(10) {
            chunks.push(Err(BodyError::TimedOut));
        }
        let media = self.host.media.clone();
        let upload = async move { media.upload(upload, scripted(chunks)).await };
        self.under_way.push(Work::Upload(upload.boxed()));
    }

    fn begin_removal(&mut self) {
        let assets = stored(&self.host);
        if assets.is_empty() {
            return;
        }
        let asset = self.pick(&assets).clone();
        let media = self.host.media.clone();
        let removal = async move {
            media
                .remove(asset.account, asset.id)
                .await
                .ok()
                .map(|one| one.is_some())
        };
        self.model.begin_removal(asset.id);
        self.under_way.push(Work::Remove(asset.id, removal.boxed()));
    }

    /// Never above the plan that the accounts began with, so that [`History::assert_limits`] holds throughout.
    fn change_limits(&mut self) {
        let bytes = STORAGE_BYTES / 4 * (u32::try_from(self.below(4)).unwrap() + 1);
        let lower = limits().with(Dimension::ImgStorage, Limit::Max(Amount::from(bytes)));
        self.host.set_limits(*self.pick(&ACCOUNTS), lower);
    }

    fn plan_fault(&mut self) {
        let call = self.host.store.calls().len() + 1 + self.below(12);
        self.host.store.fail_at(call, *self.pick(&Fault::ALL));
        self.strays_are_excused = true;
    }

    fn plan_object_fault(&self) {
        let call = self.host.objects.calls() + 1 + self.below(5);
        self.host
            .objects
            .fail_at(call, *self.pick(&ObjectFault::ALL));
    }

    /// Polls a caller or a saga, whichever.
    fn go_on(&mut self) {
        let (callers, sagas) = (self.under_way.len(), self.host.sagas.under_way());
        if callers + sagas == 0 {
            return;
        }
        for _ in 0..self.below(8) {
            match self.below(callers + sagas) {
                caller if caller < self.under_way.len() => self.poll_caller(caller),
                _ if self.host.sagas.under_way() > 0 => {
                    let saga = self.below(self.host.sagas.under_way());
                    self.host.sagas.step_one(saga);
                }
                _ => {}
            }
        }
    }

    fn poll_caller(&mut self, which: usize) {
        let mut work = self.under_way.remove(which);
        match &mut work {
            Work::Tidy(tidying) => {
                if poll(tidying.as_mut()).is_ready() {
                    return;
                }
            }
            Work::Remove(id, removal) => {
                if let Poll::Ready(answer) = poll(removal.as_mut()) {
                    self.model.removed(*id, answer);
                    return;
                }
            }
            Work::Upload(upload) => {
                if let Poll::Ready(answer) = poll(upload.as_mut()) {
                    self.model.uploaded(answer);
                    return;
                }
            }
        }
        self.under_way.insert(which, work);
    }

    /// A client goes away.
    fn go_away(&mut self) {
        if !self.under_way.is_empty() {
            let which = self.below(self.under_way.len());
            let work = self.under_way.remove(which);
            self.model.lost(matches!(work, Work::Upload(_)));
        }
    }

    /// The process dies, with its sagas and its callers.
    fn crash(&mut self) {
        for work in std::mem::take(&mut self.under_way) {
            self.model.lost(matches!(work, Work::Upload(_)));
        }
        self.host.sagas.crash();
        self.strays_are_excused = true;
    }

    /// Everybody is answered, all time-outs pass, and the judges judge.
    fn end(&mut self) {
        self.host.heal();
        while !self.under_way.is_empty() {
            self.poll_caller(0);
            self.host.sagas.step();
        }
        self.host.sagas.run();
        self.host.rest();
        let strays = scavenge(&self.host);
        assert!(
            strays == 0 || self.strays_are_excused,
            "{strays} objects were forgotten"
        );
        let findings = audit(&self.host);
        assert!(findings.is_empty(), "{findings:#?}");
        self.model.assert_kept(&stored(&self.host));
    }

    /// Used and reserved together are never more than the largest limit there was.
    fn assert_limits(&self) {
        for account in ACCOUNTS {
            for (dimension, taken) in taken(&self.host, account) {
                if let Limit::Max(most) = limits().of(dimension) {
                    assert!(taken <= most, "{dimension}: {taken:?} of {most:?}");
                }
            }
        }
    }

    fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.chance.next_u64() % bound).expect("below a small number")
    }

    fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

fn taken(host: &Host, account: AccountId) -> Vec<(Dimension, Amount)> {
    let now: Timestamp = picora_core::Clock::now(&*host.clock);
    let lines = look(host.truth.usage(account, now)).unwrap();
    lines
        .iter()
        .map(|line| (line.dimension, line.cell.taken()))
        .collect()
}
