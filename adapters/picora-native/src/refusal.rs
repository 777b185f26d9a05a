//! What a store says when it refuses.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::response::Parts;
use picora_core::{Clock, Timestamp};
use picora_storage::Frozen;

use crate::attributes::text;
use crate::failure::Failure;
use crate::{retry_after, xml};

/// A refusal, in the store's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("it answered {status} {code}: {message}")]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The vendor's word for it; empty where it said nothing that can be read.
    pub code: String,
    /// In the vendor's sentence.
    pub message: String,
    /// The vendor's number of the very case, where it has one; empty elsewhere.
    pub case: String,
    /// Where the vendor says that the bucket is.
    pub elsewhere: Option<String>,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether it refused because the object is archived.
    #[source]
    pub frozen: Option<Frozen>,
    /// By how much its clock and this machine's differ, when it told the time.
    pub skew: Option<Duration>,
}

impl Refusal {
    /// A refusal of our own: what would have been refused is not sent.
    #[must_use]
    pub fn ours(status: u16, code: &str, message: impl Into<String>) -> Failure {
        Failure::Refused(Box::new(Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            ..Self::default()
        }))
    }

    /// The same of what cannot even be sent.
    #[must_use]
    pub fn unsendable(why: &str) -> Failure {
        Self::ours(400, "Unsendable", why)
    }

    /// A refusal as an answer's status, headers and document say it; whatever the body is.
    pub(crate) fn read(parts: &Parts, body: &[u8], prefix: &str, clock: &dyn Clock) -> Self {
        // What has no body repeats its document in a header.
        let repeated = text(&parts.headers, &format!("{}err", prefix));
        let repeated = repeated.and_then(|it| BASE64_STANDARD.decode(it).ok());
        let document = xml::texts(body).or_else(|| xml::texts(&repeated?));
        let mut refusal = Self::told(&document.unwrap_or_default());
        refusal.status = parts.status.as_u16();
        let now = clock.now();
        let date = text(&parts.headers, "date").and_then(|it| httpdate::parse_http_date(it).ok());
        let since = date.and_then(|at| at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
        let theirs = since.map(|since| Timestamp::EPOCH.saturating_add(since));
        refusal.skew = theirs.map(|theirs| {
            now.saturating_since(theirs)
                .max(theirs.saturating_since(now))
        });
        refusal.retry_after = retry_after::read(&parts.headers, theirs.unwrap_or(now));
        refusal
    }

    /// What an error's document says; its status is another's affair.
    pub(crate) fn told(document: &[(String, String)]) -> Self {
        let of = |path: &str| {
            let found = document.iter().find(|(it, _)| it == path);
            found.map(|(_, text)| text.clone())
        };
        let code = of("Error/Code").unwrap_or_default();
        Self {
            frozen: (code == "InvalidObjectState").then_some(Frozen),
            code,
            message: of("Error/Message")
                .unwrap_or_else(|| "it gave no reason that can be read".to_owned()),
            case: of("Error/EC").unwrap_or_default(),
            elsewhere: of("Error/Endpoint"),
            ..Self::default()
        }
    }

    /// Whether there is no such object. A refusal without a word for it is one to `HEAD`, which has no body.
    pub(crate) fn is_missing(&self) -> bool {
        self.status == 404 && matches!(self.code.as_str(), "" | "NoSuchKey")
    }
}
