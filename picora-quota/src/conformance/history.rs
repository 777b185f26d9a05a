//! Random histories: whatever happens, a ledger answers what the [`Books`] answer.

use std::time::Duration;

use picora_core::{
    Amount, Dimension, Entropy, Limit, Limits, Posting, PostingKey, PostingReason, SeededEntropy,
    SetLimits, StoreError, Timestamp,
};

use super::{ACCOUNT, NOW, TTL, request, reservation_id};
use crate::{Books, Item, Items, Ledger};

/// Three hundred random steps, the clock going both ways; every answer and every number is that of the books.
///
/// Ranges that a plan never has (limits of a few units, few ids) make collisions likely. The seed is in the panic's text.
pub async fn agrees_with_the_books(store: &dyn Ledger) {
    follows_the_books(store, 0x5eed).await;
}

/// The same for any seed, for a longer soak.
pub async fn follows_the_books(store: &dyn Ledger, seed: u64) {
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
    }
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
    async fn act(&self, store: &dyn Ledger, books: &mut Books, now: Timestamp) -> (String, String) {
        let id = reservation_id(u64::from(self.below(40)));
        match self.below(16) {
            0..6 => {
                let asked = crate::Reserve {
                    id,
                    items: self.items(),
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
                let posting = Posting {
                    key: PostingKey::new("history", &self.below(60)),
                    account: ACCOUNT,
                    dimension: self.dimension(),
                    delta: i64::from(self.below(20)) - 12,
                    reason: PostingReason::Reconcile,
                    happened_at: now,
                };
                (
                    tell(store.post(&posting, now).await),
                    tell(books.post(&posting)),
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
                books.set_limits(&change);
                (
                    tell(store.set_limits(&change, now).await),
                    tell(Ok::<_, StoreError>(())),
                )
            }
            14 => (
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

/// An answer as text; all failures of the books are numbers out of range, and so must the store's be.
fn tell<T: std::fmt::Debug, E: std::fmt::Display>(answer: Result<T, E>) -> String {
    answer.map_or_else(
        |_| "out of range".to_owned(),
        |answer| format!("{answer:?}"),
    )
}
