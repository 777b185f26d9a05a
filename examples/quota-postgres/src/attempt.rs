//! The name of one request: it is made before the first try, and a repetition has the same.

use axum::http::HeaderMap;
use picora_core::{AccountId, ReservationId, Timestamp};
use picora_http::ApiError;
use sha2::{Digest, Sha256};

use crate::system::SystemEntropy;

/// The reservation that a request stands for: the client's `Idempotency-Key` in the scope of its account, or a fresh one.
///
/// **Boundaries**: a key is 1 to 255 visible ASCII characters. It lives a day, as outcomes do. Keys of a second route would need its name
/// in the hash.
pub(crate) fn id(
    headers: &HeaderMap,
    account: AccountId,
    now: Timestamp,
) -> Result<ReservationId, ApiError> {
    let Some(key) = headers.get("Idempotency-Key") else {
        return Ok(ReservationId::generate(now, &SystemEntropy));
    };
    if !(1..=255).contains(&key.len()) || !key.as_bytes().iter().all(u8::is_ascii_graphic) {
        let sentence = "`Idempotency-Key` is 1 to 255 visible ASCII characters";
        return Err(ApiError::invalid_request("Idempotency-Key", sentence));
    }
    let digest = Sha256::new()
        .chain_update(account.as_bytes()) // of fixed length, so that the two cannot be cut elsewhere
        .chain_update(key)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Ok(ReservationId::from_bytes(id))
}
