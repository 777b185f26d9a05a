//! object_store's own suite over two folders: with every object hot, and with every object archived as soon as it is there.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    integration,
};
use picora_local::TieredStore;
use picora_tiering::{Moved, Tier};

use crate::tiers::{Fresh, carry};

#[tokio::test]
async fn object_stores_own_suite_holds_for_hot_objects() {
    for fresh in Fresh::both() {
        holds(&fresh.store).await;
        integration::multipart_race_condition(&fresh.store, true).await;
        integration::multipart_out_of_order(&fresh.store).await;
    }
}

#[tokio::test]
async fn object_stores_own_suite_holds_for_archived_objects() {
    for fresh in Fresh::both() {
        holds(&Archivist(fresh.store.clone())).await;
    }
}

async fn holds(store: &dyn ObjectStore) {
    integration::put_get_delete_list(store).await;
    integration::get_opts(store).await;
    integration::list_uses_directories_correctly(store).await;
    integration::list_with_delimiter(store).await;
    integration::list_with_offset_exclusivity(store).await;
    integration::rename_and_copy(store).await;
    integration::copy_if_not_exists(store).await;
    integration::copy_rename_nonexistent_object(store).await;
    integration::stream_get(store).await;
    integration::put_opts(store, false).await; // last, since it leaves something
}

/// Archives whatever comes in.
#[derive(Debug)]
struct Archivist(TieredStore);

impl Archivist {
    async fn archive(&self, key: &Path) {
        assert_eq!(carry(&self.0, key, Tier::Archive).await, Moved::Done);
    }
}

impl fmt::Display for Archivist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Archivist {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.0.put_opts(location, payload, options).await?;
        self.archive(location).await;
        // On another disk it has another one.
        let e_tag = self.0.head(location).await?.e_tag;
        Ok(PutResult { e_tag, ..put })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await?;
        self.archive(to).await;
        Ok(())
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await?;
        self.archive(to).await;
        Ok(())
    }
}
