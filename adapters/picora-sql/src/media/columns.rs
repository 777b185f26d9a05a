//! How values of the catalogue are written, and read back strictly.

use picora_core::{AccountId, AssetId, MediaKind, PlanId, ReservationId, Timestamp};
use picora_media::{Account, Asset, Role};

use crate::error::Fault;

/// A row of `picora_asset`, in the order in which all texts name its columns.
pub(super) type AssetRow = (
    String,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    String,
    i64,
    Vec<u8>,
    i64,
    String,
    i64,
);

/// A row of `picora_account`: id, plan, role, created_at, disabled_until.
pub(super) type AccountRow = (Vec<u8>, String, String, i64, Option<i64>);

pub(super) fn asset(row: AssetRow) -> Result<Asset, Fault> {
    let (
        kind,
        id,
        account,
        reservation,
        file_name,
        content_type,
        bytes,
        sha256,
        is_public,
        tags,
        created_at,
    ) = row;
    Ok(Asset {
        id: asset_id(&kind, &id)?,
        account: account_id(&account)?,
        reservation: ReservationId::from_bytes(exactly(&reservation)?),
        file_name,
        content_type,
        bytes: u64::try_from(bytes).map_err(|_| Fault::Corrupt("a size is negative"))?,
        sha256: exactly(&sha256)?,
        is_public: is_public != 0,
        tags: serde_json::from_str(&tags).map_err(|_| Fault::Corrupt("tags do not read back"))?,
        created_at: Timestamp::from_unix_micros(created_at),
    })
}

pub(super) fn account(row: AccountRow) -> Result<Account, Fault> {
    let (id, plan, role, created_at, disabled_until) = row;
    Ok(Account {
        id: account_id(&id)?,
        plan: PlanId::from_name(&plan).ok_or(Fault::Corrupt("a plan has an unknown name"))?,
        role: Role::from_name(&role).ok_or(Fault::Corrupt("a role has an unknown name"))?,
        created_at: Timestamp::from_unix_micros(created_at),
        disabled_until: disabled_until.map(Timestamp::from_unix_micros),
    })
}

pub(super) fn asset_id(kind: &str, bytes: &[u8]) -> Result<AssetId, Fault> {
    let kind = MediaKind::from_name(kind).ok_or(Fault::Corrupt("a kind has an unknown name"))?;
    Ok(AssetId::from_bytes(kind, exactly(bytes)?))
}

pub(super) fn account_id(bytes: &[u8]) -> Result<AccountId, Fault> {
    Ok(AccountId::from_bytes(exactly(bytes)?))
}

pub(super) fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes
        .try_into()
        .map_err(|_| Fault::Corrupt("an id or a hash has a wrong length"))
}

pub(super) fn tags(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("texts are always JSON")
}

/// A size as its column holds it.
pub(super) fn size(bytes: u64) -> Result<i64, Fault> {
    i64::try_from(bytes).map_err(|_| Fault::Range(picora_core::AmountError::TooLarge))
}
