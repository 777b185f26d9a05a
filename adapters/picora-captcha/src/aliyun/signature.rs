//! Aliyun's signature of version 3: `ACS3-HMAC-SHA256`.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use picora_core::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What makes a request one that was not sent before: Aliyun refuses a repeated nonce, and a time that is 15 minutes off.
#[derive(Clone, Debug)]
pub(super) struct Once {
    pub(super) at: Timestamp,
    pub(super) nonce: String,
}

/// A request that is ready to be sent.
pub(super) struct Signed {
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Signed {
    /// Signs the call of `VerifyIntelligentCaptcha` with this form as its body.
    pub(super) fn new(
        host: &str,
        body: String,
        once: &Once,
        key_id: &str,
        secret: &SecretString,
    ) -> Self {
        // In the order of their names, in which they are signed.
        let mut headers = vec![
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
            ("host", host.to_owned()),
            ("x-acs-action", "VerifyIntelligentCaptcha".to_owned()),
            ("x-acs-content-sha256", hex(&Sha256::digest(&body))),
            ("x-acs-date", to_the_second(once.at)),
            ("x-acs-signature-nonce", once.nonce.clone()),
            ("x-acs-version", "2023-03-05".to_owned()),
        ];
        let by_name: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let authorization = authorization(&by_name, &Sha256::digest(&body), key_id, secret);
        headers.push(("authorization", authorization));
        Self { body, headers }
    }
}

/// The `Authorization` of a `POST /` without a query. The headers are in lower case and in order.
///
/// **Source**: Alibaba Cloud, "V3 request structure and signature".
pub(super) fn authorization(
    headers: &[(&str, &str)],
    body_digest: &[u8],
    key_id: &str,
    secret: &SecretString,
) -> String {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(body_digest));
    let to_sign = format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(to_sign.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    format!("{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}")
}

/// The fields as a form.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

fn encoded(value: &str) -> String {
    // No other byte becomes `%20`: a percent sign is `%25`.
    utf8_percent_encode(value, RESERVED)
        .to_string()
        .replace("%20", "+")
}

/// Digits of a digest or a nonce.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_the_second(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let (seconds, _) = text.split_once('.').unwrap_or((&text, ""));
    format!("{seconds}Z")
}

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
