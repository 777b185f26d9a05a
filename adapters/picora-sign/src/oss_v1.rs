//! Aliyun OSS, signature version 1, for buckets that are old enough.
//!
//! New accounts and new buckets refuse it since 2025; [`oss`](crate::oss) is for all that take version 4. What is signed: the method,
//! `content-md5`, `content-type`, the date, every `x-oss-` header, and `/bucket/key` as it is decoded, with those pairs of the query that name
//! a part of the object. Neither the rest of the query nor the host is, nor any region.

use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use picora_core::Timestamp;
use secrecy::ExposeSecret;

use crate::request::sorted;
use crate::{Credentials, Request, mac};

/// The headers that sign a request, to be sent beside its own: `date`, the token of a temporary key, and `authorization`.
///
/// OSS takes them for 15 minutes around `now`.
#[must_use]
pub fn headers(
    credentials: &Credentials,
    request: &Request<'_>,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let date = date(now);
    let token = credentials.token.as_ref();
    let token = token.map(|token| token.expose_secret().to_owned());
    let mut all = request.headers.to_vec();
    all.extend(
        token
            .as_deref()
            .map(|token| ("x-oss-security-token", token)),
    );
    let request = Request {
        headers: &all,
        ..*request
    };
    let signature = signature(credentials, &request, &date);
    let id = &credentials.access_key_id;
    let mut added = vec![
        ("authorization", format!("OSS {id}:{signature}")),
        ("date", date),
    ];
    added.extend(token.map(|token| ("x-oss-security-token", token)));
    added
}

/// What is added to the query of a URL that anybody may use until `expires_after` has passed, in whole seconds.
///
/// A header that is part of `request` must be sent as it is by whoever uses the URL, if it is one that is signed.
#[must_use]
pub fn query(
    credentials: &Credentials,
    request: &Request<'_>,
    now: Timestamp,
    expires_after: Duration,
) -> Vec<(&'static str, String)> {
    let expires = now.saturating_add(expires_after).unix_seconds().to_string();
    let token = credentials.token.as_ref();
    let token = token.map(|token| token.expose_secret().to_owned());
    let mut all = request.query.to_vec();
    all.extend(token.as_deref().map(|token| ("security-token", token)));
    let request = Request {
        query: &all,
        ..*request
    };
    let signature = signature(credentials, &request, &expires);
    let mut added = vec![
        ("OSSAccessKeyId", credentials.access_key_id.clone()),
        ("Expires", expires),
        ("Signature", signature),
    ];
    added.extend(token.map(|token| ("security-token", token)));
    added
}

/// The signature of a request to which all that is signed has been added, for whoever verifies one. `date` is its `date`; for a URL, the
/// second at which it expires.
#[must_use]
pub fn signature(credentials: &Credentials, request: &Request<'_>, date: &str) -> String {
    let headers = sorted(request.headers.iter().copied());
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| *value)
    };
    let vendors = headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-oss-"));
    let vendors: String = vendors
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let text = format!(
        "{}\n{}\n{}\n{date}\n{vendors}{}",
        request.method,
        value("content-md5"),
        value("content-type"),
        resource(request)
    );
    let secret = credentials.secret.expose_secret();
    BASE64_STANDARD.encode(mac::sha1(secret.as_bytes(), text.as_bytes()))
}

/// `/bucket/key?part=value`, nothing of it encoded.
fn resource(request: &Request<'_>) -> String {
    let parts = request.query.iter();
    let mut parts: Vec<_> = parts.filter(|(name, _)| is_signed(name)).collect();
    parts.sort();
    let parts = parts.into_iter().map(|(name, value)| match *value {
        "" => (*name).to_owned(),
        value => format!("{name}={value}"),
    });
    let parts = parts.collect::<Vec<_>>().join("&");
    let mark = if parts.is_empty() { "" } else { "?" };
    let (bucket, key) = (request.bucket, request.key);
    format!("/{bucket}/{key}{mark}{parts}")
}

/// `Sun, 29 Nov 2026 04:10:15 GMT`.
fn date(now: Timestamp) -> String {
    let since = Duration::from_secs(now.unix_seconds().try_into().unwrap_or(0));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since.min(LATEST))
}

fn is_signed(name: &str) -> bool {
    SIGNED.contains(&name) || name.starts_with("response-")
}

/// The end of the year 9999, as far as such dates go.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

/// Those of the query that name a part of what is asked for and that any adapter could send. **Source**: the vendor's "Include a V1 signature"
/// and its own clients.
const SIGNED: [&str; 26] = [
    "acl",
    "append",
    "bucketInfo",
    "callback",
    "callback-var",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "objectMeta",
    "partNumber",
    "position",
    "restore",
    "security-token",
    "sequential",
    "stat",
    "symlink",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
    "versions",
    "x-oss-process",
    "x-oss-traffic-limit",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_as_http_has_it_within_four_digits_of_years() {
        let at = |seconds| date(Timestamp::from_unix_seconds(seconds));
        assert_eq!(at(1_795_255_200), "Sat, 21 Nov 2026 10:00:00 GMT");
        assert_eq!(at(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(Timestamp::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn only_parts_of_the_object_are_signed_of_a_query() {
        let query = [
            ("uploads", ""),
            ("prefix", "a"),
            ("acl", ""),
            ("response-expires", "0"),
        ];
        let request = Request {
            method: "GET",
            bucket: "photos",
            key: "a b/猫",
            query: &query,
            headers: &[],
        };
        assert_eq!(
            resource(&request),
            "/photos/a b/猫?acl&response-expires=0&uploads"
        );
    }
}
