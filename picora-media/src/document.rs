//! Uploading a Markdown document.

use bytes::Bytes;
use picora_core::{Amount, Dimension, MediaKind};
use picora_quota::Item;
use picora_storage::{Measured, ObjectKey, ObjectWriter};

use crate::body::{Body, read_whole};
use crate::content;
use crate::markdown::count_images;
use crate::media::Media;
use crate::upload::{Held, NewUpload, UploadError, Uploaded, items, one_upload};

impl<T: Send + 'static> Media<T> {
    /// A document is read whole, hashed and looked up before anything is reserved: the same text again is the same document (#56).
    pub(crate) async fn store_document(
        &self,
        new: NewUpload,
        body: Body,
    ) -> Result<Uploaded, UploadError> {
        let most_bytes = self.policy.largest_document_bytes;
        let text = read_whole(body, most_bytes)
            .await?
            .ok_or(UploadError::TooLarge { most_bytes })?;
        if text.is_empty() {
            return Err(UploadError::Empty);
        }
        let content_type =
            content::sniff(MediaKind::Document, &text).ok_or(UploadError::WrongKind)?;
        let markdown = std::str::from_utf8(&text).map_err(|_| UploadError::WrongKind)?;
        let measured = Measured::of(&text);
        if let Some(stored) = self
            .store
            .document_of(new.account, &measured.sha256)
            .await?
        {
            return Ok(Uploaded::AlreadyThere(stored));
        }
        let asked = [
            Item::exactly(Dimension::DocCount, Amount::ONE),
            Item::exactly(Dimension::DocMaxFile, measured.bytes),
            Item::exactly(
                Dimension::DocMaxImagesPerDoc,
                Amount::from(count_images(markdown)),
            ),
        ];
        let held = match self
            .hold(&new, items(asked.into_iter().chain(one_upload()))?)
            .await?
        {
            Ok(held) => held,
            Err(stored) => return Ok(Uploaded::Replayed(stored)),
        };
        match self.put_document(&held, text).await {
            Ok(measured) => self.settle(&new, held, content_type, measured, &[]).await,
            Err(error) => Err(self.give_up(held, error).await),
        }
    }

    async fn put_document(&self, held: &Held, text: Bytes) -> Result<Measured, UploadError> {
        let path = ObjectKey::new(held.intent.account, held.intent.asset).to_path();
        let mut writer = ObjectWriter::new(self.objects.as_ref(), path);
        writer.write(text).await?;
        Ok(writer.finish().await?)
    }
}
