//! An upload in parts.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use futures::FutureExt;
use http::Method;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::Dialect;
use crate::ask::Ask;
use crate::attributes::text;
use crate::failure::Failure;
use crate::refusal::Refusal;
use crate::store::{Native, compare, crc64, md5};

/// An upload that has begun. Parts may go at the same time; nothing is visible before it is completed.
#[derive(Debug)]
pub(crate) struct Upload<D: Dialect> {
    store: Native<D>,
    location: Path,
    id: String,
    next: u32,
    done: Arc<Mutex<Vec<Part>>>,
}

/// A part that is stored.
#[derive(Clone, Debug)]
struct Part {
    number: u32,
    etag: String,
    crc64: u64,
    length: u64,
}

impl<D: Dialect> Upload<D> {
    pub(crate) fn new(store: Native<D>, location: Path, id: String) -> Self {
        Self {
            store,
            location,
            id,
            next: 1,
            done: Arc::default(),
        }
    }

    fn told(&self) -> impl Fn(Failure) -> object_store::Error + use<D> {
        let (wire, path) = (Arc::clone(&self.store.wire), self.location.to_string());
        move |failure| wire.told(failure, &path)
    }

    /// The parts in their order; all that were asked for must be there.
    fn parts(&self) -> std::result::Result<Vec<Part>, Failure> {
        let mut parts = self
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        parts.sort_by_key(|part| part.number);
        let numbers = parts.iter().map(|part| part.number);
        if numbers.eq(1..self.next) {
            return Ok(parts);
        }
        let message = "a part of the upload is not stored";
        Err(Refusal::ours(400, "InvalidPart", message))
    }
}

#[async_trait]
impl<D: Dialect> MultipartUpload for Upload<D> {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (number, body) = (self.next, Bytes::from(data));
        self.next += 1;
        let (store, done, told) = (self.store.clone(), Arc::clone(&self.done), self.told());
        let (crc64, length) = (crc64(&body), body.len() as u64);
        let mut ask = Ask::new(Method::PUT, self.location.as_ref())
            .asking("partNumber", number.to_string())
            .asking("uploadId", &self.id)
            .with("content-md5", md5(&body));
        ask.body = body;
        ask.repeatable = true;
        async move {
            let stored = store
                .wire
                .send(&ask)
                .await
                .map_err(|failed| told(failed.failure))?
                .parts;
            compare::<D>(&stored.headers, crc64).map_err(&told)?;
            let etag = text(&stored.headers, "etag").map(str::to_owned);
            let etag =
                etag.ok_or_else(|| told(Failure::Lost("its part has no etag".to_owned())))?;
            let part = Part {
                number,
                etag,
                crc64,
                length,
            };
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(part);
            Ok(())
        }
        .boxed()
    }

    /// **Errors**: when the answer was lost, the object may be there, whole.
    async fn complete(&mut self) -> Result<PutResult> {
        let told = self.told();
        let mut parts = self.parts().map_err(&told)?;
        if parts.is_empty() {
            // The vendors complete nothing that has no part.
            self.put_part(PutPayload::new()).await?;
            parts = self.parts().map_err(&told)?;
        }
        let listed = parts.iter().map(|part| {
            let etag = quick_xml::escape::escape(part.etag.as_str());
            format!(
                "<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>",
                part.number
            )
        });
        let listed: String = listed.collect();
        let mut ask = Ask::new(Method::POST, self.location.as_ref())
            .asking("uploadId", &self.id)
            .with("content-type", "application/xml");
        ask.joins = true;
        ask.body = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>").into();
        let whole = parts.iter().fold(0, |whole, part| {
            crc_fast::checksum_combine(CrcAlgorithm::Crc64Xz, whole, part.crc64, part.length)
        });
        let (answer, document) = self
            .store
            .wire
            .document(&ask, "CompleteMultipartUploadResult")
            .await
            .map_err(|failed| told(failed.failure))?;
        compare::<D>(&answer.headers, whole).map_err(&told)?;
        let etag = document.text("CompleteMultipartUploadResult/ETag");
        Ok(PutResult {
            e_tag: etag.map(str::to_owned),
            version: None,
            extensions: Default::default(),
        })
    }

    async fn abort(&mut self) -> Result<()> {
        let ask = Ask::new(Method::DELETE, self.location.as_ref()).asking("uploadId", &self.id);
        match self.store.wire.send(&ask).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.failure.has_code("NoSuchUpload") => Ok(()), // it is gone already
            Err(failed) => Err(self.told()(failed.failure)),
        }
    }
}
