//! Tencent COS.
//!
//! What is signed: the method in lower case, the path as it is decoded, the whole query, and those headers that have a meaning for COS,
//! among them `host`. The signature says from when to when it holds, by the signer's clock.

use picora_core::Timestamp;
use secrecy::ExposeSecret;

use crate::{Credentials, Request, encode, mac};

/// From when to when a signature holds, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From then on, inclusive. A minute before the present is usual: clocks differ.
    pub from: Timestamp,
    /// Until then.
    pub until: Timestamp,
}

/// The headers that sign a request, to be sent beside its own: `authorization`, and the token of a temporary key, which is signed, too.
#[must_use]
pub fn headers(
    credentials: &Credentials,
    request: &Request<'_>,
    span: Span,
) -> Vec<(&'static str, String)> {
    let token = credentials.token.as_ref();
    let token = token.map(|token| token.expose_secret().to_owned());
    let mut all = request.headers.to_vec();
    all.extend(token.as_deref().map(|token| (TOKEN, token)));
    let request = Request {
        headers: &all,
        ..*request
    };
    let pairs = sign(credentials, &request, span).into_iter();
    let pairs: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut added = vec![("authorization", pairs.join("&"))];
    added.extend(token.map(|token| (TOKEN, token)));
    added
}

/// What is added to the query of a URL that anybody may use for the span. Headers that are part of `request` must be sent as they are.
#[must_use]
pub fn query(
    credentials: &Credentials,
    request: &Request<'_>,
    span: Span,
) -> Vec<(&'static str, String)> {
    let token = credentials.token.as_ref();
    let token = token.map(|token| token.expose_secret().to_owned());
    let mut all = request.query.to_vec();
    all.extend(token.as_deref().map(|token| (TOKEN, token)));
    let request = Request {
        query: &all,
        ..*request
    };
    let mut added = sign(credentials, &request, span);
    added.extend(token.map(|token| (TOKEN, token)));
    added
}

/// The parts of a signature, in their order.
fn sign(
    credentials: &Credentials,
    request: &Request<'_>,
    span: Span,
) -> Vec<(&'static str, String)> {
    let query = Listed::of(request.query.iter().copied());
    let signed = request.headers.iter().copied();
    let headers = Listed::of(signed.filter(|(name, _)| is_signed(name)));
    let canonical = format!(
        "{}\n/{}\n{}\n{}\n",
        request.method.to_ascii_lowercase(),
        request.key,
        query.pairs,
        headers.pairs
    );
    let time = format!("{};{}", span.from.unix_seconds(), span.until.unix_seconds());
    let digest = mac::digest_sha1(canonical.as_bytes());
    let text = format!("sha1\n{time}\n{digest}\n");
    let key = mac::sha1_hex(
        credentials.secret.expose_secret().as_bytes(),
        time.as_bytes(),
    );
    let signature = mac::sha1_hex(key.as_bytes(), text.as_bytes());
    vec![
        ("q-sign-algorithm", "sha1".to_owned()),
        ("q-ak", credentials.access_key_id.clone()),
        ("q-sign-time", time.clone()),
        ("q-key-time", time),
        ("q-header-list", headers.names),
        ("q-url-param-list", query.names),
        ("q-signature", signature),
    ]
}

/// Names, and names with their values, encoded and sorted by name.
struct Listed {
    names: String,
    pairs: String,
}

impl Listed {
    fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.map(|(name, value)| {
            let name = encode::component(name).to_lowercase();
            (name, encode::component(value))
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join("&");
        Self { names, pairs }
    }
}

/// **Source**: the list of the vendor's own SDKs.
fn is_signed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x-cos-") || SIGNED.contains(&name.as_str())
}

const SIGNED: [&str; 16] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "origin",
    "range",
    "transfer-encoding",
];

const TOKEN: &str = "x-cos-security-token";
