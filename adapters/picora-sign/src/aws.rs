//! Signature version 4 of AWS, as Cloudflare R2 and others take it for their S3 interface.
//!
//! What is signed: the method, `/bucket/key`, the whole query, all headers but those that proxies and clients write by themselves, and no
//! body (`UNSIGNED-PAYLOAD`: TLS guards it on its way, and its CRC-64 is compared instead).

use std::time::Duration;

use picora_core::Timestamp;
use secrecy::ExposeSecret;

use crate::request::sorted;
use crate::stamp::{date, stamp};
use crate::{Credentials, Request, encode, mac};

/// The headers that sign a request, to be sent beside its own: `x-amz-date`, `x-amz-content-sha256`, the token of a temporary key, and
/// `authorization`. The `host` must be among the request's own.
///
/// Servers take them for 15 minutes around `now`.
#[must_use]
pub fn headers(
    credentials: &Credentials,
    region: &str,
    request: &Request<'_>,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let stamp = stamp(now);
    let mut added = vec![
        ("x-amz-content-sha256", UNSIGNED.to_owned()),
        ("x-amz-date", stamp.clone()),
    ];
    if let Some(token) = &credentials.token {
        added.push(("x-amz-security-token", token.expose_secret().to_owned()));
    }
    let own = request.headers.iter().copied();
    let own = own.filter(|(name, _)| is_signed(name));
    let all: Vec<_> = own
        .chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
    let whole = Request {
        headers: &all,
        ..*request
    };
    let signature = signature(credentials, region, &whole, &stamp, UNSIGNED);
    let (id, scope, names) = (
        &credentials.access_key_id,
        scope(&stamp, region),
        names(&all),
    );
    added.push((
        "authorization",
        format!("{VERSION} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"),
    ));
    added
}

/// What is added to the query of a URL that anybody may use until `expires_after` has passed, at most seven days.
///
/// Headers of `request` must be sent as they are by whoever uses the URL; `host` must be among them.
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
    let own = request.headers.iter().copied();
    let signed: Vec<_> = own.filter(|(name, _)| is_signed(name)).collect();
    let mut added = vec![
        ("X-Amz-Algorithm", VERSION.to_owned()),
        (
            "X-Amz-Credential",
            format!("{id}/{}", scope(&stamp, region)),
        ),
        ("X-Amz-Date", stamp.clone()),
        (
            "X-Amz-Expires",
            expires_after.min(LONGEST).as_secs().to_string(),
        ),
    ];
    if let Some(token) = &credentials.token {
        added.push(("X-Amz-Security-Token", token.expose_secret().to_owned()));
    }
    added.push(("X-Amz-SignedHeaders", names(&signed)));
    let own = request.query.iter().copied();
    let all: Vec<_> = own
        .chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
    let whole = Request {
        query: &all,
        headers: &signed,
        ..*request
    };
    let signature = signature(credentials, region, &whole, &stamp, UNSIGNED);
    added.push(("X-Amz-Signature", signature));
    added
}

/// The signature of a request: its headers are exactly those that are signed, `stamp` is its `x-amz-date`, and `payload` its
/// `x-amz-content-sha256`.
#[must_use]
pub fn signature(
    credentials: &Credentials,
    region: &str,
    request: &Request<'_>,
    stamp: &str,
    payload: &str,
) -> String {
    let digest = mac::digest_sha256(canonical(request, payload).as_bytes());
    let scope = scope(stamp, region);
    let text = format!("{VERSION}\n{stamp}\n{scope}\n{digest}");
    let secret = format!("AWS4{}", credentials.secret.expose_secret());
    let key = [date(stamp), region, SERVICE, REQUEST]
        .iter()
        .fold(secret.into_bytes(), |key, part| {
            mac::sha256(&key, part.as_bytes())
        });
    mac::hex(&mac::sha256(&key, text.as_bytes()))
}

/// The request as the server writes it down before it digests it.
fn canonical(request: &Request<'_>, payload: &str) -> String {
    let path = match (request.bucket, request.key) {
        ("", key) => encode::path(&format!("/{key}")),
        (bucket, "") => encode::path(&format!("/{bucket}")),
        (bucket, key) => encode::path(&format!("/{bucket}/{key}")),
    };
    let pairs = request.query.iter();
    let pairs = pairs.map(|(name, value)| (encode::component(name), encode::component(value)));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    let query = pairs.collect::<Vec<_>>().join("&");
    let headers = sorted(request.headers.iter().copied());
    let headers = headers.iter().map(|(name, value)| {
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        format!("{name}:{value}\n")
    });
    let headers: String = headers.collect();
    let (method, names) = (request.method, names(request.headers));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{payload}")
}

fn names(headers: &[(&str, &str)]) -> String {
    let sorted = sorted(headers.iter().copied());
    let names = sorted.into_iter().map(|(name, _)| name);
    names.collect::<Vec<_>>().join(";")
}

/// What clients and proxies write or change by themselves cannot be signed.
fn is_signed(name: &str) -> bool {
    let own = [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "expect",
        "transfer-encoding",
        "user-agent",
    ];
    !own.iter().any(|it| name.eq_ignore_ascii_case(it))
}

fn scope(stamp: &str, region: &str) -> String {
    format!("{}/{region}/{SERVICE}/{REQUEST}", date(stamp))
}

const VERSION: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
const REQUEST: &str = "aws4_request";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Servers refuse longer ones.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Credentials {
        Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
    }

    const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");

    /// The first example of the vendor's page "Authenticating Requests: Using the Authorization Header".
    #[test]
    fn the_vendors_example_of_a_get() {
        let empty = mac::digest_sha256(b"");
        let request = Request {
            method: "GET",
            bucket: "",
            key: "test.txt",
            query: &[],
            headers: &[
                HOST,
                ("Range", "bytes=0-9"),
                ("x-amz-content-sha256", &empty),
                ("x-amz-date", "20130524T000000Z"),
            ],
        };
        assert_eq!(
            signature(
                &example(),
                "us-east-1",
                &request,
                "20130524T000000Z",
                &empty
            ),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    /// The example of the vendor's page "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_vendors_example_of_a_url() {
        let request = Request {
            method: "GET",
            bucket: "",
            key: "test.txt",
            query: &[],
            headers: &[HOST],
        };
        let at = Timestamp::from_unix_seconds(1_369_353_600);
        let day = Duration::from_secs(86_400);
        let signed = query(&example(), "us-east-1", &request, at, day);
        assert_eq!(
            signed.last().expect("it is signed"),
            &(
                "X-Amz-Signature",
                "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404".to_owned()
            )
        );
    }
}
