//! Leases: a job that only one process may run.
//!
//! A lease has a name, a holder and an end. Who holds it runs the job and renews in time; when the holder dies, the lease is over at its
//! end and another takes it. A process that slept through that end does not know it yet: therefore each lease has a *fence*, and whoever
//! writes under a lease asks [`LeasesIn::guard_in`] in the same transaction. Clocks that differ cost work, never correctness.
//!
//! The rule is [`Held`]; stores load it, ask it, and write what it answers. **Source**: design decisions 13 and 16.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Entropy, StoreError, Timestamp};

#[cfg(feature = "memory")]
mod book;
mod held;

#[cfg(feature = "memory")]
pub use book::LeaseBook;
pub use held::Held;

/// The name of a lease, such as `janitor`: what only one may do.
///
/// ```
/// use picora_core::LeaseName;
/// assert_eq!(LeaseName::new("janitor").name(), "janitor");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName(&'static str);

impl LeaseName {
    /// A lease of this name. It is written in rows, so it never changes.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Who holds a lease: one runner of jobs in one run of a process. Made anew at each start, so that no two are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder([u8; 16]);

impl Holder {
    /// A holder that is nobody else.
    ///
    /// ```
    /// use picora_core::{Holder, SeededEntropy};
    /// let entropy = SeededEntropy::new(1);
    /// assert_ne!(Holder::random(&entropy), Holder::random(&entropy));
    /// ```
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
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

/// A lease as its holder knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it allows.
    pub name: LeaseName,
    /// Whose it is.
    pub holder: Holder,
    /// Grows each time that the lease is taken; what carries an older one is stale.
    pub fence: u64,
    /// When it is over: at this instant it is no longer held.
    pub until: Timestamp,
}

/// Taking, keeping and giving back. Every method is one whole transaction.
///
#[cfg_attr(feature = "memory", doc = "```")]
#[cfg_attr(not(feature = "memory"), doc = "```ignore")]
/// use picora_core::lease::{Holder, LeaseBook, LeaseName, Leases};
/// use picora_core::memory::MemoryStore;
/// use picora_core::Timestamp;
/// use std::time::Duration;
///
/// # futures::executor::block_on(async {
/// let (store, now) = (MemoryStore::new(LeaseBook::default()), Timestamp::from_unix_seconds(1_777_000_000));
/// let (janitor, minute) = (LeaseName::new("janitor"), Duration::from_secs(60));
/// let [one, other] = [1, 2].map(|number| Holder::from_bytes([number; 16]));
///
/// let lease = store.acquire(janitor, one, minute, now).await?.expect("nobody had it");
/// assert_eq!(store.acquire(janitor, other, minute, now).await?, None);
/// // The first falls silent; at the end of its lease another takes over, with a later fence.
/// let taken = store.acquire(janitor, other, minute, lease.until).await?.expect("it is over");
/// assert!(taken.fence > lease.fence);
/// assert_eq!(store.renew(&lease, minute, lease.until).await?, None);
/// # Ok::<(), picora_core::StoreError>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the lease for `length` from `now` on; `None` when another holds it.
    ///
    /// **Boundaries**: at its `until` a lease is over and may be taken. Its own holder gets it again under the same fence while it runs,
    /// so that a lost answer can be asked for again. A takeover waits for transactions that are guarded by the old lease.
    async fn acquire(
        &self,
        name: LeaseName,
        holder: Holder,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;

    /// Keeps the lease until `length` from `now` on; `None` when it is over or another's, and then nothing changes.
    ///
    /// **Boundaries**: it never ends earlier than it would have: a clock that stepped back takes nothing from its holder.
    async fn renew(
        &self,
        lease: &Lease,
        length: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;

    /// Ends the lease at once, for every clock; false when it is another's by now, and then nothing changes.
    async fn give_back(&self, lease: &Lease) -> Result<bool, StoreError>;
}

/// Writing under a lease, in a caller's transaction.
#[async_trait]
pub trait LeasesIn<T: Send>: Send + Sync {
    /// Whether the lease is still ours, and stays it until the transaction ends; the first thing that a guarded transaction asks.
    ///
    /// After true nobody takes the lease before the transaction ends (or the transaction ends as a conflict), however long it lasts; it may
    /// be renewed meanwhile. After false the transaction is to be dropped. **Boundaries**: false from the stored `until` on.
    async fn guard_in(&self, tx: &mut T, lease: &Lease, now: Timestamp)
    -> Result<bool, StoreError>;
}
