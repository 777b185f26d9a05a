//! Whether a request to one of Aliyun's old buckets is signed by the first version.

use std::time::{Duration, SystemTime};

use picora_core::Timestamp;
use picora_sign::{Credentials, Request, oss_v1};

use super::seal_oss::unknown;
use crate::answer::Refusal;
use crate::call::Call;
use crate::keys::Keys;

/// Whether it is signed so, rightly or wrongly.
pub(super) fn is_one(call: &Call) -> bool {
    let header = call.header("authorization");
    header.is_some_and(|it| it.starts_with("OSS ")) || call.asked("OSSAccessKeyId").is_some()
}

/// Verifies its signature.
pub(super) fn verify(call: &Call, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
    let missing = || {
        refused(
            400,
            "InvalidArgument",
            "A part of the signature is missing.",
        )
    };
    let (id, signature, date, token) = match call.asked("OSSAccessKeyId") {
        Some(id) => {
            let expires = call.asked("Expires").ok_or_else(missing)?;
            let signature = call.asked("Signature").ok_or_else(missing)?;
            (id, signature, expires, call.asked("security-token"))
        }
        None => {
            let seal = call.header("authorization").unwrap_or_default();
            let seal = seal.trim_start_matches("OSS ").split_once(':');
            let (id, signature) = seal.ok_or_else(missing)?;
            let date = call.header("x-oss-date").or(call.header("date"));
            let token = call.header("x-oss-security-token");
            (id, signature, date.ok_or_else(missing)?, token)
        }
    };
    let credentials = keys.owner(id, token, now).map_err(unknown)?;
    timely(call, date, now)?;
    if oss_v1_of(&credentials, call, date) == signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    Err(refused(403, "SignatureDoesNotMatch", message))
}

fn oss_v1_of(credentials: &Credentials, call: &Call, date: &str) -> String {
    let query = call.query.iter();
    let query: Vec<_> = query
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let headers = call.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))
    });
    let headers: Vec<_> = headers.collect();
    let request = Request {
        method: call.method.as_str(),
        bucket: &call.bucket,
        key: &call.key,
        query: &query,
        headers: &headers,
    };
    oss_v1::signature(credentials, &request, date)
}

/// Headers hold for 15 minutes around their date, URLs until their end.
fn timely(call: &Call, date: &str, now: Timestamp) -> Result<(), Refusal> {
    let wrong = || refused(403, "AccessDenied", "The date is none.");
    if call.asked("OSSAccessKeyId").is_some() {
        let end = date.parse().map_err(|_| wrong())?;
        if now.unix_seconds() <= end {
            return Ok(());
        }
        return Err(refused(403, "AccessDenied", "Request has expired."));
    }
    let signed = httpdate::parse_http_date(date).map_err(|_| wrong())?;
    let since = signed.duration_since(SystemTime::UNIX_EPOCH);
    let signed = Timestamp::EPOCH.saturating_add(since.unwrap_or_default());
    if signed
        .saturating_since(now)
        .max(now.saturating_since(signed))
        > SKEW
    {
        let message = "The difference between the request time and the current time is too large.";
        return Err(refused(403, "RequestTimeTooSkewed", message));
    }
    Ok(())
}

fn refused(status: u16, code: &'static str, message: &str) -> Refusal {
    Refusal::new(status, code, message)
}

/// What its URLs bring along.
pub(super) const QUERIES: [&str; 4] = ["Expires", "OSSAccessKeyId", "Signature", "security-token"];
const SKEW: Duration = Duration::from_secs(15 * 60);
