//! Ids: a prefix that names the kind, and 26 lower-case Crockford base-32 characters of a UUIDv7.
//!
//! There is one spelling in URLs, JSON and cache keys (C81), so parsing is strict: no upper case, no look-alike letters, no spare
//! bits. Ids sort by the millisecond in which they were made, and must not be taken for secrets.

use std::fmt;
use std::str::FromStr;

use crate::{Entropy, MediaKind, Timestamp};

mod base32;

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes a new id for this instant.
            #[must_use]
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(now, entropy))
            }

            /// Takes the 16 bytes that a database holds.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes that a database holds.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), base32::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or(IdError::Prefix)?;
                base32::decode(digits).map(Self)
            }
        }
    };
}

prefixed_id! {
    /// An account, `acc_…`. Every limit is an account's.
    ///
    /// ```
    /// use picora_core::{AccountId, SeededEntropy, Timestamp};
    /// let id = AccountId::generate(Timestamp::from_unix_seconds(1_777_000_000), &SeededEntropy::new(1));
    /// assert_eq!(id.to_string().parse(), Ok(id));
    /// assert!(id.to_string().to_uppercase().parse::<AccountId>().is_err());
    /// ```
    AccountId, "acc"
}

prefixed_id! {
    /// The public name of an API key, `key_…`. It is no secret; the secret is `sk_live_…`.
    KeyId, "key"
}

prefixed_id! {
    /// One attempt to take quota, made by the caller before the first try so that a retry is recognised.
    ///
    /// Either fresh, or derived from a client's idempotency key; two requests with one id are one reservation.
    ReservationId, "rsv"
}

prefixed_id! {
    /// An override or a grant that changes what an account may do for a while, `adj_…`.
    AdjustmentId, "adj"
}

/// A stored resource: `img_…`, `vid_…`, `aud_…` or `doc_…`.
///
/// ```
/// use picora_core::{AssetId, MediaKind, SeededEntropy, Timestamp};
/// let id = AssetId::generate(MediaKind::Audio, Timestamp::EPOCH, &SeededEntropy::new(1));
/// assert!(id.to_string().starts_with("aud_"));
/// assert_eq!(id.to_string().parse::<AssetId>()?.kind(), MediaKind::Audio);
/// # Ok::<(), picora_core::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId {
    kind: MediaKind,
    bytes: [u8; 16],
}

impl AssetId {
    /// Makes a new id for this instant.
    #[must_use]
    pub fn generate(kind: MediaKind, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            kind,
            bytes: uuid_v7(now, entropy),
        }
    }

    /// Takes the kind and the 16 bytes that a database holds.
    #[must_use]
    pub const fn from_bytes(kind: MediaKind, bytes: [u8; 16]) -> Self {
        Self { kind, bytes }
    }

    /// The 16 bytes that a database holds.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// What the resource is.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        self.kind
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_{}",
            self.kind.id_prefix(),
            base32::encode(&self.bytes)
        )
    }
}

impl fmt::Debug for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AssetId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (prefix, digits) = text.split_once('_').ok_or(IdError::Prefix)?;
        let kind = MediaKind::ALL
            .into_iter()
            .find(|kind| kind.id_prefix() == prefix)
            .ok_or(IdError::Prefix)?;
        Ok(Self {
            kind,
            bytes: base32::decode(digits)?,
        })
    }
}

/// Why a text is not an id. State is never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It does not start with the kind's prefix and an underscore.
    #[error("the id does not start with the prefix of its kind")]
    Prefix,
    /// What follows is not 26 lower-case Crockford base-32 characters of 128 bits.
    #[error("the id is not 26 lower-case base-32 characters after its prefix")]
    Digits,
}

/// RFC 9562 §5.7: 48 bits of milliseconds, then random bits.
fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> [u8; 16] {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random)
        .into_uuid()
        .into_bytes()
}

#[cfg(test)]
mod tests;
