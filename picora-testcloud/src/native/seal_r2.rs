//! Whether a request to Cloudflare is signed.

use std::time::Duration;

use picora_core::Timestamp;
use secrecy::ExposeSecret;

use crate::answer::Refusal;
use crate::call::Call;
use crate::cloud::REGION_R2;
use crate::keys::Keys;
use crate::sigv4::{self, Seal};

/// Verifies the signature of a request, in its header or in its query, and that its body is the signed one.
///
/// A key that nobody has and a token that is none are one and the same to Cloudflare: its page of errors knows no other code.
pub(super) fn verify(call: &Call, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
    let seal = Seal::of(call)?;
    let owner = keys.owner(&seal.access_key_id, seal.token.as_deref(), now);
    let unknown = |_| Refusal::new(401, "Unauthorized", "Unauthorized");
    let credentials = owner.map_err(unknown)?;
    if !REGIONS.contains(&seal.region.as_str()) {
        let message = format!(
            "The region name '{}' is not valid. Must be one of: {REGION_R2}",
            seal.region
        );
        return Err(Refusal::new(400, "InvalidRegionName", message));
    }
    timely(&seal, now)?;
    if seal.expected(call, credentials.secret.expose_secret())? != seal.signature {
        let message = "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.";
        return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    }
    sigv4::is_signed_body(&seal.payload, call)
}

/// Headers hold for 15 minutes around their time, URLs from their time until their end.
fn timely(seal: &Seal, now: Timestamp) -> Result<(), Refusal> {
    let signed = seal.signed_at().ok_or_else(|| {
        let message = "The time of the signature is none, such as 20261121T080000Z.";
        Refusal::new(403, "AccessDenied", message)
    })?;
    if seal
        .expires
        .is_some_and(|it| now.saturating_since(signed) > it)
    {
        return Err(Refusal::new(400, "ExpiredRequest", "Request has expired"));
    }
    let late = seal.expires.is_none() && now.saturating_since(signed) > SKEW;
    if late || signed.saturating_since(now) > SKEW {
        let message = "The difference between the request time and the server's time is too large.";
        return Err(Refusal::new(403, "RequestTimeTooSkewed", message));
    }
    Ok(())
}

const SKEW: Duration = Duration::from_secs(15 * 60);

/// The vendor's own, and what it takes from clients that cannot say so.
const REGIONS: [&str; 3] = [REGION_R2, "us-east-1", ""];
