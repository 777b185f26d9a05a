//! The four kinds of resource that the host stores.

use std::fmt;

use crate::{Dimension, Tally};

/// What a stored resource is.
///
/// ```
/// use picora_core::{Dimension, MediaKind};
/// assert_eq!(MediaKind::Audio.storage_dimension(), Some(Dimension::MediaStorage)); // video and audio share one pool (#179)
/// assert_eq!(MediaKind::Document.storage_dimension(), None); // documents count by number, not by bytes (#181)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// `img_…`
    Image,
    /// `vid_…`
    Video,
    /// `aud_…`
    Audio,
    /// `doc_…`: Markdown.
    Document,
}

impl MediaKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::Document];

    /// The name that is stored and logged.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }

    /// The prefix of its ids, without the underscore (C81).
    #[must_use]
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Image => "img",
            Self::Video => "vid",
            Self::Audio => "aud",
            Self::Document => "doc",
        }
    }

    /// The dimension that its stored bytes fall under; `None` for documents.
    #[must_use]
    pub const fn storage_dimension(self) -> Option<Dimension> {
        match self {
            Self::Image => Some(Dimension::ImgStorage),
            Self::Video | Self::Audio => Some(Dimension::MediaStorage),
            Self::Document => None,
        }
    }

    /// The dimension that its served bytes fall under; `None` for documents, which have no bandwidth quota (#43).
    #[must_use]
    pub const fn bandwidth_dimension(self) -> Option<Dimension> {
        match self {
            Self::Image => Some(Dimension::ImgBandwidth),
            Self::Video | Self::Audio => Some(Dimension::MediaBandwidth),
            Self::Document => None,
        }
    }

    /// The part of its storage dimension that is kept by itself (C7).
    #[must_use]
    pub const fn storage_tally(self) -> Option<Tally> {
        match self {
            Self::Audio => Some(Tally::AudioStorage),
            Self::Image | Self::Video | Self::Document => None,
        }
    }

    /// The part of its bandwidth dimension that is kept by itself (C7).
    #[must_use]
    pub const fn bandwidth_tally(self) -> Option<Tally> {
        match self {
            Self::Audio => Some(Tally::AudioBandwidth),
            Self::Image | Self::Video | Self::Document => None,
        }
    }

    /// The kind of that stored name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
