//! What an account's resources come to, beside what the ledger says they do.

use std::collections::BTreeMap;
use std::fmt;

use picora_core::{
    AccountId, Amount, AmountError, Dimension, Measure, MediaKind, PostingKey, Tally,
};
use picora_quota::{Counter, Recount, Seen};

/// An account's stored resources of one kind.
///
/// Only what is stored counts: an upload under way holds a reservation and uses nothing yet, and a removed resource was given back with
/// its row, whatever becomes of its bytes. **Units**: bytes of the originals; their sum may be beyond what the ledger can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    /// Of which kind.
    pub kind: MediaKind,
    /// How many.
    pub resources: u64,
    /// How many bytes they have together.
    pub bytes: u128,
}

/// All levels of an account, counted from its resources, with what the ledger held at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Whose.
    pub account: AccountId,
    /// Every level once, in the order of the counters.
    pub levels: Vec<Counted>,
}

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Of what.
    pub counter: Counter,
    /// What the resources come to.
    pub truth: Amount,
    /// What the ledger held.
    pub seen: Seen,
}

/// A level that is not what the resources come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub counter: Counter,
    /// What the ledger says.
    pub used: Amount,
    /// What the resources come to.
    pub truth: Amount,
}

impl Census {
    /// Counts. A level of which the ledger knows nothing is zero to it, and never moved.
    ///
    /// **Errors**: [`AmountError`] when the resources come to more than 2^62. **Source**: facts §6.6; #176–#184, C7.
    ///
    /// ```
    /// use picora_core::{AccountId, Dimension, MediaKind};
    /// use picora_media::{Census, Stock};
    /// use picora_quota::Counter;
    /// use std::collections::BTreeMap;
    /// let audio = Stock { kind: MediaKind::Audio, resources: 2, bytes: 50 };
    /// let video = Stock { kind: MediaKind::Video, resources: 1, bytes: 900 };
    /// let census = Census::of(AccountId::from_bytes([1; 16]), &[audio, video], &BTreeMap::new())?;
    /// let pool = census.level(Counter::Dimension(Dimension::MediaStorage)).unwrap();
    /// assert_eq!(pool.truth.get(), 950);
    /// # Ok::<(), picora_core::AmountError>(())
    /// ```
    pub fn of(
        account: AccountId,
        stocks: &[Stock],
        seen: &BTreeMap<Counter, Seen>,
    ) -> Result<Self, AmountError> {
        let mut totals: BTreeMap<Counter, u128> = levels().map(|counter| (counter, 0)).collect();
        for stock in stocks {
            let (dimension, amount) = used_by(stock.kind, stock.resources, stock.bytes);
            let tally = stock.kind.storage_tally().map(Counter::Tally);
            for counter in [Counter::Dimension(dimension)].into_iter().chain(tally) {
                let total = totals.entry(counter).or_default();
                *total = total.saturating_add(amount); // still far above what an amount can be
            }
        }
        let counted = |(counter, total): (Counter, u128)| {
            let total = u64::try_from(total).map_err(|_| AmountError::TooLarge)?;
            Ok(Counted {
                counter,
                truth: Amount::new(total)?,
                seen: seen.get(&counter).copied().unwrap_or(UNSEEN),
            })
        };
        let levels = totals.into_iter().map(counted).collect::<Result<_, _>>()?;
        Ok(Self { account, levels })
    }

    /// One level; `None` for what is none.
    #[must_use]
    pub fn level(&self, counter: Counter) -> Option<&Counted> {
        self.levels.iter().find(|level| level.counter == counter)
    }

    /// The levels that are not what the resources come to.
    pub fn miscounts(&self) -> impl Iterator<Item = Miscount> + '_ {
        let wrong = self.levels.iter().filter(|level| level.differs());
        wrong.map(|level| Miscount {
            account: self.account,
            counter: level.counter,
            used: level.seen.used,
            truth: level.truth,
        })
    }
}

impl Counted {
    /// Whether the ledger says another number.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.truth != self.seen.used
    }

    /// The correction to ask the ledger for, under this name.
    #[must_use]
    pub const fn recount(&self, account: AccountId, key: PostingKey, force: bool) -> Recount {
        Recount {
            key,
            account,
            counter: self.counter,
            seen: self.seen,
            truth: self.truth,
            force,
        }
    }
}

impl fmt::Display for Miscount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account,
            used,
            truth,
            ..
        } = self;
        let name = self.counter.name();
        write!(
            f,
            "{account} {name}: {used} is used, but the resources come to {truth}; reconcile it"
        )
    }
}

/// The dimension that stored resources of a kind use, and how much of it: their bytes, or for documents their number (#181).
#[must_use]
pub fn used_by(kind: MediaKind, resources: u64, bytes: u128) -> (Dimension, u128) {
    match kind.storage_dimension() {
        Some(dimension) => (dimension, bytes),
        None => (Dimension::DocCount, resources.into()),
    }
}

/// What can be counted again: the levels, not what windows sum up.
pub fn levels() -> impl Iterator<Item = Counter> {
    let is_level = |dimension: &Dimension| dimension.measure() == Measure::Gauge;
    let dimensions = Dimension::ALL.into_iter().filter(is_level);
    let tallies = Tally::ALL
        .into_iter()
        .filter(move |tally| is_level(&tally.dimension()));
    dimensions
        .map(Counter::Dimension)
        .chain(tallies.map(Counter::Tally))
}

const UNSEEN: Seen = Seen {
    used: Amount::ZERO,
    moves: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);

    fn stock(kind: MediaKind, resources: u64, bytes: u128) -> Stock {
        Stock {
            kind,
            resources,
            bytes,
        }
    }

    fn truths(stocks: &[Stock]) -> Vec<(&'static str, u64)> {
        let census = Census::of(ACCOUNT, stocks, &BTreeMap::new()).unwrap();
        let truth = |level: &Counted| (level.counter.name(), level.truth.get());
        census.levels.iter().map(truth).collect()
    }

    #[test]
    fn each_kind_counts_where_an_upload_charges_it() {
        let all = [
            stock(MediaKind::Image, 3, 1_000),
            stock(MediaKind::Video, 1, 500),
            stock(MediaKind::Audio, 2, 30),
            stock(MediaKind::Document, 7, 9_999),
        ];
        let expected = |image, media, documents, audio| {
            vec![
                ("img_storage_bytes", image),
                ("media_storage_bytes", media),
                ("doc_count_limit", documents),
                ("audio_storage_bytes", audio),
            ]
        };
        assert_eq!(truths(&all), expected(1_000, 530, 7, 30));
        assert_eq!(
            truths(&[]),
            expected(0, 0, 0, 0),
            "nothing stored is zero, not nothing"
        );
        let twice = [all[0], all[0]];
        assert_eq!(truths(&twice), expected(2_000, 0, 0, 0));
    }

    #[test]
    fn what_no_ledger_could_hold_is_an_error() {
        let most = u128::from(Amount::MAX.get());
        let of = |bytes| {
            Census::of(
                ACCOUNT,
                &[stock(MediaKind::Image, 1, bytes)],
                &BTreeMap::new(),
            )
        };
        assert!(of(most).is_ok());
        for bytes in [most + 1, u128::from(u64::MAX) + 1, u128::MAX] {
            assert!(of(bytes).is_err(), "{bytes}");
        }
        let both = [
            stock(MediaKind::Video, 1, u128::MAX),
            stock(MediaKind::Audio, 1, u128::MAX),
        ];
        assert!(Census::of(ACCOUNT, &both, &BTreeMap::new()).is_err());
    }

    #[test]
    fn a_miscount_names_both_numbers() {
        let counter = Counter::Dimension(Dimension::DocCount);
        let seen = Seen {
            used: Amount::from(4),
            moves: 9,
        };
        let documents = [stock(MediaKind::Document, 5, 1)];
        let census = Census::of(ACCOUNT, &documents, &BTreeMap::from([(counter, seen)])).unwrap();
        let told: Vec<_> = census.miscounts().map(|it| it.to_string()).collect();
        let sentence = "doc_count_limit: 4 is used, but the resources come to 5; reconcile it";
        assert_eq!(told, [format!("{ACCOUNT} {sentence}")]);
    }
}
