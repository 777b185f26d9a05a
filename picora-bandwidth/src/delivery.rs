//! Bytes that went to a viewer.

use picora_core::{AccountId, AssetId, CalendarMonth, Dimension, Timestamp};

/// A response, or a piece of one, that was really sent: status 200, 206 or 304.
///
/// **Units**: bytes of the body that left; a 304 has none and is an access all the same (C49). A response that runs over the end of a
/// month is recorded in pieces, each at its own time.
///
/// Reads of metadata, and thumbnails in the owner's dashboard, are no deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whose traffic it is: the owner of the asset, not the viewer.
    pub account: AccountId,
    /// What was sent.
    pub asset: AssetId,
    /// How many bytes.
    pub bytes: u64,
    /// When they were sent.
    pub at: Timestamp,
}

impl Delivery {
    /// The number that it adds to; `None` for documents, which have no bandwidth quota.
    ///
    /// **Boundaries**: the UTC month of the sending, whenever it is posted. **Source**: #43, #133, C25.
    ///
    /// ```
    /// use picora_bandwidth::Delivery;
    /// use picora_core::{AccountId, AssetId, CalendarMonth, Dimension, MediaKind, Timestamp};
    /// let sent = |kind, at| Delivery {
    ///     account: AccountId::from_bytes([1; 16]),
    ///     asset: AssetId::from_bytes(kind, [2; 16]),
    ///     bytes: 10,
    ///     at,
    /// };
    /// let april = CalendarMonth::parse("2026-04").unwrap();
    /// assert_eq!(sent(MediaKind::Audio, april.start()).counts_for(), Some((Dimension::MediaBandwidth, april)));
    /// assert_eq!(sent(MediaKind::Document, april.start()).counts_for(), None);
    /// ```
    #[must_use]
    pub fn counts_for(&self) -> Option<(Dimension, CalendarMonth)> {
        let dimension = self.asset.kind().bandwidth_dimension()?;
        Some((dimension, CalendarMonth::of(self.at)))
    }
}
