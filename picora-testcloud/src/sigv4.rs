//! Signature version 4 as a server of the S3 dialect checks it: nothing is sent, and nothing is known of a vendor.
//!
//! **Source**: AWS, "Create a signed AWS API request" and "Authenticating Requests: Using Query Parameters"; both as S3 differs from the
//! other services: a path is encoded once, and a request says in its headers what its body digests to.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use picora_core::Timestamp;
use picora_sign::encode;
use sha2::{Digest, Sha256};

use crate::answer::Refusal;
use crate::call::Call;

/// A signature as a request brings it, with what it says is signed.
#[derive(Clone, Debug)]
pub struct Seal {
    /// Whose key signed.
    pub access_key_id: String,
    /// The day of the scope, such as `20261121`.
    pub day: String,
    /// The region of the scope.
    pub region: String,
    /// When it was signed, such as `20261121T080000Z`.
    pub stamp: String,
    /// The names of the headers that are signed, in lower case and in the order of the alphabet.
    pub signed: Vec<String>,
    /// In lower-case hexadecimal.
    pub signature: String,
    /// The token of a temporary key.
    pub token: Option<String>,
    /// What the body digests to, or why it is not said.
    pub payload: String,
    /// For URLs: how long it holds.
    pub expires: Option<Duration>,
}

impl Seal {
    /// Reads the signature of a request, in its header or in its query.
    ///
    /// **Errors**: the refusal of what is not well-formed, of a header `host` that is not signed, and of vendors' headers that are not.
    pub fn of(call: &Call) -> Result<Self, Refusal> {
        let seal = if call.asked("X-Amz-Signature").is_some() {
            in_query(call)?
        } else {
            in_header(call)?
        };
        let sorted = seal.signed.is_sorted_by(|one, next| one < next);
        let small = seal.signed.iter().all(|it| *it == it.to_ascii_lowercase());
        if !sorted || !small {
            return Err(malformed(
                "SignedHeaders must be in lower case and in the order of the alphabet.",
            ));
        }
        let mut names = call.headers.keys().map(http::HeaderName::as_str);
        let must = |name: &&str| *name == "host" || name.starts_with("x-amz-");
        let is_signed = |name: &str| seal.signed.iter().any(|it| it == name);
        match names.find(|name| must(name) && !is_signed(name)) {
            Some(name) => {
                let message = format!(
                    "There were headers present in the request which were not signed: {name}"
                );
                Err(Refusal::new(403, "AccessDenied", message))
            }
            None => Ok(seal),
        }
    }

    /// When it was signed; `None` when it is no time.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        let stamp = &self.stamp;
        let number = |range: std::ops::Range<usize>| {
            let digits = stamp.get(range)?;
            let digits = digits
                .bytes()
                .all(|it| it.is_ascii_digit())
                .then_some(digits);
            digits?.parse::<u64>().ok()
        };
        if stamp.len() != 16 || stamp.get(8..9) != Some("T") || !stamp.ends_with('Z') {
            return None;
        }
        let day = [stamp.get(..4)?, stamp.get(4..6)?, stamp.get(6..8)?].join("-");
        let day = picora_core::CalendarDay::parse(&day)?.start();
        let (hours, minutes, seconds) = (number(9..11)?, number(11..13)?, number(13..15)?);
        (hours < 24 && minutes < 60 && seconds < 60).then(|| {
            day.saturating_add(Duration::from_secs(hours * 3_600 + minutes * 60 + seconds))
        })
    }

    /// The signature that this request should bring, by the secret of its key.
    ///
    /// **Errors**: a header that is signed was not sent.
    pub fn expected(&self, call: &Call, secret: &str) -> Result<String, Refusal> {
        let scope = format!("{}/{}/s3/aws4_request", self.day, self.region);
        let canonical = hex(&Sha256::digest(self.canonical(call)?));
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{canonical}", self.stamp);
        let first = format!("AWS4{secret}").into_bytes();
        let steps = [self.day.as_str(), &self.region, "s3", "aws4_request", &text];
        let last = steps.into_iter().fold(first, |key, step| mac(&key, step));
        Ok(hex(&last))
    }

    /// The request as it is signed.
    fn canonical(&self, call: &Call) -> Result<String, Refusal> {
        let mut headers = String::new();
        for name in &self.signed {
            let mut values = Vec::new();
            for value in call.headers.get_all(name) {
                let text = String::from_utf8_lossy(value.as_bytes());
                values.push(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
            }
            if values.is_empty() {
                let message = format!("The header {name} is signed, and was not sent.");
                return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
            }
            headers.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let pairs = call
            .query
            .iter()
            .filter(|(name, _)| name != "X-Amz-Signature");
        let pairs = pairs.map(|(name, value)| (encode::component(name), encode::component(value)));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        let lines = [
            call.method.as_str(),
            &encode::path(&call.path),
            &pairs.collect::<Vec<_>>().join("&"),
            &headers,
            &self.signed.join(";"),
            &self.payload,
        ];
        Ok(lines.join("\n"))
    }
}

/// Whether a body is the one that a signature speaks of.
///
/// **Errors**: the refusal of another body, and of bodies in signed chunks, with or without a trailer, which only some vendors take.
pub fn is_signed_body(payload: &str, call: &Call) -> Result<(), Refusal> {
    if payload == UNSIGNED || digest_of_body(call).is_some_and(|it| it == payload) {
        return Ok(());
    }
    if payload.starts_with("STREAMING-") {
        let message = format!("{payload} not implemented");
        return Err(Refusal::new(501, "NotImplemented", message));
    }
    Err(if is_digest(payload) {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        Refusal::new(400, "XAmzContentSHA256Mismatch", message)
    } else {
        let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.";
        Refusal::new(400, "InvalidArgument", message)
    })
}

/// Whether this is what a body digests to, and no reason why that is not said.
pub(crate) fn is_digest(payload: &str) -> bool {
    payload.len() == 64 && payload.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Also of a body that was not kept; that of one that was not digested so is none.
fn digest_of_body(call: &Call) -> Option<String> {
    match &call.digests {
        Some(digests) => digests.sha256.map(|it| hex(&it)),
        None => Some(hex(&Sha256::digest(&call.body))),
    }
}

fn in_header(call: &Call) -> Result<Seal, Refusal> {
    let Some(text) = call.header("authorization") else {
        return Err(Refusal::new(400, "InvalidArgument", "Authorization"));
    };
    let Some(parts) = text.strip_prefix(ALGORITHM) else {
        let message = "Only signature version 4 is taken.";
        return Err(Refusal::new(401, "Unauthorized", message));
    };
    let (mut credential, mut signed, mut signature) = (None, None, None);
    for part in parts.split(',').map(str::trim) {
        let place = match part.split_once('=') {
            Some(("Credential", value)) => (&mut credential, value),
            Some(("SignedHeaders", value)) => (&mut signed, value),
            Some(("Signature", value)) => (&mut signature, value),
            _ => return Err(malformed("The authorization header is not one.")),
        };
        if place.0.replace(place.1).is_some() {
            return Err(malformed("The authorization header says something twice."));
        }
    }
    let (Some(credential), Some(signed), Some(signature)) = (credential, signed, signature) else {
        return Err(malformed("A part of the signature is missing."));
    };
    let needed = |name: &str| {
        let message = format!("Missing required header for this request: {name}");
        let value = call.header(name).map(str::to_owned);
        value.ok_or_else(|| Refusal::new(400, "InvalidRequest", message))
    };
    Seal {
        signed: names(signed),
        signature: signature.to_owned(),
        stamp: needed("x-amz-date")?,
        token: call.header("x-amz-security-token").map(str::to_owned),
        payload: needed("x-amz-content-sha256")?,
        ..Seal::blank()
    }
    .scoped(credential)
}

fn in_query(call: &Call) -> Result<Seal, Refusal> {
    let malformed = |message: &str| Refusal::new(400, "AuthorizationQueryParametersError", message);
    let part = |name: &str| {
        let part = call.asked(name);
        part.ok_or_else(|| malformed(&format!("{name} is missing.")))
    };
    if part("X-Amz-Algorithm")? != ALGORITHM {
        return Err(malformed("X-Amz-Algorithm only supports AWS4-HMAC-SHA256."));
    }
    if call.header("authorization").is_some() {
        let message = "Only one auth mechanism allowed.";
        return Err(Refusal::new(400, "InvalidArgument", message));
    }
    let expires = part("X-Amz-Expires")?.parse::<u32>();
    let expires = expires.map_err(|_| malformed("X-Amz-Expires should be a number."))?;
    if expires > WEEK {
        let message = "X-Amz-Expires must be less than a week (in seconds).";
        return Err(Refusal::new(400, "InvalidArgument", message));
    }
    Seal {
        signed: names(part("X-Amz-SignedHeaders")?),
        signature: part("X-Amz-Signature")?.to_owned(),
        stamp: part("X-Amz-Date")?.to_owned(),
        token: call.asked("X-Amz-Security-Token").map(str::to_owned),
        payload: UNSIGNED.to_owned(),
        expires: Some(Duration::from_secs(expires.into())),
        ..Seal::blank()
    }
    .scoped(part("X-Amz-Credential")?)
}

impl Seal {
    const fn blank() -> Self {
        Self {
            access_key_id: String::new(),
            day: String::new(),
            region: String::new(),
            stamp: String::new(),
            signed: Vec::new(),
            signature: String::new(),
            token: None,
            payload: String::new(),
            expires: None,
        }
    }

    /// With what a credential such as `AK/20261121/auto/s3/aws4_request` says.
    fn scoped(self, credential: &str) -> Result<Self, Refusal> {
        // A region may be empty; a key may not have slashes, though it may with other vendors.
        let parts: Vec<_> = credential.split('/').collect();
        let [key, day, region, "s3", "aws4_request"] = parts[..] else {
            return Err(malformed(
                "The Credential is mal-formed; expecting \"<KEY>/YYYYMMDD/REGION/s3/aws4_request\".",
            ));
        };
        if self.stamp.get(..8) != Some(day) {
            let message = "The credential's day is not that of the request's time.";
            return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
        }
        Ok(Self {
            access_key_id: key.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            ..self
        })
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(';').map(str::to_owned).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    crate::object::hex(bytes).to_lowercase()
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "AuthorizationHeaderMalformed", message)
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const WEEK: u32 = 7 * 24 * 60 * 60;
