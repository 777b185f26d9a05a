//! A multipart upload into a staged file.

use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::staged::WritingGuard;

/// object_store's upload, which the sweep leaves alone while it lives. Dropped without an end, it removes its staged file.
#[derive(Debug)]
pub(crate) struct LocalUpload {
    pub(crate) inner: Box<dyn MultipartUpload>,
    pub(crate) _writing: WritingGuard,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
