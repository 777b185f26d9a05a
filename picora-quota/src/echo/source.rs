//! What an echo is made of, and the port by which it is read.

use async_trait::async_trait;
use picora_core::{
    AccountId, Amount, CalendarMonth, Dimension, Limit, StoreError, Tally, Timestamp,
};

use super::Snapshot;
use crate::Counter;

/// An account's numbers at one epoch, and the limit that its status depends on.
///
/// **Units**: as in [`Snapshot`]. `epoch` is the sum of how often the counters of [`Numbers::COUNTERS`] and their limits were changed, in
/// all windows: it rises with each change, and nothing lowers it while the account lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Whose.
    pub account: AccountId,
    /// Rises with each change.
    pub epoch: u64,
    /// The month of what is counted by the month.
    pub month: CalendarMonth,
    /// What is used, in the order of [`Numbers::COUNTERS`]; by the month what is counted so.
    pub used: [Amount; 7],
    /// How much video and audio may be served in a month.
    pub video_limit: Limit,
}

impl Numbers {
    /// What an echo is made of.
    pub const COUNTERS: [Counter; 7] = [
        Counter::Dimension(Dimension::ImgStorage),
        Counter::Dimension(Dimension::ImgBandwidth),
        Counter::Dimension(Dimension::MediaStorage),
        Counter::Dimension(Dimension::MediaBandwidth),
        Counter::Dimension(Dimension::DocCount),
        Counter::Tally(Tally::AudioStorage),
        Counter::Tally(Tally::AudioBandwidth),
    ];

    /// Nothing used, nothing allowed.
    #[must_use]
    pub const fn nothing(account: AccountId, month: CalendarMonth) -> Self {
        Self {
            account,
            epoch: 0,
            month,
            used: [Amount::ZERO; 7],
            video_limit: Limit::NOTHING,
        }
    }

    /// Where a counter stands in `used`; `None` for one that no echo shows.
    #[must_use]
    pub fn place(counter: Counter) -> Option<usize> {
        Self::COUNTERS.iter().position(|it| *it == counter)
    }

    /// How much video and audio was served in the month.
    #[must_use]
    pub const fn played(&self) -> Amount {
        self.used[3]
    }

    /// The snapshot that says so; `status` is the name that the bandwidth rule gives.
    ///
    /// **Boundaries**: video is the pool without its audio (C7); a tally is never above its pool.
    #[must_use]
    pub fn snapshot(&self, status: &'static str, as_of: Timestamp) -> Snapshot {
        let [
            images,
            images_served,
            media,
            played,
            documents,
            audio,
            heard,
        ] = self.used;
        let without = |pool: Amount, part: Amount| {
            let rest = pool.get().saturating_sub(part.get());
            Amount::saturating(rest)
        };
        Snapshot {
            account: self.account,
            epoch: self.epoch,
            as_of,
            month: self.month,
            image_storage: images,
            video_storage: without(media, audio),
            audio_storage: audio,
            documents,
            image_bandwidth: images_served,
            video_bandwidth: without(played, heard),
            audio_bandwidth: heard,
            video_status: status,
        }
    }
}

/// Reads of the ledger for whoever keeps its echo. Each finds its rows by an index, however many accounts there are.
#[async_trait]
pub trait EchoSource: Send + Sync {
    /// Accounts whose numbers or limits were changed by steps of `since` or later, by id after `after`, at most `most`. It may name more.
    ///
    /// **Boundaries**: `since` is compared with the `now` that a step was given, and a step is seen once it is durable: one that began
    /// earlier may come to be seen later. Who reads on from his last reading reads a while back.
    async fn moved(
        &self,
        since: Timestamp,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// The numbers of these accounts, each read as of one moment, in any order; an account that the ledger does not know is missing.
    async fn numbers(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Numbers>, StoreError>;

    /// All accounts that the ledger knows, by id after `after`, at most `most`.
    async fn every(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError>;
}
