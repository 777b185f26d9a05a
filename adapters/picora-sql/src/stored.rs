//! How ids, hashes and lists are written, and read back strictly.

use picora_core::{AccountId, ReservationId};
#[cfg(feature = "media")]
use picora_core::{AssetId, MediaKind};
#[cfg(feature = "quota")]
use serde::Serialize;

use crate::error::Fault;

/// JSON, as rows hold lists and as SQLite takes them.
#[cfg(feature = "quota")]
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers are always JSON")
}

pub(crate) fn account(bytes: &[u8]) -> Result<AccountId, Fault> {
    Ok(AccountId::from_bytes(id(bytes)?))
}

pub(crate) fn reservation(bytes: &[u8]) -> Result<ReservationId, Fault> {
    Ok(ReservationId::from_bytes(id(bytes)?))
}

#[cfg(feature = "media")]
pub(crate) fn asset(kind: &str, bytes: &[u8]) -> Result<AssetId, Fault> {
    let kind = MediaKind::from_name(kind).ok_or(Fault::Corrupt("a kind has an unknown name"))?;
    Ok(AssetId::from_bytes(kind, id(bytes)?))
}

pub(crate) fn id(bytes: &[u8]) -> Result<[u8; 16], Fault> {
    let bytes = bytes.try_into();
    bytes.map_err(|_| Fault::Corrupt("an id is not 16 bytes long"))
}

pub(crate) fn hash(bytes: &[u8]) -> Result<[u8; 32], Fault> {
    let bytes = bytes.try_into();
    bytes.map_err(|_| Fault::Corrupt("a hash is not 32 bytes long"))
}
