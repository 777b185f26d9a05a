//! A multipart upload whose parts, completion and abort are calls like any other.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::cut;
use super::plan::Plan;

#[derive(Debug)]
pub(super) struct FaultyUpload {
    pub(super) inner: Box<dyn MultipartUpload>,
    pub(super) plan: Arc<Plan>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        // Parts are numbered in the order of these calls, not in that of their polls.
        let (plan, turn) = (Arc::clone(&self.plan), self.plan.next());
        let part = self.inner.put_part(cut::payload(data, turn));
        Box::pin(async move { plan.carry_out(turn, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let turn = self.plan.next().indivisible();
        self.plan.carry_out(turn, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let turn = self.plan.next().indivisible();
        self.plan.carry_out(turn, self.inner.abort()).await
    }
}
