//! What SQL says of an account.

use picora_core::{AccountId, Amount, CalendarMonth, Timestamp};

/// An account's numbers at one epoch, as SQL told them in one read.
///
/// Units: storage and bandwidth in bytes, documents counted; bandwidth is that of `month`, a UTC calendar month. `epoch` is a number that
/// SQL raises with each change of the account: an echo of a lower one never replaces that of a higher one. `video_status` is the name that
/// the bandwidth rule gives, such as `ok`: nothing here reads it.
///
/// **Source**: rows #187–#191, C6, C7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose numbers.
    pub account: AccountId,
    /// Raised by SQL with each change.
    pub epoch: u64,
    /// When SQL was read.
    pub as_of: Timestamp,
    /// The month of the bandwidths and of the status.
    pub month: CalendarMonth,
    /// Bytes of images.
    pub image_storage: Amount,
    /// Bytes of videos alone.
    pub video_storage: Amount,
    /// Bytes of audio alone.
    pub audio_storage: Amount,
    /// How many documents.
    pub documents: Amount,
    /// Bytes of images that were delivered this month.
    pub image_bandwidth: Amount,
    /// Bytes of videos that were delivered this month.
    pub video_bandwidth: Amount,
    /// Bytes of audio that were delivered this month.
    pub audio_bandwidth: Amount,
    /// The name of the video status.
    pub video_status: &'static str,
}

impl Snapshot {
    /// Whether both say the same, whenever they were read.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let undated = |it: &Self| Self {
            as_of: Timestamp::EPOCH,
            epoch: 0,
            ..*it
        };
        undated(self) == undated(other)
    }

    /// Whether the status is another one than it was in `before`.
    #[must_use]
    pub fn flips(&self, before: &Self) -> bool {
        self.video_status != before.video_status
    }

    /// Whether this one is to be kept rather than `other`: the higher epoch, and of one epoch the later reading.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        (self.epoch, self.as_of) >= (other.epoch, other.as_of)
    }
}
