//! A store some of whose objects are odd.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use picora_storage::{Corrupt, Frozen};

/// What an object is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Oddity {
    /// Its bytes are others, and that is seen at their end.
    Corrupt,
    /// It is archived.
    Frozen,
    /// It is removed after it was listed.
    Gone,
    /// It has a byte less than it says.
    Short,
}

/// A store in memory with odd objects.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) inner: Arc<InMemory>,
    pub(crate) odd: Vec<(Path, Oddity)>,
    /// Whether it lists backwards.
    pub(crate) backwards: bool,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Odd")
    }
}

#[async_trait]
impl ObjectStore for Odd {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.inner.get_opts(location, options).await?;
        let path = location.to_string();
        let odd = self.odd.iter().find(|(key, _)| key == location);
        let Some((_, oddity)) = odd else {
            return Ok(got);
        };
        let pieces: Vec<Result<Bytes>> = match oddity {
            Oddity::Frozen => {
                return Err(Error::PermissionDenied {
                    path,
                    source: Box::new(Frozen),
                });
            }
            Oddity::Gone => {
                return Err(Error::NotFound {
                    path,
                    source: "it is gone".into(),
                });
            }
            Oddity::Corrupt => vec![
                Ok(Bytes::from_static(b"other bytes")),
                Err(Error::Generic {
                    store: "odd",
                    source: Box::new(Corrupt {
                        expected: 1,
                        found: 2,
                    }),
                }),
            ],
            Oddity::Short => {
                let short = usize::try_from(got.meta.size - 1).unwrap();
                vec![Ok(Bytes::from(vec![7; short]))]
            }
        };
        got.payload = GetResultPayload::Stream(stream::iter(pieces).boxed());
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (listed, backwards) = (self.inner.list(prefix), self.backwards);
        let all = listed.collect::<Vec<_>>().map(move |mut all| {
            if backwards {
                all.reverse();
            }
            stream::iter(all)
        });
        all.flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
