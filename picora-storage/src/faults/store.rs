//! The store's own calls.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use super::plan::Turn;
use super::upload::FaultyUpload;
use super::{Fault, FaultyStore, cut};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let turn = self.plan.next();
        let payload = cut::payload(payload, turn);
        let put = self.inner.put_opts(location, payload, options);
        self.plan.carry_out(turn, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let turn = self.plan.next().indivisible();
        let begun = self.inner.put_multipart_opts(location, options);
        Ok(Box::new(FaultyUpload {
            inner: self.plan.carry_out(turn, begun).await?,
            plan: Arc::clone(&self.plan),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let turn = self.plan.next();
        let got = self.inner.get_opts(location, options);
        if turn.fault == Some(Fault::Truncate) {
            self.plan.pause().await;
            return cut::object(got.await?, turn).await;
        }
        self.plan.carry_out(turn, got).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let turn = self.plan.next().indivisible();
        let got = self.inner.get_ranges(location, ranges);
        self.plan.carry_out(turn, got).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let turn = self.plan.next().indivisible();
        let inner = Arc::clone(&self.inner);
        self.streamed(turn, move || match turn.fault {
            // Each removal is done, and each answer lost.
            Some(_) => inner
                .delete_stream(locations)
                .map(move |removed| removed.and_then(|_| Err(turn.error())))
                .boxed(),
            None => inner.delete_stream(locations),
        })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let turn = self.plan.next();
        let (inner, prefix) = (Arc::clone(&self.inner), prefix.cloned());
        self.streamed(turn, move || listed(inner.list(prefix.as_ref()), turn))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let turn = self.plan.next();
        let (inner, prefix, offset) = (Arc::clone(&self.inner), prefix.cloned(), offset.clone());
        self.streamed(turn, move || {
            listed(inner.list_with_offset(prefix.as_ref(), &offset), turn)
        })
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let turn = self.plan.next().indivisible();
        let list = self.inner.list_with_delimiter(prefix);
        self.plan.carry_out(turn, list).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let turn = self.plan.next().indivisible();
        let copy = self.inner.copy_opts(from, to, options);
        self.plan.carry_out(turn, copy).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let turn = self.plan.next().indivisible();
        let rename = self.inner.rename_opts(from, to, options);
        self.plan.carry_out(turn, rename).await
    }
}

impl FaultyStore {
    /// A stream that pauses before it begins, and does not begin when its call fails before.
    fn streamed<T: Send + 'static>(
        &self,
        turn: Turn,
        begin: impl FnOnce() -> BoxStream<'static, Result<T>> + Send + 'static,
    ) -> BoxStream<'static, Result<T>> {
        let plan = Arc::clone(&self.plan);
        let begun = async move {
            plan.pause().await;
            match turn.fault {
                Some(Fault::FailBefore) => stream::iter([Err(turn.error())]).boxed(),
                _ => begin(),
            }
        };
        stream::once(begun).flatten().boxed()
    }
}

fn listed(
    objects: BoxStream<'static, Result<ObjectMeta>>,
    turn: Turn,
) -> BoxStream<'static, Result<ObjectMeta>> {
    match turn.fault {
        None => objects,
        Some(Fault::Truncate) => cut::items(objects, 1, turn),
        Some(_) => cut::items(objects, usize::MAX, turn),
    }
}
