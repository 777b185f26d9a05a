//! Seeded histories of work and trouble, judged from what was acknowledged or may have happened.
//!
//! The auditor knows neither the books nor the rule: it keeps sums of what the ledger acknowledged. After a lost answer both outcomes
//! are possible, and the ledger must stand at exactly one of them, in all cells.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use picora_core::{
    AccountId, Amount, Changes, Dimension, Limit, Limits, Posting, PostingKey, PostingReason,
    ReservationId, SetLimits, StoreError, StoreErrorKind, Timestamp,
};

use self::faulty::Trouble;
use super::{NOW, TTL, answer};
use crate::{
    AccountFacts, CellKey, Counter, Granted, Item, Items, Ledger, LedgerReports, Recount,
    Recounted, RequestHash, Reserve, Reserved, Settled, Thresholds,
};

mod faulty;

type Sums = BTreeMap<CellKey, i128>;

/// Runs one history of `steps` steps; panics with the seed when an invariant (facts §4) does not hold.
pub async fn simulate<S: Ledger + LedgerReports + Changes>(store: &S, seed: u64, steps: u32) {
    let mut history = History {
        store,
        seed,
        step: 0,
        now: NOW,
        latest: NOW,
        trouble: Trouble::new(seed),
        account: AccountId::from_bytes((u128::from(seed) + (1 << 100)).to_be_bytes()),
        used: Sums::new(),
        held: BTreeMap::new(),
        settled: BTreeSet::new(),
        posted: BTreeSet::new(),
        before: BTreeMap::new(),
    };
    history.limits(100).await;
    for step in 0..steps {
        history.step = step;
        history.act().await;
    }
    history.end().await;
}

struct History<'a, S> {
    store: &'a S,
    seed: u64,
    step: u32,
    now: Timestamp,
    /// The latest that the clock has shown.
    latest: Timestamp,
    trouble: Trouble,
    account: AccountId,
    /// What is used, by what was acknowledged.
    used: Sums,
    /// What the client holds, as it was told.
    held: BTreeMap<ReservationId, Vec<Granted>>,
    settled: BTreeSet<ReservationId>,
    posted: BTreeSet<u32>,
    /// What was taken of each cell after the last step.
    before: BTreeMap<CellKey, Amount>,
}

impl<S: Ledger + LedgerReports + Changes> History<'_, S> {
    async fn act(&mut self) {
        let spans = [1, 30, 400, 3_600, 40_000, 86_400];
        let span = Duration::from_secs(spans[self.trouble.below(6) as usize]);
        self.now = match self.trouble.below(8) {
            0 => self
                .now
                .saturating_sub(span.min(Duration::from_secs(3_600))),
            1 => self.now.saturating_add(span),
            _ => self.now.saturating_add(Duration::from_secs(7)),
        };
        self.latest = self.latest.max(self.now);
        match self.trouble.below(16) {
            0..6 => self.reserve().await,
            6..9 => self.settle(true).await,
            9 => self.settle(false).await,
            10..13 => self.post().await,
            13 => {
                self.limits([0, 50, 100, 400][self.trouble.below(4) as usize])
                    .await
            }
            14 => self.held.clear(), // a crash: whoever held them forgets them
            _ => drop(self.trouble.ask(self.store.sweep(100, self.now)).await),
        }
    }

    fn id(&self, number: u32) -> ReservationId {
        let name = (u128::from(self.seed) << 32) + u128::from(number) + (1 << 101);
        ReservationId::from_bytes(name.to_be_bytes())
    }

    /// A lost answer is asked for again, under the same name.
    async fn reserve(&mut self) {
        let dimensions = [
            Dimension::ImgStorage,
            Dimension::DocCount,
            Dimension::UploadsPerDay,
        ];
        let items = dimensions
            .map(|dimension| Item::exactly(dimension, Amount::from(self.trouble.below(40) + 1)));
        let request = Reserve {
            id: self.id(self.step),
            account: self.account,
            request: RequestHash([1; 32]),
            items: Items::new(items).expect("small"),
            tally: None,
            expires_after: TTL,
        };
        for _ in 0..4 {
            let asked = self
                .trouble
                .ask(self.store.reserve(&request, self.now))
                .await;
            self.audit(true, &Sums::new(), false).await;
            match asked {
                Ok(Reserved::Admitted(held) | Reserved::Replayed(held)) => {
                    self.held.insert(held.id, held.granted);
                }
                Err(error) if error.kind() == StoreErrorKind::Unknown => continue,
                Ok(Reserved::KeyReused) => self.fail("I5", "a name of its own is taken"),
                Ok(Reserved::Denied(_)) | Err(_) => {}
            }
            return;
        }
    }

    async fn settle(&mut self, commit: bool) {
        let at = self.trouble.below(8) as usize;
        let Some((id, granted)) = self
            .held
            .iter()
            .nth(at)
            .map(|(id, held)| (*id, held.clone()))
        else {
            return;
        };
        let mut charge = Sums::new();
        for held in granted
            .iter()
            .filter(|held| commit && held.key.counter != Counter::OpenReservations)
        {
            charge.insert(held.key, i128::from(held.amount.get()));
        }
        for _ in 0..6 {
            let asked = if commit {
                self.trouble.ask(self.store.commit(id, &[], self.now)).await
            } else {
                self.trouble.ask(self.store.release(id, self.now)).await
            };
            let none = Sums::new();
            let possible = if self.settled.contains(&id) {
                &none
            } else {
                &charge
            };
            match asked {
                Ok(Settled::Done(_)) if self.settled.contains(&id) => {
                    self.fail("I4", "it is resolved twice")
                }
                Ok(Settled::Done(_)) => {
                    let possible = possible.clone();
                    self.audit(false, &possible, true).await;
                }
                Err(error) if error.kind() == StoreErrorKind::Unknown => {
                    let possible = possible.clone();
                    if self.audit(false, &possible, false).await && !possible.is_empty() {
                        self.settled.insert(id);
                    }
                    continue;
                }
                Ok(_) => {
                    self.audit(false, &none, false).await;
                }
                Err(_) => {
                    self.audit(false, &none, false).await;
                    return; // it was never asked
                }
            }
            self.settled.insert(id);
            self.held.remove(&id);
            return;
        }
    }

    async fn post(&mut self) {
        let number = self.trouble.below(30);
        let counters = [Dimension::ImgStorage, Dimension::ImgBandwidth];
        let dimension = counters[(number % 2) as usize];
        let posting = Posting {
            key: PostingKey::new("simulation", &format!("{}:{number}", self.seed)),
            account: self.account,
            dimension,
            tally: None,
            delta: i64::from(number % 7 * 9) - 10,
            reason: PostingReason::Meter,
            happened_at: self.now,
        };
        let key = Counter::Dimension(dimension)
            .key_at(self.now)
            .expect("it is kept");
        let delta = Sums::from([(key, i128::from(posting.delta))]);
        let asked = self.trouble.ask(self.store.post(&posting, self.now)).await;
        let fresh = !self.posted.contains(&number);
        let happened = match asked {
            Ok(crate::Posted::Done { .. }) if !fresh => self.fail("I5", "a key is used twice"),
            Ok(crate::Posted::Done { .. }) => self.audit(false, &delta, true).await,
            Err(error) if error.kind() == StoreErrorKind::Unknown && fresh => {
                self.audit(false, &delta, false).await
            }
            Ok(crate::Posted::Used) | Err(_) => {
                self.audit(false, &Sums::new(), false).await;
                false
            }
        };
        if happened {
            self.posted.insert(number);
        }
    }

    async fn limits(&mut self, max: u32) {
        let all = |limits: Limits, dimension| limits.with(dimension, Limit::Max(Amount::from(max)));
        let limits = SetLimits {
            account: self.account,
            limits: Dimension::ALL.into_iter().fold(Limits::NOTHING, all),
            open_reservations: Amount::from(4),
        };
        while self
            .trouble
            .ask(self.store.set_limits(&limits, self.now))
            .await
            .is_err()
        {}
        self.audit(false, &Sums::new(), false).await;
    }

    /// Compares the ledger with what may have happened; answers whether the change has. `sure` says that it must have.
    async fn audit(&mut self, asks: bool, change: &Sums, sure: bool) -> bool {
        let facts = answer(self.store.facts(self.account, self.now).await);
        let Some(facts) = facts else { return false };
        self.examine(&facts, self.now, false);
        for (key, (cell, _)) in &facts.cells {
            let taken = cell.taken();
            let more = self.before.get(key).is_none_or(|before| *before < taken);
            if asks && more && cell.limit.max().is_some_and(|max| max < taken) {
                self.fail("I2", &format!("{key:?} is {cell:?}"));
            }
        }
        self.before = facts
            .cells
            .iter()
            .map(|(key, (cell, _))| (*key, cell.taken()))
            .collect();
        let counted = facts
            .cells
            .iter()
            .filter(|(key, _)| key.counter != Counter::OpenReservations);
        let found: Sums = counted
            .map(|(key, (cell, _))| (*key, i128::from(cell.used.get())))
            .filter(|(_, used)| *used != 0)
            .collect();
        let mut after = self.used.clone();
        for (key, delta) in change {
            *after.entry(*key).or_default() += delta;
        }
        after.retain(|_, used| *used != 0);
        let happened = found == after;
        if !happened && (sure || found != self.used) {
            self.fail(
                "I1",
                &format!("used is {found:?}, not {after:?} or {:?}", self.used),
            );
        }
        self.used = found;
        self.told(&facts).await;
        happened
    }

    fn examine(&self, facts: &AccountFacts, now: Timestamp, stuck: bool) {
        let mut findings = facts.examine(now);
        findings.retain(|it| stuck || !matches!(it.fault, crate::audit::Fault::Stuck { .. }));
        if !findings.is_empty() {
            self.fail("I1", &format!("{findings:?}"));
        }
    }

    /// Each alert once, and one at least as high as any level that is reached in an open window.
    async fn told(&self, facts: &AccountFacts) {
        let alerts = answer(self.store.alerts(self.account).await);
        let names: BTreeSet<_> = alerts.iter().map(crate::Alert::key).collect();
        if names.len() != alerts.len() {
            self.fail("I10", "an alert is told twice");
        }
        let standard = Thresholds::standard();
        for (key, (cell, _)) in &facts.cells {
            let (Counter::Dimension(dimension), Some(limit)) = (key.counter, cell.limit.max())
            else {
                continue;
            };
            let over = key.window.end().is_some_and(|end| end <= self.now);
            let used = u128::from(cell.used.get());
            let reached = |level: &&u16| {
                used > 0 && used * 1_000 >= u128::from(limit.get()) * u128::from(**level)
            };
            let told = |level: &u16| {
                alerts.iter().any(|it| {
                    it.dimension == dimension && it.window == key.window && it.permille >= *level
                })
            };
            let highest = standard.of(dimension).iter().rev().find(reached);
            if !over && highest.is_some_and(|level| !told(level)) {
                self.fail("I10", &format!("nobody was told of {key:?} {cell:?}"));
            }
        }
    }

    /// When faults stop, what was forgotten ends by itself, a full quota of the dead admits the next, and every recount is even.
    async fn end(&mut self) {
        self.trouble.over = true;
        self.limits(1_000_000).await;
        self.now = self.latest.saturating_add(TTL + Duration::from_secs(60));
        answer(self.store.sweep(100, self.now).await);
        let facts = answer(self.store.facts(self.account, self.now).await).expect("it is known");
        self.examine(&facts, self.now, true);
        if !facts.pending.is_empty() {
            self.fail("I16", "something is still held");
        }
        for dimension in [Dimension::ImgStorage, Dimension::DocCount] {
            self.recount(dimension).await;
        }
        for number in 0..8 {
            let request = Reserve {
                id: self.id(1_000_000 + number),
                account: self.account,
                request: RequestHash([2; 32]),
                items: Items::new([]).expect("none"),
                tally: None,
                expires_after: TTL,
            };
            if number == 4 {
                self.now = self.now.saturating_add(TTL);
            }
            let reserved = answer(self.store.reserve(&request, self.now).await);
            if !matches!(reserved, Reserved::Admitted(_)) {
                self.fail("I16", &format!("the dead are in the way: {reserved:?}"));
            }
        }
        self.now = self.now.saturating_add(TTL);
        answer(self.store.sweep(100, self.now).await);
    }

    async fn recount(&self, dimension: Dimension) {
        let counter = Counter::Dimension(dimension);
        let key = counter.key_at(self.now).expect("a level");
        let used = self.used.get(&key).copied().unwrap_or(0);
        let recount = Recount {
            key: PostingKey::new("recount", &format!("{}:{dimension}", self.seed)),
            account: self.account,
            counter,
            seen: answer(self.store.seen(self.account, counter).await),
            truth: Amount::saturating(u64::try_from(used).expect("never negative")),
            force: true,
        };
        let found: Result<Recounted, StoreError> = self.store.correct(&recount, self.now).await;
        if answer(found) != Recounted::Even {
            self.fail("I15", &format!("{dimension} has drifted"));
        }
    }

    fn fail(&self, invariant: &str, why: &str) -> ! {
        panic!("seed {}, step {}: {invariant}: {why}", self.seed, self.step)
    }
}
