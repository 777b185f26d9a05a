//! A part of a meter's accounts, behind one lock.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use picora_core::{Amount, AssetId, Timestamp};

use crate::batch::{Counter, Sum};
use crate::{Access, Delivery};

/// What was counted since the last fold, and which accesses are no news.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    sums: HashMap<Counter, Sum>,
    news: Vec<Access>,
    /// When each asset was last news, for an hour.
    told: HashMap<AssetId, Timestamp>,
    /// The latest delivery since the last fold.
    latest: Timestamp,
}

impl Shard {
    pub(crate) fn record(&mut self, delivery: &Delivery) {
        self.latest = self.latest.max(delivery.at);
        self.touch(delivery);
        let Some((dimension, month)) = delivery.counts_for() else {
            return;
        };
        if delivery.bytes == 0 {
            return;
        }
        let tally = delivery.asset.kind().bandwidth_tally();
        let counter = (delivery.account, dimension, tally, month);
        let sum = self.sums.entry(counter).or_default();
        // The bound is not reached: it would take 4 EiB of one account between two folds.
        let bytes = sum.bytes.get().saturating_add(delivery.bytes);
        sum.bytes = Amount::saturating(bytes);
        sum.last = sum.last.max(delivery.at);
    }

    /// Notes an access unless the last one that was told is less than an hour ago. A clock that steps back tells nothing new.
    fn touch(&mut self, delivery: &Delivery) {
        let told = self.told.get(&delivery.asset);
        if told.is_some_and(|told| delivery.at < told.saturating_add(QUIET)) {
            return;
        }
        self.told.insert(delivery.asset, delivery.at);
        self.news.push(Access {
            asset: delivery.asset,
            account: delivery.account,
            at: delivery.at,
        });
    }

    /// Moves all of it out. What was told an hour or more before the latest of these deliveries is forgotten, so that memory is bounded
    /// by an hour's assets.
    pub(crate) fn drain_into(&mut self, sums: &mut Vec<(Counter, Sum)>, news: &mut Vec<Access>) {
        sums.extend(self.sums.drain());
        news.append(&mut self.news);
        let latest = mem::take(&mut self.latest); // a clock that was ahead once must not empty the memory at each fold
        self.told
            .retain(|_, told| latest < told.saturating_add(QUIET));
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.told.len()
    }
}

/// Last access is updated at most once per hour (C49).
const QUIET: Duration = Duration::from_secs(3_600);
