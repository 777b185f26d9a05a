//! One transaction, several ports.

use async_trait::async_trait;

use crate::StoreError;

/// Opens and finishes transactions of a backend whose transaction type is `T`.
///
/// The ports of the domains that write in a caller's transaction (`LedgerIn<T>`, `CatalogIn<T>`) take `&mut T`, so that what they
/// write stands or falls together. `T` is a parameter, not an associated type, so that `Arc<dyn Transact<T>>` can be held.
///
/// Promises, checked by the conformance suites: a transaction dropped before [`Transact::finish`] leaves nothing; two ports in one
/// transaction move together or not at all. **Source**: design decision 14.
#[async_trait]
pub trait Transact<T: Send>: Send + Sync {
    /// Opens a transaction. Dropping it undoes it.
    async fn begin(&self) -> Result<T, StoreError>;

    /// Makes the transaction durable.
    ///
    /// **Errors**: with [`StoreErrorKind::Unknown`](crate::StoreErrorKind::Unknown) it may have become durable: read back by key, never
    /// repeat blindly. After any other error nothing has changed.
    async fn finish(&self, transaction: T) -> Result<(), StoreError>;
}
