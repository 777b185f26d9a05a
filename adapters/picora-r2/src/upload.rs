//! An upload in parts.

use std::sync::Arc;

use async_trait::async_trait;
use crc_fast::{CrcAlgorithm, Digest};
use futures::FutureExt;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use picora_native::Failure;
use picora_storage::Corrupt;

use crate::answer::Answer;
use crate::store::{NAME, failure};
use crate::wire::Wire;

/// An upload that has begun. Parts may go at the same time; nothing is visible before it is completed.
#[derive(Debug)]
pub(crate) struct Upload {
    s3: Box<dyn MultipartUpload>,
    wire: Arc<Wire>,
    location: Path,
    /// The CRC-64/NVME of all parts that were handed over, in their order.
    crc64: u64,
}

impl Upload {
    pub(crate) fn new(s3: Box<dyn MultipartUpload>, wire: Arc<Wire>, location: Path) -> Self {
        Self {
            s3,
            wire,
            location,
            crc64: 0,
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        data.iter().for_each(|bytes| digest.update(bytes));
        let length = data.content_length() as u64;
        self.crc64 = crc_fast::checksum_combine(
            CrcAlgorithm::Crc64Nvme,
            self.crc64,
            digest.finalize(),
            length,
        );
        let (wire, location) = (Arc::clone(&self.wire), self.location.clone());
        let put = self.s3.put_part(data);
        put.map(move |put| put.map_err(|error| wire.told(error, &location)))
            .boxed()
    }

    /// **Errors**: when the answer was lost, the object may be there, whole.
    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.s3.complete().await;
        let done = done.map_err(|error| self.wire.told(error, &self.location))?;
        match done.extensions.get::<Answer>().and_then(|it| it.crc64) {
            Some(found) if found != self.crc64 => {
                let expected = self.crc64;
                let failure = Failure::Corrupt(Corrupt { expected, found });
                let located = self.wire.located(failure, self.location.as_ref());
                Err(located.of_bytes(NAME))
            }
            _ => Ok(done),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        match self.s3.abort().await {
            Err(error) if failure(&error).is_some_and(|it| it.has_code("NoSuchUpload")) => Ok(()), // it is gone already
            aborted => aborted.map_err(|error| self.wire.told(error, &self.location)),
        }
    }
}
