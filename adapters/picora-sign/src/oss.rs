//! Aliyun OSS, signature version 4.
//!
//! What is signed: the method, `/bucket/key` also on a domain of one's own, the whole query, every `x-oss-` header, `content-type` and
//! `content-md5`, and no body (`UNSIGNED-PAYLOAD`: its CRC-64 is compared instead). No list of additional headers is sent: OSS refuses an
//! empty one (0002-00000209).

use std::time::Duration;

use picora_core::Timestamp;
use secrecy::ExposeSecret;

use crate::request::sorted;
use crate::stamp::{date, stamp};
use crate::{Credentials, Request, encode, mac};

/// The headers that sign a request, to be sent beside its own: `x-oss-date`, `x-oss-content-sha256`, the token of a temporary key, and
/// `authorization`. `region` is that of the bucket, such as `cn-hangzhou`.
///
/// OSS takes them for 15 minutes around `now`.
#[must_use]
pub fn headers(
    credentials: &Credentials,
    region: &str,
    request: &Request<'_>,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let stamp = stamp(now);
    let mut added = vec![
        ("x-oss-content-sha256", UNSIGNED.to_owned()),
        ("x-oss-date", stamp.clone()),
    ];
    if let Some(token) = &credentials.token {
        added.push(("x-oss-security-token", token.expose_secret().to_owned()));
    }
    let own = request.headers.iter().copied();
    let all: Vec<_> = own
        .chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
    let whole = Request {
        headers: &all,
        ..*request
    };
    let signature = signature(credentials, region, &whole, &stamp, &[]);
    let (id, scope) = (&credentials.access_key_id, scope(&stamp, region));
    added.push((
        "authorization",
        format!("{VERSION} Credential={id}/{scope},Signature={signature}"),
    ));
    added
}

/// What is added to the query of a URL that anybody may use until `expires_after` has passed, at most seven days.
///
/// A header that is part of `request` must be sent as it is by whoever uses the URL, if it is one that is signed.
#[must_use]
pub fn query(
    credentials: &Credentials,
    region: &str,
    request: &Request<'_>,
    now: Timestamp,
    expires_after: Duration,
) -> Vec<(&'static str, String)> {
    let stamp = stamp(now);
    let id = &credentials.access_key_id;
    let mut added = vec![
        (
            "x-oss-credential",
            format!("{id}/{}", scope(&stamp, region)),
        ),
        ("x-oss-date", stamp.clone()),
        (
            "x-oss-expires",
            expires_after.min(LONGEST).as_secs().to_string(),
        ),
    ];
    if let Some(token) = &credentials.token {
        added.push(("x-oss-security-token", token.expose_secret().to_owned()));
    }
    added.push(("x-oss-signature-version", VERSION.to_owned()));
    let own = request.query.iter().copied();
    let all: Vec<_> = own
        .chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
    let whole = Request {
        query: &all,
        ..*request
    };
    let signature = signature(credentials, region, &whole, &stamp, &[]);
    added.push(("x-oss-signature", signature));
    added
}

/// The signature of a request to which all that is signed has been added, for whoever verifies one. `stamp` is its `x-oss-date`;
/// `additional` are the names of further headers that are signed, in lower case and sorted.
#[must_use]
pub fn signature(
    credentials: &Credentials,
    region: &str,
    request: &Request<'_>,
    stamp: &str,
    additional: &[&str],
) -> String {
    let canonical = canonical(request, additional);
    let scope = scope(stamp, region);
    let digest = mac::digest_sha256(canonical.as_bytes());
    let text = format!("{VERSION}\n{stamp}\n{scope}\n{digest}");
    let secret = format!("aliyun_v4{}", credentials.secret.expose_secret());
    let key = [date(stamp), region, PRODUCT, REQUEST]
        .iter()
        .fold(secret.into_bytes(), |key, part| {
            mac::sha256(&key, part.as_bytes())
        });
    mac::hex(&mac::sha256(&key, text.as_bytes()))
}

/// The request as OSS writes it down before it digests it.
fn canonical(request: &Request<'_>, additional: &[&str]) -> String {
    let path = if request.bucket.is_empty() {
        "/".to_owned()
    } else {
        encode::path(&format!("/{}/{}", request.bucket, request.key))
    };
    let pairs = request.query.iter();
    let pairs = pairs.map(|(name, value)| (encode::component(name), encode::component(value)));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    let pairs = pairs.into_iter().map(|(name, value)| {
        if value.is_empty() {
            name
        } else {
            format!("{name}={value}")
        }
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    let headers = request.headers.iter().copied();
    let signed = sorted(headers.filter(|(name, _)| {
        is_signed(name) || additional.iter().any(|it| it.eq_ignore_ascii_case(name))
    }));
    let headers = signed.iter();
    let headers = headers.map(|(name, value)| format!("{name}:{}\n", value.trim()));
    let headers: String = headers.collect();
    let (method, additional) = (request.method, additional.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{additional}\n{UNSIGNED}")
}

fn is_signed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-oss-") || name == "content-type" || name == "content-md5"
}

fn scope(stamp: &str, region: &str) -> String {
    format!("{}/{region}/{PRODUCT}/{REQUEST}", date(stamp))
}

const VERSION: &str = "OSS4-HMAC-SHA256";
const PRODUCT: &str = "oss";
const REQUEST: &str = "aliyun_v4_request";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// OSS refuses longer ones.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
