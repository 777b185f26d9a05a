//! Bytes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use http::{HeaderName, HeaderValue};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, RetryConfig,
};
use picora_core::Clock;
use picora_native::attributes::{attributes, headers, meta};
use picora_native::checked::{Algorithm, checked};
use picora_native::listing::{self, Page, Place};
use picora_native::{ConfigError, Failure, Refusal};
use picora_tiering::Tier;

use crate::R2Config;
use crate::answer::{Answer, PREFIX, read_class};
use crate::config::REGION;
use crate::transport::Transport;
use crate::upload::Upload;
use crate::wire::Wire;

/// A bucket of R2. Cheap to clone.
#[derive(Clone)]
pub struct R2 {
    s3: AmazonS3,
    pub(crate) wire: Arc<Wire>,
}

impl R2 {
    pub(crate) fn new(
        config: R2Config,
        clock: Arc<dyn Clock>,
    ) -> std::result::Result<Self, ConfigError> {
        // What the wire does not do is read on where a body broke off; that much is left to the client, however long the body takes.
        let resumes = RetryConfig {
            max_retries: config.attempts.saturating_sub(1) as usize,
            retry_timeout: Duration::MAX,
            ..RetryConfig::default()
        };
        let config = config.verified()?;
        let (endpoint, bucket) = (config.endpoint.as_str().to_owned(), config.bucket.clone());
        let wire = Arc::new(Wire::new(config, clock)?);
        let s3 = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_bucket_name(bucket)
            .with_region(REGION)
            .with_skip_signature(true) // the wire signs
            .with_http_connector(Transport(Arc::clone(&wire)))
            .with_retry(resumes)
            .with_checksum_algorithm(Checksum::CRC64NVME)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_copy_if_not_exists(S3CopyIfNotExists::Header(
                "cf-copy-destination-if-none-match".to_owned(),
                "*".to_owned(),
            ))
            .with_disable_tagging(true) // R2 has none
            .with_disable_bulk_delete(true)
            .build();
        let s3 = s3.map_err(|error| ConfigError::Client(error.to_string()))?;
        Ok(Self { s3, wire })
    }

    /// An address by which anybody may do one thing with one object until it expires, at most seven days. Headers that are part of it must
    /// be sent as they are.
    #[must_use]
    pub fn presigned(
        &self,
        method: &str,
        location: &Path,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        expires_after: Duration,
    ) -> String {
        let key = location.as_ref();
        self.wire
            .presigned(method, key, query, headers, expires_after)
    }

    /// The same for reading.
    #[must_use]
    pub fn presigned_get(&self, location: &Path, expires_after: Duration) -> String {
        self.presigned("GET", location, &[], &[], expires_after)
    }

    /// The same for writing.
    #[must_use]
    pub fn presigned_put(
        &self,
        location: &Path,
        headers: &[(&str, &str)],
        expires_after: Duration,
    ) -> String {
        self.presigned("PUT", location, &[], headers, expires_after)
    }
}

impl R2 {
    async fn page(&self, prefix: &str, one_level: bool, from: Option<Place>) -> Result<Page> {
        let asked = listing::query(prefix, one_level, from.as_ref());
        let page = self.wire.page(&asked, from.as_ref()).await;
        page.map_err(|failure| self.wire.located(failure, prefix).of_bytes(NAME))
    }

    /// By ourselves, for the client believes a page that leads nowhere, and takes for the end what does not say where it goes on.
    fn pages(
        &self,
        prefix: Option<&Path>,
        from: Option<Place>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), listing::folder(prefix));
        listing::objects(from, move |from| {
            let (store, prefix) = (store.clone(), prefix.clone());
            async move { store.page(&prefix, false, from).await }
        })
    }
}

impl Wire {
    /// The wire's failure in the client's error, in the words that all stores of ours have.
    pub(crate) fn told(&self, error: Error, path: &Path) -> Error {
        match failure(&error) {
            Some(failure) => self.located(failure.clone(), path.as_ref()).of_bytes(NAME),
            None => error,
        }
    }

    fn is_header(&self, value: Option<&str>, path: &Path) -> Result<()> {
        let Some(value) = value.filter(|it| HeaderValue::from_str(it).is_err()) else {
            return Ok(());
        };
        let failure = Refusal::unsendable(&format!("{value:?} is no value of a header"));
        Err(self.located(failure, path.as_ref()).of_bytes(NAME))
    }

    /// The client does not survive a header that is none.
    fn sendable(&self, attributes: &Attributes, path: &Path) -> Result<()> {
        for (name, value) in headers(attributes, PREFIX) {
            self.is_header(Some(&value), path)?;
            if name.parse::<HeaderName>().is_err() {
                let failure = Refusal::unsendable(&format!("{name} is no header"));
                return Err(self.located(failure, path.as_ref()).of_bytes(NAME));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for R2 {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let mode = opts.mode.clone();
        self.wire.sendable(&opts.attributes, location)?;
        if let PutMode::Update(version) = &mode {
            self.wire.is_header(version.e_tag.as_deref(), location)?;
        }
        let put = self.s3.put_opts(location, payload, opts).await;
        put.map_err(|error| match (mode, self.wire.told(error, location)) {
            (PutMode::Create, Error::Precondition { path, source }) => {
                Error::AlreadyExists { path, source }
            }
            // There is no such version when there is none at all.
            (PutMode::Update(_), Error::NotFound { path, source }) => {
                Error::Precondition { path, source }
            }
            (_, error) => error,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.wire.sendable(&opts.attributes, location)?;
        let begun = self.s3.put_multipart_opts(location, opts).await;
        let begun = begun.map_err(|error| self.wire.told(error, location))?;
        Ok(Box::new(Upload::new(
            begun,
            Arc::clone(&self.wire),
            location.clone(),
        )))
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        if head {
            options.range = None; // it says how long the object is
        }
        for etag in [&options.if_match, &options.if_none_match] {
            self.wire.is_header(etag.as_deref(), location)?;
        }
        let found = self.s3.get_opts(location, options).await;
        let mut found = found.map_err(|error| self.wire.told(error, location))?;
        let mut expected = None;
        if let Some(answer) = found.extensions.get::<Answer>() {
            found.attributes = attributes(&answer.headers, PREFIX, |class| {
                read_class(Some(class)) == Tier::Hot.into()
            });
            // The client makes up a time for an answer that has none.
            let size = found.meta.size;
            meta(&answer.headers, location, size).map_err(|failure| {
                let located = self.wire.located(failure, location.as_ref());
                located.of_bytes(NAME)
            })?;
            let whole = !head && found.range == (0..found.meta.size);
            expected = answer.crc64.filter(|_| whole);
        }
        let (meta, range) = (found.meta.clone(), found.range.clone());
        let (attributes, extensions) = (found.attributes.clone(), found.extensions.clone());
        let (wire, path) = (Arc::clone(&self.wire), location.clone());
        let bytes = found.into_stream();
        let bytes = bytes.map_err(move |error| wire.told(error, &path));
        let bytes = match expected {
            Some(expected) => {
                let (wire, path) = (Arc::clone(&self.wire), location.clone());
                checked(
                    bytes.boxed(),
                    Algorithm::Crc64Nvme,
                    expected,
                    move |corrupt| {
                        let located = wire.located(Failure::Corrupt(corrupt), path.as_ref());
                        located.of_bytes(NAME)
                    },
                )
            }
            None => bytes.boxed(),
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(bytes),
            meta,
            range,
            attributes,
            extensions,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deleted = locations.map(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                let gone = store.s3.delete(&location).await;
                gone.map_err(|error| store.wire.told(error, &location))?;
                Ok(location)
            }
        });
        deleted.buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, Some(Place::after("start-after", offset)))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = listing::folder(prefix);
        listing::level(|from| self.page(&prefix, true, from)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let creates = matches!(options.mode, CopyMode::Create);
        let copied = self.s3.copy_opts(from, to, options).await;
        match copied.map_err(|error| self.wire.told(error, from)) {
            Err(Error::Precondition { source, .. }) if creates => {
                // Which of two refusals comes first is the store's affair: without a source, there is nothing that exists already.
                self.head(from).await?;
                let path = to.to_string();
                Err(Error::AlreadyExists { path, source })
            }
            copied => copied,
        }
    }
}

impl fmt::Display for R2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

impl fmt::Debug for R2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = &self.wire.config.bucket;
        f.debug_struct("R2").field("bucket", bucket).finish()
    }
}

/// The wire's failure in the client's error.
pub(crate) fn failure(error: &Error) -> Option<&Failure> {
    let first = std::error::Error::source(error);
    let mut causes = std::iter::successors(first, |cause| cause.source());
    causes.find_map(|cause| cause.downcast_ref::<Failure>())
}

pub(crate) const NAME: &str = "r2";
const DELETES_AT_ONCE: usize = 8;
