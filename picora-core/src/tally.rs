//! Numbers that are kept beside a dimension, without a limit of their own.

use std::fmt;

use crate::{Dimension, Unit};

/// A part of a dimension's number that somebody wants to see by itself.
///
/// Video and audio share one pool, whose limit is checked on the sum; how much of it is audio is kept here, in the same step, and what is
/// left is video. **Source**: C7.
///
/// ```
/// use picora_core::{Dimension, MediaKind, Tally};
/// assert_eq!(Tally::AudioStorage.dimension(), Dimension::MediaStorage);
/// assert_eq!(MediaKind::Audio.storage_tally(), Some(Tally::AudioStorage));
/// assert_eq!(MediaKind::Video.storage_tally(), None); // the pool less the audio
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tally {
    /// Bytes of audio files stored, of [`Dimension::MediaStorage`].
    AudioStorage,
    /// Bytes of audio served this month, of [`Dimension::MediaBandwidth`].
    AudioBandwidth,
}

impl Tally {
    /// All of them, in the order in which stores lock their rows.
    pub const ALL: [Self; 2] = [Self::AudioStorage, Self::AudioBandwidth];

    /// The dimension that it is a part of; they have the same windows.
    #[must_use]
    pub const fn dimension(self) -> Dimension {
        match self {
            Self::AudioStorage => Dimension::MediaStorage,
            Self::AudioBandwidth => Dimension::MediaBandwidth,
        }
    }

    /// The name that databases store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AudioStorage => "audio_storage_bytes",
            Self::AudioBandwidth => "audio_bandwidth_bytes",
        }
    }

    /// The tally of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tally| tally.name() == name)
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.dimension().unit()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
