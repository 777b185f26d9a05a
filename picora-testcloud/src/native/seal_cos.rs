//! Whether a request to Tencent is signed.

use std::collections::BTreeMap;

use picora_core::Timestamp;
use picora_sign::cos::Span;
use picora_sign::{Credentials, Request, cos};

use crate::answer::Refusal;
use crate::call::Call;
use crate::keys::{Keys, Unknown};

/// Verifies the signature of a request, in its header or in its query.
pub(super) fn verify(call: &Call, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
    let in_query = call.asked("q-signature").is_some();
    let brought = if in_query {
        let pairs = call.query.iter();
        pairs
            .filter(|(name, _)| name.starts_with("q-"))
            .cloned()
            .collect()
    } else {
        in_header(call)?
    };
    let part = |name: &str| {
        let part = brought.get(name).map(String::as_str);
        part.ok_or_else(|| denied("A part of the signature is missing."))
    };
    let token = call.header(TOKEN).or(call.asked(TOKEN));
    let mut credentials = keys.owner(part("q-ak")?, token, now).map_err(unknown)?;
    credentials.token = None; // where it was brought, it is among what is signed
    let span = span(part("q-sign-time")?).ok_or_else(|| denied("q-sign-time is none."))?;
    if now < span.from || span.until <= now {
        let code = if in_query {
            "AccessDenied"
        } else {
            "RequestTimeTooSkewed"
        };
        return Err(Refusal::new(403, code, "Request has expired"));
    }
    let host = call.header("host").unwrap_or_default();
    // The vendor's client for Python leaves the port out, the one for Node.js does not; both are right.
    let without_port = host.rsplit_once(':').map_or(host, |(name, _)| name);
    for host in [host, without_port] {
        if expected(call, &credentials, &brought, span, host)? == brought {
            return Ok(());
        }
    }
    let message = "The Signature you specified is invalid.";
    Err(Refusal::new(403, "SignatureDoesNotMatch", message))
}

/// The parts of the signature that the request should bring, over those headers and pairs that it says are signed.
fn expected(
    call: &Call,
    credentials: &Credentials,
    brought: &BTreeMap<String, String>,
    span: Span,
    host: &str,
) -> Result<BTreeMap<String, String>, Refusal> {
    let list = |name: &str| {
        let names = brought.get(name).map(String::as_str).unwrap_or_default();
        names
            .split(';')
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
    };
    let names = list("q-header-list");
    if !names.contains(&"host") {
        return Err(denied("The header host is not signed."));
    }
    let mut headers = Vec::new();
    for name in names {
        let value = call.headers.get(name);
        let value = value.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let value = value.ok_or_else(|| denied("A header that is signed was not sent."))?;
        headers.push((name, if name == "host" { host } else { value }));
    }
    let params = list("q-url-param-list");
    let query: Vec<_> = call
        .query
        .iter()
        .filter(|(name, _)| {
            let name = picora_sign::encode::component(name).to_lowercase();
            params.contains(&name.as_str())
        })
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let request = Request {
        method: call.method.as_str(),
        bucket: &call.bucket,
        key: &call.key,
        query: &query,
        headers: &headers,
    };
    let signed = cos::query(credentials, &request, span).into_iter();
    Ok(signed
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// A temporary key whose time is over is not told apart from one that never was.
fn unknown(unknown: Unknown) -> Refusal {
    let (code, message) = match unknown {
        Unknown::Key | Unknown::Expired => (
            "InvalidAccessKeyId",
            "The Access Key Id you provided does not exist in our records",
        ),
        Unknown::Token => (
            "InvalidSecurityToken",
            "The security token you provided is invalid.",
        ),
    };
    Refusal::new(403, code, message)
}

fn in_header(call: &Call) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(text) = call.header("authorization") else {
        return Err(denied("Access Denied."));
    };
    let pairs = text.split('&').map(|pair| pair.split_once('='));
    let pairs = pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let pairs: Option<BTreeMap<_, _>> = pairs.collect();
    pairs.ok_or_else(|| denied("The authorization header is not one."))
}

/// `1795255140;1795255740`.
fn span(text: &str) -> Option<Span> {
    let (from, until) = text.split_once(';')?;
    Some(Span {
        from: Timestamp::from_unix_seconds(from.parse().ok()?),
        until: Timestamp::from_unix_seconds(until.parse().ok()?),
    })
}

fn denied(message: &str) -> Refusal {
    Refusal::new(403, "AccessDenied", message)
}

const TOKEN: &str = "x-cos-security-token";
