//! Who is limited.

use std::fmt;

use siphasher::sip128::SipHasher13;

use crate::Policy;

/// A 128-bit fingerprint that stands for a subject in a store: no account or address is kept in the clear.
///
/// Made by a [`SubjectHasher`], or taken from a caller who has a good one already.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey(pub u128);

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey({self})")
    }
}

impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One who spends, and the limits that hold for him.
///
/// **Boundaries**: a key belongs to one policy. Accounts that have several (`read`, `upload`) have one key for each: the namespace of
/// the fingerprint says which.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// His fingerprint.
    pub key: SubjectKey,
    /// What holds for him.
    pub policy: &'a Policy,
}

/// Makes fingerprints under a secret key, so that nobody outside can look for two subjects that collide.
///
/// SipHash-1-3 with 128 bits, which is what keeps Rust's own maps safe: over the namespace it makes a second secret, and under that one the
/// fingerprint of the id. So (`a`, `bc`) and (`ab`, `c`) differ. The same secret
/// gives the same fingerprints in every process and version, which shared stores need.
///
/// ```
/// use picora_ratelimit::SubjectHasher;
/// let hasher = SubjectHasher::new([7; 16]);
/// assert_eq!(hasher.key("tier:read", b"acc_1"), hasher.key("tier:read", b"acc_1"));
/// assert_ne!(hasher.key("tier:rea", b"dacc_1"), hasher.key("tier:read", b"acc_1"));
/// ```
#[derive(Clone)]
pub struct SubjectHasher(SipHasher13);

impl SubjectHasher {
    /// A hasher with this secret: 16 random bytes, the same in all processes that share a store.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&secret))
    }

    /// The fingerprint of an id within a namespace, such as `tier:read` or `credential`.
    #[must_use]
    pub fn key(&self, namespace: &str, id: &[u8]) -> SubjectKey {
        self.namespace(namespace).key(id)
    }

    /// What all fingerprints of a namespace begin with, so that a hot path hashes the id alone.
    ///
    /// ```
    /// # use picora_ratelimit::SubjectHasher;
    /// let hasher = SubjectHasher::new([7; 16]);
    /// let read = hasher.namespace("tier:read");
    /// assert_eq!(read.key(b"acc_1"), hasher.key("tier:read", b"acc_1"));
    /// ```
    #[must_use]
    pub fn namespace(&self, name: &str) -> Namespace {
        // A secret of its own: who hashes an id then hashes nothing else, and no end of a name can run into an id.
        Namespace(SipHasher13::new_with_key(
            &self.0.hash(name.as_bytes()).as_bytes(),
        ))
    }
}

impl fmt::Debug for SubjectHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectHasher(..)") // the secret stays out of logs
    }
}

/// The fingerprints of one namespace; made by [`SubjectHasher::namespace`].
#[derive(Clone)]
pub struct Namespace(SipHasher13);

impl Namespace {
    /// The fingerprint of an id.
    #[must_use]
    pub fn key(&self, id: &[u8]) -> SubjectKey {
        SubjectKey(self.0.hash(id).as_u128())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Namespace(..)") // the secret is in it
    }
}
