//! The ports that the use cases share.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use picora_core::{AccountId, AssetId, Clock, Entropy, StoreError, StoreErrorKind, Timestamp};
use picora_storage::ObjectKey;

use crate::{Detach, MediaStore};

/// The media host's use cases over their ports; `T` is the transaction of its store.
pub struct Media<T> {
    pub(crate) store: Arc<dyn MediaStore<T>>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) detach: Arc<dyn Detach>,
    pub(crate) policy: UploadPolicy,
}

/// The numbers of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadPolicy {
    /// How long a reservation holds without a sign of life.
    pub reservation_ttl: Duration,
    /// What is reserved first when no length is known; each refill doubles. **Units**: bytes.
    pub first_step_bytes: u64,
    /// By how much a declared length may miss and still be tried with what remains: the form around a file counts in it. **Units**: bytes.
    pub slack_bytes: u64,
    /// The largest image, video or audio file, whatever the plan. **Units**: bytes.
    pub largest_file_bytes: u64,
    /// The largest document, whatever the plan; a document is read whole. **Units**: bytes.
    pub largest_document_bytes: u64,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            reservation_ttl: Duration::from_secs(15 * 60),
            first_step_bytes: 8 << 20,
            slack_bytes: 64 << 10,
            largest_file_bytes: 20 << 30,
            largest_document_bytes: 16 << 20,
        }
    }
}

impl<T: Send + 'static> Media<T> {
    /// Assembles the use cases from their ports.
    pub fn new(
        store: Arc<dyn MediaStore<T>>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        detach: Arc<dyn Detach>,
        policy: UploadPolicy,
    ) -> Self {
        Self {
            store,
            objects,
            clock,
            entropy,
            detach,
            policy,
        }
    }

    /// The store, for reads that need no use case.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn MediaStore<T>> {
        &self.store
    }

    /// The object store, for delivery.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Removes a condemned object and forgets it. A failure is the janitor's business: it stays condemned.
    pub(crate) async fn bury(&self, account: AccountId, asset: AssetId) -> Result<(), StoreError> {
        picora_storage::object::remove(&self.objects, &ObjectKey::new(account, asset).to_path())
            .await?;
        retrying!(self.try_bury(asset))
    }

    async fn try_bury(&self, asset: AssetId) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        self.store.bury_in(&mut tx, asset).await?;
        self.store.finish(tx).await
    }
}

/// By hand, because a transaction type need not be `Clone` for its store to be shared.
impl<T> Clone for Media<T> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            objects: self.objects.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            detach: self.detach.clone(),
            policy: self.policy,
        }
    }
}

impl<T> std::fmt::Debug for Media<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Media")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Runs a whole transaction again while another one was there first, a bounded number of times.
macro_rules! retrying {
    ($transaction:expr) => {{
        let mut left = crate::media::TRIES;
        loop {
            match $transaction.await {
                Err(error) if crate::media::again(&error, &mut left) => {}
                answer => break answer,
            }
        }
    }};
}
pub(crate) use retrying;

/// Whether a lost race is worth another try.
pub(crate) fn again(error: &StoreError, left: &mut u32) -> bool {
    *left = left.saturating_sub(1);
    error.kind() == StoreErrorKind::Conflict && *left > 0
}

/// An optimistic store loses races only to others who won theirs; sixteen in a row mean that something is wrong.
pub(crate) const TRIES: u32 = 16;
