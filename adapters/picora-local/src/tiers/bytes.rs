//! Bytes: readers look where the object is, writers write hot.

use std::ops::Range;
use std::path::Path as FsPath;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, RenameTargetMode, Result,
};
use picora_tiering::Tier;

use super::disk::Files;
use super::upload::TieredUpload;
use super::{KeyGuard, LOOKS, TieredStore, steps};
use crate::blocking::blocking;
use crate::store::generic;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for TieredStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let alone = self.alone(&[location]).await?;
        if matches!(options.mode, PutMode::Create) {
            self.refuse_archived(location).await?;
        }
        let put = self.hot.put_opts(location, payload, options).await?;
        self.replaced(location, alone).await;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(TieredUpload {
            inner: self.hot.put_multipart_opts(location, options).await?,
            store: self.clone(),
            location: location.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.read(location, options.clone()).await {
            Err(Error::NotFound { .. }) => {
                let _still = self.unmoved(location).await?;
                self.read(location, options).await
            }
            read => read,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.read_ranges(location, ranges).await {
            Err(Error::NotFound { .. }) => {
                let _still = self.unmoved(location).await?;
                self.read_ranges(location, ranges).await
            }
            read => read,
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let removed = locations.map(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                store.erase(&location).await.map(|()| location)
            }
        });
        removed.buffered(AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let hot = self.hot.list(prefix);
        self.archived(self.archive.list(prefix)).chain(hot).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let hot = self.hot.list_with_offset(prefix, offset);
        let archived = self.archive.list_with_offset(prefix, offset);
        self.archived(archived).chain(hot).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let archived = self.archive.list_with_delimiter(prefix).await?;
        let mut all = self.hot.list_with_delimiter(prefix).await?;
        let objects = futures::stream::iter(archived.objects.into_iter().map(Ok)).boxed();
        all.objects
            .extend(self.archived(objects).try_collect::<Vec<_>>().await?);
        all.common_prefixes.extend(archived.common_prefixes);
        all.common_prefixes.sort_unstable();
        all.common_prefixes.dedup();
        Ok(all)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let create = matches!(options.mode, CopyMode::Create);
        if from == to {
            return self.onto_itself(from, create).await;
        }
        let alone = self.alone(&[from, to]).await?;
        if create {
            self.refuse_taken(from, to).await?;
        }
        match self.hot.copy_opts(from, to, options).await {
            Err(Error::NotFound { .. }) => self.copy_archived(from, to, create).await?,
            copied => copied?,
        }
        self.replaced(to, alone).await;
        Ok(())
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let create = matches!(options.target_mode, RenameTargetMode::Create);
        if from == to {
            return self.onto_itself(from, create).await;
        }
        let alone = self.alone(&[from, to]).await?;
        if create {
            self.refuse_taken(from, to).await?;
        }
        if self.is_hot(from).await? {
            // First, for its older bytes must not come back when the hot name goes.
            self.unarchive(from, Vec::new()).await?;
            self.hot.rename_opts(from, to, options).await?;
        } else {
            self.copy_archived(from, to, create).await?;
            self.unarchive(from, Vec::new()).await?;
        }
        self.replaced(to, alone).await;
        Ok(())
    }
}

impl TieredStore {
    async fn read(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        for tier in LOOKS {
            match self.read_from(tier, key, options.clone()).await {
                Err(Error::NotFound { .. }) => {}
                read => return read,
            }
        }
        Err(missing(key))
    }

    async fn read_from(&self, tier: Tier, key: &Path, options: GetOptions) -> Result<GetResult> {
        if tier == Tier::Archive && !options.head {
            self.refuse_frozen(key).await?;
        }
        self.of_tier(tier).get_opts(key, options).await
    }

    async fn read_ranges(&self, key: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for tier in LOOKS {
            match self.read_ranges_from(tier, key, ranges).await {
                Err(Error::NotFound { .. }) => {}
                read => return read,
            }
        }
        Err(missing(key))
    }

    async fn read_ranges_from(
        &self,
        tier: Tier,
        key: &Path,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        if tier == Tier::Archive {
            self.refuse_frozen(key).await?;
        }
        self.of_tier(tier).get_ranges(key, ranges).await
    }

    /// After an object was put: what the archive had at its key is a shadow now. That it stays is no failure of the put, which nobody
    /// can undo; the sweep tries again, and says so.
    pub(super) async fn replaced(&self, key: &Path, alone: Vec<KeyGuard>) {
        let take = |file: &FsPath| steps::take_shadow(&Files, file);
        let _ = self.unarchive_by(take, key, alone).await;
    }

    async fn erase(&self, key: &Path) -> Result<()> {
        let (hot, archived) = (self.hot.file(key)?, self.archive.file(key)?);
        let (restores, name) = (self.restores.clone(), key.clone());
        let alone = self.alone(&[key]).await?;
        let erased = blocking(move || {
            let _alone = alone;
            restores.forget(&name)?;
            steps::erase(&Files, &hot, &archived)
        });
        if erased.await.map_err(generic)? {
            return Ok(());
        }
        Err(missing(key))
    }

    /// Those of the archive's files that no hot one stands before.
    fn archived(
        &self,
        files: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let looked = files.map(move |object| {
            let store = store.clone();
            async move {
                let object = object?;
                let hot = store.is_hot(&object.location).await?;
                Ok((!hot).then_some(object))
            }
        });
        let archived = looked.buffered(AT_ONCE);
        archived.try_filter_map(async |object| Ok(object)).boxed()
    }

    async fn refuse_archived(&self, key: &Path) -> Result<()> {
        match self.archive.head(key).await {
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(exists(key)),
        }
    }

    /// As a disk does it: without a source, there is nothing that exists already.
    async fn refuse_taken(&self, from: &Path, to: &Path) -> Result<()> {
        match self.look(from).await? {
            Some(_) => self.refuse_archived(to).await,
            None => Err(missing(from)),
        }
    }

    /// A copy of an object onto itself changes nothing; where none may be there, there is one.
    async fn onto_itself(&self, key: &Path, create: bool) -> Result<()> {
        match self.find(key).await? {
            Some(_) if create => Err(exists(key)),
            Some(_) => Ok(()),
            None => Err(missing(key)),
        }
    }

    /// Copies what only the archive has to another key, which is hot. Both keys are locked.
    async fn copy_archived(&self, from: &Path, to: &Path, create: bool) -> Result<()> {
        self.refuse_frozen(from).await?;
        let staged = self.stage(from, Tier::Archive, Tier::Hot).await?;
        if create && self.is_hot(to).await? {
            return Err(exists(to));
        }
        let _way = self.hot.prepare(to).await?;
        let target = self.hot.file(to)?;
        let published = blocking(move || steps::publish(&Files, &staged.file, &target));
        published.await.map_err(generic)
    }
}

fn missing(key: &Path) -> Error {
    Error::NotFound {
        path: key.to_string(),
        source: "it is in neither folder".into(),
    }
}

fn exists(key: &Path) -> Error {
    Error::AlreadyExists {
        path: key.to_string(),
        source: "there is one already".into(),
    }
}

/// As many as object_store removes at once.
const AT_ONCE: usize = 10;
