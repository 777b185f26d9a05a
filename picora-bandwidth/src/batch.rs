//! What a meter hands to the ledger.

use std::fmt;

use picora_core::{
    AccountId, Amount, AssetId, CalendarMonth, Dimension, Entropy, Posting, PostingKey,
    PostingReason, Tally, Timestamp,
};

/// What was metered between two folds. Posting it twice is the same as once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which one it is, counted from 1 for each meter; what [`OriginMeter::acknowledge`](crate::OriginMeter::acknowledge) takes.
    pub number: u64,
    /// One for each account, dimension and month with traffic, in that order. None of them is zero.
    pub postings: Vec<Posting>,
    /// The assets that were seen for the first time in an hour, in the order of their ids.
    pub accesses: Vec<Access>,
}

/// News of an asset's last access, which starts its idle time again.
///
/// Whoever stores it keeps the latest, so that a repeat or a late one changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// What was read.
    pub asset: AssetId,
    /// Whose it is.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
}

/// The name of one run of one process, never used again: it makes the keys of its batches unique.
///
/// A process id will not do: it comes back, and the first batches of the second run would pass for those of the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterId([u8; 16]);

impl MeterId {
    /// Makes a new one, at start.
    ///
    /// **Shape**: 8 bytes of microseconds, 8 random bytes, written as 32 hexadecimal digits.
    #[must_use]
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let time = now.unix_micros().cast_unsigned(); // never negative
        Self((u128::from(time) << 64 | u128::from(u64::from_be_bytes(random))).to_be_bytes())
    }
}

impl fmt::Display for MeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for MeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One number that grows: whose, of what, in which month. Its order is the one in which stores lock their rows.
pub(crate) type Counter = (AccountId, Dimension, Option<Tally>, CalendarMonth);

/// The bytes of one counter since the last fold, and when the last of them were sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) bytes: Amount,
    pub(crate) last: Timestamp,
}

/// The posting of one counter in one batch, under `egress:{meter}:{batch}:{account}:{dimension or tally}:{month}`.
pub(crate) fn posting(meter: MeterId, number: u64, counter: Counter, sum: Sum) -> Posting {
    let (account, dimension, tally, month) = counter;
    let name = tally.map_or(dimension.field(), Tally::name);
    let subject = format!("{meter}:{number}:{account}:{name}:{month}");
    Posting {
        key: PostingKey::new("egress", &subject),
        account,
        dimension,
        tally,
        delta: sum.bytes.to_i64(),
        reason: PostingReason::Meter,
        happened_at: sum.last,
    }
}

#[cfg(test)]
mod tests {
    use picora_core::SeededEntropy;

    use super::*;

    /// A key is cut at 200 bytes, and what would be cut is what tells two postings apart.
    #[test]
    fn the_longest_key_is_whole() {
        let meter = MeterId::generate(Timestamp::MAX, &SeededEntropy::new(1));
        for dimension in Dimension::ALL {
            let counter = (
                AccountId::from_bytes([0xff; 16]),
                dimension,
                None,
                CalendarMonth::of(Timestamp::MAX),
            );
            let posting = posting(meter, u64::MAX, counter, Sum::default());
            assert!(posting.key.as_str().ends_with(":9999-12"));
        }
    }

    #[test]
    fn two_starts_in_one_microsecond_differ() {
        let entropy = SeededEntropy::new(1);
        let [a, b] = [0; 2].map(|_| MeterId::generate(Timestamp::EPOCH, &entropy));
        assert_ne!(a, b);
        assert_eq!(a.to_string().len(), 32);
    }
}
