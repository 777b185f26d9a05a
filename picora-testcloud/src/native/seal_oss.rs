//! Whether a request to Aliyun is signed.

use std::time::Duration;

use picora_core::Timestamp;
use picora_sign::{Request, oss};

use crate::answer::Refusal;
use crate::call::Call;
use crate::cloud::REGION;
use crate::keys::{Keys, Unknown};

/// A signature as a request brings it.
struct Seal {
    credential: String,
    signature: String,
    stamp: String,
    additional: Vec<String>,
    /// For URLs: how long it holds.
    expires: Option<Duration>,
}

/// Verifies the signature of a request.
pub(super) fn verify(call: &Call, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
    let seal = match call.asked("x-oss-signature") {
        Some(signature) => in_query(call, signature)?,
        None => in_header(call)?,
    };
    let mut scope = seal.credential.split('/');
    let (id, date) = (
        scope.next().unwrap_or_default(),
        scope.next().unwrap_or_default(),
    );
    let token = call.header(TOKEN).or(call.asked(TOKEN));
    let credentials = keys.owner(id, token, now).map_err(unknown)?;
    if scope.next() != Some(REGION) {
        let message = format!("Invalid signing region in Authorization header, expected {REGION}.");
        return Err(Refusal::new(400, "InvalidArgument", message).numbered("0002-00000226"));
    }
    if scope.next() != Some("oss")
        || scope.next() != Some("aliyun_v4_request")
        || !seal.stamp.starts_with(date)
    {
        return Err(malformed("The credential's scope is not one."));
    }
    timely(&seal, now)?;

    let query: Vec<_> = call
        .query
        .iter()
        .filter(|(name, _)| name != "x-oss-signature")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let texts = call.headers.iter();
    let texts = texts.filter_map(|(name, value)| {
        Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))
    });
    let headers: Vec<_> = texts.collect();
    let request = Request {
        method: call.method.as_str(),
        bucket: &call.bucket,
        key: &call.key,
        query: &query,
        headers: &headers,
    };
    let additional: Vec<&str> = seal.additional.iter().map(String::as_str).collect();
    if oss::signature(&credentials, REGION, &request, &seal.stamp, &additional) == seal.signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    Err(Refusal::new(403, "SignatureDoesNotMatch", message))
}

fn unknown(unknown: Unknown) -> Refusal {
    let (code, message) = match unknown {
        Unknown::Key => (
            "InvalidAccessKeyId",
            "The OSS Access Key Id you provided does not exist in our records.",
        ),
        Unknown::Token => (
            "InvalidSecurityToken",
            "The security token you provided is invalid.",
        ),
        Unknown::Expired => (
            "SecurityTokenExpired",
            "The security token you provided has expired.",
        ),
    };
    Refusal::new(403, code, message)
}

fn in_header(call: &Call) -> Result<Seal, Refusal> {
    let Some(text) = call.header("authorization") else {
        let message = "You have no right to access this object because of bucket acl.";
        return Err(Refusal::new(403, "AccessDenied", message));
    };
    let Some(parts) = text.strip_prefix("OSS4-HMAC-SHA256 ") else {
        return Err(malformed("Only signature version 4 is taken."));
    };
    let (mut credential, mut signature, mut additional) = (None, None, Vec::new());
    for part in parts.split(',').map(str::trim) {
        match part.split_once('=') {
            Some(("Credential", value)) => credential = Some(value.to_owned()),
            Some(("Signature", value)) => signature = Some(value.to_owned()),
            Some(("AdditionalHeaders", value)) if !value.is_empty() => {
                additional = value.split(';').map(str::to_owned).collect();
            }
            _ => return Err(malformed("The authorization header is not one.")),
        }
    }
    let stamp = call.header("x-oss-date").map(str::to_owned);
    let payload = call.header("x-oss-content-sha256");
    match (credential, signature, stamp, payload) {
        (Some(credential), Some(signature), Some(stamp), Some("UNSIGNED-PAYLOAD")) => Ok(Seal {
            credential,
            signature,
            stamp,
            additional,
            expires: None,
        }),
        _ => Err(malformed("A part of the signature is missing.")),
    }
}

fn in_query(call: &Call, signature: &str) -> Result<Seal, Refusal> {
    let part = |name| {
        call.asked(name)
            .map(str::to_owned)
            .ok_or_else(|| malformed("A part of the signature is missing."))
    };
    let expires: u64 = part("x-oss-expires")?
        .parse()
        .map_err(|_| malformed("x-oss-expires is no number."))?;
    let additional = call
        .asked("x-oss-additional-headers")
        .unwrap_or_default()
        .split(';');
    Ok(Seal {
        credential: part("x-oss-credential")?,
        signature: signature.to_owned(),
        stamp: part("x-oss-date")?,
        additional: additional
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect(),
        expires: Some(Duration::from_secs(expires)),
    })
}

/// Headers hold for 15 minutes around their time, URLs from their time until their end.
fn timely(seal: &Seal, now: Timestamp) -> Result<(), Refusal> {
    let signed = parsed(&seal.stamp).ok_or_else(|| malformed("x-oss-date is no time."))?;
    let early = signed.saturating_since(now);
    let late = now.saturating_since(signed);
    if early > SKEW || late > seal.expires.unwrap_or(SKEW) {
        return Err(match seal.expires {
            Some(_) => Refusal::new(403, "AccessDenied", "Request has expired."),
            None => Refusal::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
        });
    }
    Ok(())
}

/// `20261121T080000Z`.
fn parsed(stamp: &str) -> Option<Timestamp> {
    let digit = |range: std::ops::Range<usize>| stamp.get(range)?.parse::<u16>().ok();
    if stamp.len() != 16 || stamp.get(8..9) != Some("T") || !stamp.ends_with('Z') {
        return None;
    }
    let date = format!(
        "{}-{}-{}",
        stamp.get(..4)?,
        stamp.get(4..6)?,
        stamp.get(6..8)?
    );
    let day = picora_core::CalendarDay::parse(&date)?.start();
    let seconds = u64::from(digit(9..11)?) * 3_600
        + u64::from(digit(11..13)?) * 60
        + u64::from(digit(13..15)?);
    Some(day.saturating_add(Duration::from_secs(seconds)))
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "InvalidArgument", message)
}

const TOKEN: &str = "x-oss-security-token";
const SKEW: Duration = Duration::from_secs(15 * 60);
