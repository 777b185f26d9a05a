//! Counts the bytes of responses that were really sent, and folds them into the ledger.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};
use picora_bandwidth::Delivery;
use picora_core::{AccountId, AssetId, Retry};

use crate::app::App;

/// A response's bytes that are counted as they leave; what is never sent is never counted.
///
/// Each piece is counted at its own time, so that a response over midnight on the 1st falls into both months (C25).
pub struct Counted {
    app: Arc<App>,
    account: AccountId,
    asset: AssetId,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Counted {
    /// Counts a stream of an asset for its owner.
    #[must_use]
    pub fn new(
        app: Arc<App>,
        account: AccountId,
        asset: AssetId,
        bytes: BoxStream<'static, object_store::Result<Bytes>>,
    ) -> Self {
        Self {
            app,
            account,
            asset,
            bytes,
        }
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Counted")
            .field(&self.asset)
            .finish_non_exhaustive()
    }
}

impl Stream for Counted {
    type Item = object_store::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.bytes.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            record(&self.app, self.account, self.asset, chunk.len() as u64);
        }
        next
    }
}

/// Records that bytes of an asset leave now; none for an answer that only says that nothing changed (C49).
pub fn record(app: &App, account: AccountId, asset: AssetId, bytes: u64) {
    app.meter.record(&Delivery {
        account,
        asset,
        bytes,
        at: app.clock.now(),
    });
}

/// Writes what was counted to the ledger. A batch that fails is kept and posted again under the same keys.
///
/// **Errors**: none are passed on. One that may pass is tried again with the next fold; one that will not is logged, and must not hold
/// up the others.
pub async fn fold(app: &App) {
    while let Some(batch) = app.meter.fold() {
        for posting in &batch.postings {
            if let Err(error) = app.media.store().post(posting, app.clock.now()).await {
                tracing::warn!(%error, batch = batch.number, "served bytes are not in the ledger yet");
                if error.retry() != Retry::Permanent {
                    return;
                }
            }
        }
        app.meter.acknowledge(batch.number);
    }
}
