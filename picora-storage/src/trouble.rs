//! What is wrong between here and a store, in words for whoever has to mend it.

use std::error::Error;

use async_trait::async_trait;

/// A store that can be looked at before work begins.
#[async_trait]
pub trait Examine: Send + Sync {
    /// Does once what the service will do all day, with a small object of its own: writes it, reads it, removes it.
    ///
    /// **Errors**: the first [`Trouble`], within the store's deadlines. State: at worst the small object stays, under a key that no
    /// asset has.
    async fn examine(&self) -> Result<(), Trouble>;
}

/// Why a store cannot be worked with. Each sentence says what is wrong, with which thing, and what to do; none holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The host's name leads nowhere.
    #[error("there is no host {host}: check the endpoint, or the name server of this machine")]
    NoSuchHost {
        /// The name.
        host: String,
    },
    /// Nobody answers there.
    #[error(
        "{host} cannot be reached ({cause}): check the endpoint, and that this machine may connect to it"
    )]
    Unreachable {
        /// The name, with its port where one is named.
        host: String,
        /// What the connection died of.
        cause: String,
    },
    /// Somebody answers who cannot prove that he is this host.
    #[error(
        "{host} has no valid certificate ({cause}): check the endpoint, and this machine's certificates and clock"
    )]
    Certificate {
        /// The name.
        host: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The clocks differ by more than signatures allow.
    #[error("this machine's clock is not the store's ({cause}): synchronise it")]
    Clock {
        /// In the vendor's words.
        cause: String,
    },
    /// The bucket lies somewhere else.
    #[error(
        "the bucket {bucket} is not in the region {region} ({cause}): name the bucket's region"
    )]
    Region {
        /// The bucket.
        bucket: String,
        /// As it is configured.
        region: String,
        /// In the vendor's words, which often name the right one.
        cause: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket {bucket} at {host}: create it, or name another")]
    NoSuchBucket {
        /// The bucket.
        bucket: String,
        /// Where it was looked for.
        host: String,
    },
    /// The store does not know the key, or the secret is another.
    #[error(
        "the store does not accept the access key {access_key_id} ({cause}): check the key and its secret"
    )]
    Credentials {
        /// The public part of the key.
        access_key_id: String,
        /// In the vendor's words.
        cause: String,
    },
    /// The temporary key is over, or its token is none.
    #[error(
        "the token of the access key {access_key_id} is not valid any more ({cause}): ask for a new one"
    )]
    Token {
        /// The public part of the key.
        access_key_id: String,
        /// In the vendor's words.
        cause: String,
    },
    /// The key is known, and must not do this.
    #[error(
        "the access key {access_key_id} may not {operation} in the bucket {bucket}: grant it that right"
    )]
    Permission {
        /// The public part of the key.
        access_key_id: String,
        /// What was tried, as a verb: `write`, `read`, `remove`.
        operation: &'static str,
        /// The bucket.
        bucket: String,
    },
    /// The folder's disk has no room left.
    #[error("the folder {folder} is full ({cause}): make room on its disk, or name another folder")]
    Full {
        /// The folder.
        folder: String,
        /// In the operating system's words.
        cause: String,
    },
    /// The folder lies on a disk that can only be read, or belongs to somebody else.
    #[error(
        "this process may not {operation} in the folder {folder} ({cause}): mount its disk for writing, or give this user the right"
    )]
    Unwritable {
        /// The folder.
        folder: String,
        /// What was tried, as a verb: `write`, `read`, `remove`.
        operation: &'static str,
        /// In the operating system's words.
        cause: String,
    },
    /// The store did what it should not do, such as answering other bytes than those that were written.
    #[error("the store could not {operation} ({cause})")]
    Other {
        /// What was tried, as a verb.
        operation: &'static str,
        /// What came of it.
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl Trouble {
    /// A word for it that programs can compare, in snake case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoSuchHost { .. } => "no_such_host",
            Self::Unreachable { .. } => "unreachable",
            Self::Certificate { .. } => "certificate",
            Self::Clock { .. } => "clock",
            Self::Region { .. } => "region",
            Self::NoSuchBucket { .. } => "no_such_bucket",
            Self::Credentials { .. } => "credentials",
            Self::Token { .. } => "token",
            Self::Permission { .. } => "permission",
            Self::Full { .. } => "full",
            Self::Unwritable { .. } => "unwritable",
            Self::Other { .. } => "other",
        }
    }
}

/// The bytes that came are not those that were stored: the digest that the store keeps says so.
///
/// Adapters put it into the chain of causes of their errors, so that whoever reads for the sake of checking can tell it from a lost
/// connection ([`is_corrupt`](crate::error::is_corrupt)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not those that were stored: CRC-64 {found} instead of {expected}")]
pub struct Corrupt {
    /// Of the bytes that were stored.
    pub expected: u64,
    /// Of the bytes that came.
    pub found: u64,
}

/// The object is archived and cannot be read before it is restored; its bytes are safe.
///
/// Adapters put it into the chain of causes of what a read answers ([`PermissionDenied`](object_store::Error::PermissionDenied)), so that
/// readers can ask for a restore instead of failing ([`is_frozen`](crate::error::is_frozen)). Its text begins with the word that clouds
/// have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("InvalidObjectState: the object is archived, and has to be restored before it can be read")]
pub struct Frozen;
