//! A key of an echo, its value, and how long it lives.

use std::time::Duration;

use picora_core::{AccountId, Amount, CalendarMonth, Timestamp};

use super::Snapshot;

/// How long a key of a month lives after each write: 45 days (#188, C24).
pub const MONTHLY_LIFE: Duration = Duration::from_secs(3_888_000);

/// How long a leased status lives at most (C6).
pub const STATUS_LIFE: Duration = Duration::from_secs(60);

/// Which number of an account a key holds, in the order of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `quota:video_status:{userId}`.
    VideoStatus,
    /// `quota:img_storage:{userId}`.
    ImageStorage,
    /// `quota:img_bandwidth:{userId}:{YYYY-MM}`.
    ImageBandwidth,
    /// `quota:video_storage:{userId}`.
    VideoStorage,
    /// `quota:video_bandwidth:{userId}:{YYYY-MM}`.
    VideoBandwidth,
    /// `quota:audio_storage:{userId}`.
    AudioStorage,
    /// `quota:audio_bandwidth:{userId}:{YYYY-MM}`.
    AudioBandwidth,
    /// `quota:doc_count:{userId}`.
    Documents,
}

impl Slot {
    /// All of them; the status first, for it is what others wait for.
    pub const ALL: [Self; 8] = [
        Self::VideoStatus,
        Self::ImageStorage,
        Self::ImageBandwidth,
        Self::VideoStorage,
        Self::VideoBandwidth,
        Self::AudioStorage,
        Self::AudioBandwidth,
        Self::Documents,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::VideoStatus => "video_status",
            Self::ImageStorage => "img_storage",
            Self::ImageBandwidth => "img_bandwidth",
            Self::VideoStorage => "video_storage",
            Self::VideoBandwidth => "video_bandwidth",
            Self::AudioStorage => "audio_storage",
            Self::AudioBandwidth => "audio_bandwidth",
            Self::Documents => "doc_count",
        }
    }

    /// Whether its key ends with the month.
    #[must_use]
    pub const fn is_monthly(self) -> bool {
        matches!(
            self,
            Self::ImageBandwidth | Self::VideoBandwidth | Self::AudioBandwidth
        )
    }

    /// The number that it holds; none for the status.
    #[must_use]
    pub const fn amount(self, of: &Snapshot) -> Option<Amount> {
        Some(match self {
            Self::VideoStatus => return None,
            Self::ImageStorage => of.image_storage,
            Self::ImageBandwidth => of.image_bandwidth,
            Self::VideoStorage => of.video_storage,
            Self::VideoBandwidth => of.video_bandwidth,
            Self::AudioStorage => of.audio_storage,
            Self::AudioBandwidth => of.audio_bandwidth,
            Self::Documents => of.documents,
        })
    }
}

/// How long an echo keeps a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusLife {
    /// For [`STATUS_LIFE`], at most to the end of the month, and written anew each time.
    Leased,
    /// To the end of the month, and written when it flips: where writes are few.
    Flips,
}

/// How long a key lives from when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has no time to live.
    Forever,
    /// So long after the write.
    For(Duration),
    /// Up to an instant.
    Until(Timestamp),
}

/// One key as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which number it is.
    pub slot: Slot,
    /// The key, under 80 bytes.
    pub key: String,
    /// A plain decimal number, or the name of a status.
    pub value: String,
    /// How long it lives.
    pub life: Life,
}

/// The key of a number of an account; `month` is in the keys of bandwidths alone.
///
/// ```
/// use picora_core::{AccountId, CalendarMonth};
/// use picora_quota::echo::{Slot, key};
/// let (account, april) = (AccountId::from_bytes([0; 16]), CalendarMonth::parse("2026-04").unwrap());
/// assert_eq!(key(Slot::ImageStorage, account, april), format!("quota:img_storage:{account}"));
/// assert_eq!(key(Slot::ImageBandwidth, account, april), format!("quota:img_bandwidth:{account}:2026-04"));
/// ```
#[must_use]
pub fn key(slot: Slot, account: AccountId, month: CalendarMonth) -> String {
    let name = slot.name();
    if slot.is_monthly() {
        format!("quota:{name}:{account}:{month}")
    } else {
        format!("quota:{name}:{account}")
    }
}

/// All keys that an echo may hold of an account at `now`: of the month after, of this one, and of those whose keys can still live.
#[must_use]
pub fn keys_of(account: AccountId, now: Timestamp) -> Vec<String> {
    let oldest = CalendarMonth::of(now.saturating_sub(MONTHLY_LIFE));
    let next = CalendarMonth::of(CalendarMonth::of(now).end());
    let mut keys = Vec::new();
    for slot in Slot::ALL {
        if !slot.is_monthly() {
            keys.push(key(slot, account, next));
            continue;
        }
        let mut month = oldest;
        // What is late is counted in the month before the oldest, too (C25).
        keys.push(key(
            slot,
            account,
            CalendarMonth::of(oldest.start().saturating_sub(Duration::from_secs(1))),
        ));
        while month <= next {
            keys.push(key(slot, account, month));
            month = CalendarMonth::of(month.end());
        }
    }
    keys
}

/// What an echo writes of a snapshot.
///
/// **Boundaries**: the status of a month that has ended is not written at all; its bandwidths are, under their own month's keys.
/// **Source**: rows #187–#191, C6, C7, C24.
#[must_use]
pub fn entries(snapshot: &Snapshot, status: StatusLife, now: Timestamp) -> Vec<Entry> {
    let written = Slot::ALL.into_iter().filter_map(|slot| {
        let life = match slot {
            Slot::VideoStatus => status_life(snapshot.month, status, now)?,
            _ if slot.is_monthly() => Life::For(MONTHLY_LIFE),
            _ => Life::Forever,
        };
        let value = match slot.amount(snapshot) {
            Some(amount) => amount.get().to_string(),
            None => snapshot.video_status.to_owned(),
        };
        let key = key(slot, snapshot.account, snapshot.month);
        Some(Entry {
            slot,
            key,
            value,
            life,
        })
    });
    written.collect()
}

fn status_life(month: CalendarMonth, status: StatusLife, now: Timestamp) -> Option<Life> {
    let left = month.end().saturating_since(now);
    if left < SHORTEST_STATUS {
        return None;
    }
    Some(match status {
        StatusLife::Leased => Life::For(left.min(STATUS_LIFE)),
        StatusLife::Flips => Life::Until(month.end()),
    })
}

/// Caches count milliseconds.
const SHORTEST_STATUS: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
