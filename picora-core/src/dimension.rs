//! The things that a plan limits.

use std::fmt;

use crate::{CalendarDay, CalendarMonth, Timestamp, Window};

/// One independent thing that a plan limits; going over one does not touch the others.
///
/// The order of the variants is the order in which stores lock their rows. **Source**: requirement rows #176–#184, C43.
///
/// ```
/// use picora_core::Dimension;
/// assert_eq!(Dimension::from_field("uploadsPerDay"), Some(Dimension::UploadsPerDay));
/// assert_eq!(Dimension::DocMaxFile.field(), "doc_max_file_bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// `img_storage_bytes`: bytes of all images of the account.
    ImgStorage,
    /// `img_bandwidth_bytes`: bytes of images served this month.
    ImgBandwidth,
    /// `media_storage_bytes`: bytes of all videos and audio files together.
    MediaStorage,
    /// `media_bandwidth_bytes`: bytes of video and audio served this month.
    MediaBandwidth,
    /// `doc_count_limit`: how many Markdown documents there are, whatever their size.
    DocCount,
    /// `doc_max_file_bytes`: the size of one document.
    DocMaxFile,
    /// `doc_max_images_per_doc`: how many images one document embeds.
    DocMaxImagesPerDoc,
    /// `uploadsPerDay`: uploads of any kind in a UTC day.
    UploadsPerDay,
    /// `uploadsPerMonth`: uploads of any kind in a UTC month.
    UploadsPerMonth,
}

/// What the number of a dimension counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes; a plan's "MB" is 2^20 of them (C28).
    Bytes,
    /// Things.
    Count,
}

/// How a dimension is measured, and so what makes its number fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A level: deleting lowers it. Its truth is the stored resources.
    Gauge,
    /// A sum that starts at zero every UTC day; deleting does not lower it.
    PerDay,
    /// A sum that starts at zero every UTC month; deleting does not lower it.
    PerMonth,
    /// A check of one item by itself; nothing is kept.
    PerItem,
}

impl Dimension {
    /// All of them, in the order in which stores lock their rows.
    pub const ALL: [Self; 9] = [
        Self::ImgStorage,
        Self::ImgBandwidth,
        Self::MediaStorage,
        Self::MediaBandwidth,
        Self::DocCount,
        Self::DocMaxFile,
        Self::DocMaxImagesPerDoc,
        Self::UploadsPerDay,
        Self::UploadsPerMonth,
    ];

    /// The name in a plan (`img_storage_bytes`, `uploadsPerDay`), which databases store as well.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::ImgStorage => "img_storage_bytes",
            Self::ImgBandwidth => "img_bandwidth_bytes",
            Self::MediaStorage => "media_storage_bytes",
            Self::MediaBandwidth => "media_bandwidth_bytes",
            Self::DocCount => "doc_count_limit",
            Self::DocMaxFile => "doc_max_file_bytes",
            Self::DocMaxImagesPerDoc => "doc_max_images_per_doc",
            Self::UploadsPerDay => "uploadsPerDay",
            Self::UploadsPerMonth => "uploadsPerMonth",
        }
    }

    /// The dimension of a plan field, if there is one of that name.
    #[must_use]
    pub fn from_field(field: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.field() == field)
    }

    /// The name in `meta.type` of a denial (`img_storage`, `uploads_per_day`; C43).
    #[must_use]
    pub const fn meta_type(self) -> &'static str {
        match self {
            Self::ImgStorage => "img_storage",
            Self::ImgBandwidth => "img_bandwidth",
            Self::MediaStorage => "media_storage",
            Self::MediaBandwidth => "media_bandwidth",
            Self::DocCount => "doc_count",
            Self::DocMaxFile => "doc_max_file",
            Self::DocMaxImagesPerDoc => "doc_max_images_per_doc",
            Self::UploadsPerDay => "uploads_per_day",
            Self::UploadsPerMonth => "uploads_per_month",
        }
    }

    /// What its number counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::ImgStorage
            | Self::ImgBandwidth
            | Self::MediaStorage
            | Self::MediaBandwidth
            | Self::DocMaxFile => Unit::Bytes,
            Self::DocCount
            | Self::DocMaxImagesPerDoc
            | Self::UploadsPerDay
            | Self::UploadsPerMonth => Unit::Count,
        }
    }

    /// How it is measured.
    #[must_use]
    pub const fn measure(self) -> Measure {
        match self {
            Self::ImgStorage | Self::MediaStorage | Self::DocCount => Measure::Gauge,
            Self::UploadsPerDay => Measure::PerDay,
            Self::ImgBandwidth | Self::MediaBandwidth | Self::UploadsPerMonth => Measure::PerMonth,
            Self::DocMaxFile | Self::DocMaxImagesPerDoc => Measure::PerItem,
        }
    }

    /// The window that an amount of this dimension falls into at `now`; `None` for a check of one item, which keeps nothing.
    ///
    /// **Boundaries**: a window includes its first microsecond and excludes the next window's. **Source**: #48, #208.
    #[must_use]
    pub fn window_at(self, now: Timestamp) -> Option<Window> {
        match self.measure() {
            Measure::Gauge => Some(Window::Always),
            Measure::PerDay => Some(Window::Day(CalendarDay::of(now))),
            Measure::PerMonth => Some(Window::Month(CalendarMonth::of(now))),
            Measure::PerItem => None,
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meta_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_in_declaration_order_so_that_it_can_index_limits() {
        for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension as usize, index);
            assert_eq!(Dimension::from_field(dimension.field()), Some(dimension));
        }
    }
}
