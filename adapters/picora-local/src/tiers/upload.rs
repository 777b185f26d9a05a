//! A multipart upload, which is hot when it is complete.

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::TieredStore;

/// The hot folder's upload; what the archive has at the key goes when it is complete.
#[derive(Debug)]
pub(crate) struct TieredUpload {
    pub(crate) inner: Box<dyn MultipartUpload>,
    pub(crate) store: TieredStore,
    pub(crate) location: Path,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for TieredUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let alone = self.store.alone(&[&self.location]).await?;
        let put = self.inner.complete().await?;
        self.store.replaced(&self.location, alone).await;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
