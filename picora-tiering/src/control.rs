//! How a store is asked for its tiers.

use async_trait::async_trait;
use object_store::path::Path;
use picora_core::{Amount, StoreError, Timestamp};

use crate::{Class, ObjectHeaders, Tier, TierCaps};

/// Tiers of a store whose bytes are reached through `object_store::ObjectStore`. Readers get no power to move.
///
/// **Errors**: [`StoreError`] of kind `Unknown` when the store may have done what it was asked: only a later [`probe`](Self::probe) tells,
/// and nothing may be concluded before. After every other kind nothing has changed.
#[async_trait]
pub trait TierControl: Send + Sync {
    /// What its tiers are like.
    fn caps(&self) -> TierCaps;

    /// How an object is; `None` when there is none. It moves nothing and costs one request.
    async fn probe(&self, key: &Path) -> Result<Option<Present>, StoreError>;

    /// Moves an object in place, if it is still the one of the guard, and sends its headers again.
    ///
    /// **Boundaries**: `headers` are all that it is served with afterwards: send those of the last [`probe`](Self::probe). Clouds move by a
    /// copy onto itself, which carries neither an object's own access list nor an encryption that was asked for it alone: leave both to
    /// the bucket.
    async fn set_tier(
        &self,
        key: &Path,
        to: Tier,
        guard: &Guard,
        headers: &ObjectHeaders,
    ) -> Result<Moved, StoreError>;

    /// Asks that an archived object be readable for so many days, at least one.
    async fn restore(
        &self,
        key: &Path,
        days: u16,
        speed: RestoreSpeed,
    ) -> Result<RestoreAck, StoreError>;
}

/// An object as the store describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// In which class it is.
    pub class: Class,
    /// Whether it is being restored, or was.
    pub restoring: Restoring,
    /// How many bytes it has.
    pub size: Amount,
    /// The store's name of this version of it, with its quotes.
    pub etag: Option<String>,
    /// The digest that the store keeps of its bytes, in decimal: CRC-64/XZ of OSS and COS, CRC-64/NVME of R2.
    pub crc64: Option<u64>,
    /// With what it is served.
    pub headers: ObjectHeaders,
}

impl Present {
    /// Whether these are the bytes that were there before, as a move must leave them: as many, and with the same digest. `None` when there
    /// are as many, and one of the two has no digest; then only reading tells.
    ///
    /// ```
    /// use picora_core::Amount;
    /// use picora_tiering::{ObjectHeaders, Present, Restoring, Tier};
    /// let hot = Present {
    ///     class: Tier::Hot.into(),
    ///     restoring: Restoring::No,
    ///     size: Amount::from(9),
    ///     etag: Some("\"1\"".to_owned()),
    ///     crc64: Some(11_051_210_869_376_104_954),
    ///     headers: ObjectHeaders::default(),
    /// };
    /// let moved = Present { class: Tier::Archive.into(), etag: Some("\"2\"".to_owned()), ..hot.clone() };
    /// assert_eq!(moved.same_bytes(&hot), Some(true));
    /// let other = Present { crc64: Some(1), ..hot.clone() };
    /// assert_eq!(other.same_bytes(&hot), Some(false));
    /// let (shorter, untold) = (Present { size: Amount::from(8), crc64: None, ..hot.clone() }, Present { crc64: None, ..hot.clone() });
    /// assert_eq!((shorter.same_bytes(&hot), untold.same_bytes(&hot)), (Some(false), None));
    /// ```
    #[must_use]
    pub fn same_bytes(&self, before: &Self) -> Option<bool> {
        if self.size != before.size {
            return Some(false);
        }
        Some(self.crc64? == before.crc64?)
    }
}

/// The state of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// None was asked for, or its days are over.
    No,
    /// It goes on.
    Ongoing,
    /// The bytes can be read until then, exclusive.
    ReadableUntil(Timestamp),
}

/// What an object must still be to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its version as it was probed.
    pub etag: String,
    /// Its size as it was probed.
    pub size: Amount,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// It is there now.
    Done,
    /// It is another version than the guard's; nothing changed.
    Changed,
    /// It is archived and must be restored first; nothing changed.
    Frozen,
    /// There is nothing at the key.
    Missing,
    /// It is larger than one copy takes ([`TierCaps::copy_limit`]); nothing changed.
    TooLarge,
}

/// How fast a restore shall be. Stores that know no speeds take them all alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreSpeed {
    /// Within minutes.
    #[default]
    Expedited,
    /// Within hours.
    Standard,
    /// When it suits the store.
    Bulk,
}

/// What a store says to the wish for a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RestoreAck {
    /// It has begun one.
    Accepted,
    /// One was going on already; nothing more is paid.
    InProgress,
    /// The object is readable already, and stays so for longer.
    Readable,
    /// It is not archived.
    NotArchived,
    /// There is nothing at the key.
    Missing,
}
