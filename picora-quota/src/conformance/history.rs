//! Random histories: whatever happens, a ledger answers what the [`Books`] answer.

use std::time::Duration;

use picora_core::{
    AdjustmentId, Amount, Dimension, Entropy, Limit, Limits, Posting, PostingKey, PostingReason,
    SeededEntropy, SetLimits, StoreError, Tally, Timestamp,
};

use super::{ACCOUNT, NOW, TTL, request, reservation_id};
use crate::{
    AccountFacts, Adjustment, Books, Cell, Counter, Grain, HistoryQuery, Item, Items, Ledger,
    LedgerReports, LimitChange, Recount, Seen,
};

/// Three hundred random steps, the clock going both ways; every answer and every number is that of the books.
///
/// Ranges that a plan never has (limits of a few units, few ids) make collisions likely. The seed is in the panic's text.
pub async fn agrees_with_the_books<S: Ledger + LedgerReports>(store: &S) {
    follows_the_books(store, 0x5eed).await;
}

/// The same for any seed, for a longer soak.
pub async fn follows_the_books<S: Ledger + LedgerReports>(store: &S, seed: u64) {
    let chance = Chance(SeededEntropy::new(seed));
    let mut books = Books::default();
    let mut now = NOW;
    for step in 0..300 {
        now = chance.later(now);
        let (ours, theirs) = chance.act(store, &mut books, now).await;
        assert_eq!(
            ours, theirs,
            "seed {seed:#x}, step {step}: the store, then the books"
        );
        let usage = store.usage(ACCOUNT, now).await.expect("usage answers");
        assert_eq!(
            usage,
            books.usage(ACCOUNT, now),
            "seed {seed:#x}, after step {step}"
        );
        if step % 10 == 0 {
            agrees_on_the_past(store, &books, now, &format!("seed {seed:#x}, step {step}")).await;
        }
    }
}

/// What the ledger tells of the past and of itself is what the books tell, and nothing in it is broken.
async fn agrees_on_the_past<S: LedgerReports>(store: &S, books: &Books, now: Timestamp, at: &str) {
    let told = store.alerts(ACCOUNT).await.expect("alerts are told");
    assert_eq!(told, books.alerts(ACCOUNT), "{at}: alerts");
    let adjustments = store.adjustments(ACCOUNT).await.expect("they are told");
    assert_eq!(adjustments, books.adjustments(ACCOUNT), "{at}: adjustments");
    for grain in [Grain::Hour, Grain::Day, Grain::Month] {
        let query = HistoryQuery {
            counters: Counter::limits(&Limits::NOTHING, Limit::NOTHING)
                .map(|(counter, _)| counter)
                .collect(),
            from: now.saturating_sub(Duration::from_secs(40 * 86_400)),
            until: now,
            grain,
        };
        let history = store.history(ACCOUNT, &query).await.expect("a history");
        assert_eq!(history, books.history(ACCOUNT, &query), "{at}: {grain:?}");
    }
    // A database makes cells, and limits of nothing, when it is asked for them; the books when something moves.
    let touched = |facts: Option<AccountFacts>| {
        facts.map(|mut facts| {
            let moved = |cell: &Cell, sum: i128| cell.taken() > Amount::ZERO || sum != 0;
            facts.cells.retain(|_, (cell, sum)| moved(cell, *sum));
            facts
        })
    };
    let facts = touched(store.facts(ACCOUNT, now).await.expect("facts"));
    let expected = touched(books.facts(ACCOUNT, now).expect("small numbers"));
    if expected.is_some() {
        assert_eq!(facts, expected, "{at}: facts");
    }
    let mut findings = facts.map_or_else(Vec::new, |facts| facts.examine(now));
    findings.retain(|finding| !matches!(finding.fault, crate::audit::Fault::Stuck { .. })); // nobody sweeps for days here
    assert_eq!(findings, [], "{at}");
}

struct Chance(SeededEntropy);

impl Chance {
    fn below(&self, bound: u32) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) % bound
    }

    /// Usually a little later, sometimes days, sometimes earlier.
    fn later(&self, now: Timestamp) -> Timestamp {
        match self.below(12) {
            0 => now.saturating_add(Duration::from_secs(u64::from(self.below(3 * 86_400)))),
            1 => now.saturating_sub(Duration::from_secs(u64::from(self.below(3_600)))),
            _ => now.saturating_add(Duration::from_secs(u64::from(self.below(400)))),
        }
    }

    fn dimension(&self) -> Dimension {
        Dimension::ALL[self.below(9) as usize]
    }

    fn items(&self) -> Items {
        let item = || {
            let (most, least) = (Amount::from(self.below(9)), Amount::from(self.below(9)));
            Item::up_to(self.dimension(), most, least)
        };
        Items::new((0..=self.below(3)).map(|_| item())).expect("small amounts")
    }

    /// One step on both; their answers as text, so that one comparison fits all.
    async fn act<S: Ledger + LedgerReports>(
        &self,
        store: &S,
        books: &mut Books,
        now: Timestamp,
    ) -> (String, String) {
        let id = reservation_id(u64::from(self.below(40)));
        match self.below(20) {
            0..6 => {
                let asked = crate::Reserve {
                    id,
                    items: self.items(),
                    tally: [None, Some(Tally::AudioStorage), Some(Tally::AudioBandwidth)]
                        [self.below(3) as usize],
                    ..request(0, [])
                };
                (
                    tell(store.reserve(&asked, now).await),
                    tell(books.reserve(&asked, now)),
                )
            }
            6 => {
                let totals = self.items();
                (
                    tell(store.extend(id, &totals, now).await),
                    tell(books.extend(id, &totals, now)),
                )
            }
            7..10 => {
                let actual: Vec<_> = (0..self.below(2))
                    .map(|_| (self.dimension(), Amount::from(self.below(9))))
                    .collect();
                (
                    tell(store.commit(id, &actual, now).await),
                    tell(books.commit(id, &actual, now)),
                )
            }
            10 => (
                tell(store.release(id, now).await),
                tell(books.release(id, now)),
            ),
            11 => (
                tell(store.heartbeat(id, TTL, now).await),
                tell(books.heartbeat(id, TTL, now)),
            ),
            12 => {
                let dimension = self.dimension();
                let posting = Posting {
                    key: PostingKey::new("history", &self.below(60)),
                    account: ACCOUNT,
                    dimension,
                    tally: Tally::ALL
                        .into_iter()
                        .find(|it| it.dimension() == dimension && self.below(2) == 0),
                    delta: i64::from(self.below(20)) - 12,
                    reason: PostingReason::Reconcile,
                    happened_at: now,
                };
                (
                    tell(store.post(&posting, now).await),
                    tell(books.post(&posting, now)),
                )
            }
            13 => {
                let limits =
                    Dimension::ALL
                        .into_iter()
                        .fold(Limits::NOTHING, |limits, dimension| {
                            let limit = if self.below(8) == 0 {
                                Limit::Unlimited
                            } else {
                                Limit::Max(Amount::from(self.below(30)))
                            };
                            limits.with(dimension, limit)
                        });
                let change = SetLimits {
                    account: ACCOUNT,
                    limits,
                    open_reservations: Amount::from(self.below(6)),
                };
                (
                    tell(store.set_limits(&change, now).await),
                    tell(books.set_limits(&change, now)),
                )
            }
            14 => self.adjust(store, books, now).await,
            15 => {
                let id = self.adjustment_id();
                (
                    tell(store.withdraw(ACCOUNT, id, now).await),
                    tell(books.withdraw(ACCOUNT, id, now)),
                )
            }
            16 => {
                let counter = Counter::Dimension(self.dimension());
                let theirs = books.seen(ACCOUNT, counter);
                let recount = self.recount(theirs, counter);
                let ours = store.seen(ACCOUNT, counter).await.expect("it is seen");
                (
                    tell(store.correct(&recount(ours), now).await),
                    tell(books.correct(&recount(theirs), now)),
                )
            }
            17 => (
                tell(store.refresh(100, now).await),
                tell(books.refresh(100, now)),
            ),
            18 => (
                tell(store.sweep(100, now).await),
                tell(books.sweep(100, now)),
            ),
            _ => (
                tell(store.prune(100, now).await),
                tell(Ok::<_, StoreError>(books.prune(100, now))),
            ),
        }
    }
}

impl Chance {
    fn adjustment_id(&self) -> AdjustmentId {
        AdjustmentId::from_bytes(u128::from(self.below(12)).to_be_bytes())
    }

    async fn adjust(
        &self,
        store: &dyn Ledger,
        books: &mut Books,
        now: Timestamp,
    ) -> (String, String) {
        let some = Amount::from(self.below(20));
        let from = now.saturating_add(Duration::from_secs(u64::from(self.below(90_000))));
        let lasts = Duration::from_secs(u64::from(self.below(90_000)));
        let adjustment = Adjustment {
            id: self.adjustment_id(),
            account: ACCOUNT,
            dimension: self.dimension(),
            change: if self.below(2) == 0 {
                LimitChange::Grant(some)
            } else {
                LimitChange::Override(Limit::Max(some))
            },
            from: from.saturating_sub(Duration::from_secs(3_600)),
            until: (self.below(3) > 0).then(|| from.saturating_add(lasts)),
            reason: "chance".to_owned(),
        };
        (
            tell(store.adjust(&adjustment, now).await),
            tell(books.adjust(&adjustment, now)),
        )
    }

    /// Sometimes stale, sometimes far off; the same on both but for how often each has moved.
    fn recount(&self, seen: Seen, counter: Counter) -> impl Fn(Seen) -> Recount + use<> {
        let stale = u64::from(self.below(8) == 0);
        let (number, force) = (self.below(60), self.below(3) == 0);
        let truth = Amount::saturating(seen.used.get() + u64::from(self.below(3)));
        move |seen| Recount {
            key: PostingKey::new("recount", &number),
            account: ACCOUNT,
            counter,
            seen: Seen {
                moves: seen.moves + stale,
                ..seen
            },
            truth,
            force,
        }
    }
}

/// An answer as text; all failures of the books are numbers out of range, and so must the store's be.
fn tell<T: std::fmt::Debug, E: std::fmt::Display>(answer: Result<T, E>) -> String {
    answer.map_or_else(
        |_| "out of range".to_owned(),
        |answer| format!("{answer:?}"),
    )
}
