//! Bytes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::Method;
use md5::Md5;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use picora_core::Clock;

use crate::attributes::{attributes, headers, meta, number, text};
use crate::failure::Failure;
use crate::listing::{self, Page};
use crate::request::{Ask, Failed, Wire, document};
use crate::upload::Upload;
use crate::{ConfigError, Dialect, NativeConfig};

/// A bucket of a vendor. Cheap to clone.
pub struct Native<D> {
    pub(crate) wire: Arc<Wire<D>>,
}

impl<D> Clone for Native<D> {
    fn clone(&self) -> Self {
        let wire = Arc::clone(&self.wire);
        Self { wire }
    }
}

impl<D: Dialect> Native<D> {
    /// A bucket that speaks this dialect.
    ///
    /// **Errors**: [`ConfigError`] when no HTTPS client can be made. Nothing is sent.
    pub fn new(
        config: NativeConfig,
        clock: Arc<dyn Clock>,
    ) -> std::result::Result<Self, ConfigError> {
        let wire = Arc::new(Wire::new(config, clock)?);
        Ok(Self { wire })
    }

    /// An address by which anybody may do one thing with one object until it expires. Headers that are part of it must be sent as they are.
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

    async fn page(
        &self,
        prefix: &str,
        delimiter: bool,
        after: Option<&str>,
    ) -> std::result::Result<Page, Failure> {
        let mut ask = Ask::new(Method::GET, "");
        for (name, value) in D::LIST {
            ask = ask.asking(name, *value);
        }
        ask = ask.asking("max-keys", "1000").asking("prefix", prefix);
        if delimiter {
            ask = ask.asking("delimiter", "/");
        }
        if let Some(after) = after {
            ask = ask.asking(D::GOES_ON.0, after);
        }
        let answered = self
            .wire
            .send(&ask)
            .await
            .map_err(|failed| failed.failure)?;
        listing::page(&document(answered.response).await?, D::GOES_ON.1)
    }

    fn pages(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), folder(prefix));
        let first = Some(None::<String>);
        let pages = stream::try_unfold(first, move |state| {
            let (store, prefix) = (store.clone(), prefix.clone());
            async move {
                let Some(after) = state else {
                    return Ok::<_, object_store::Error>(None);
                };
                let page = store.page(&prefix, false, after.as_deref()).await;
                let page = page.map_err(|failure| failure.of_bytes(D::NAME, &prefix))?;
                let objects = stream::iter(page.objects.into_iter().map(Ok));
                Ok(Some((objects, page.next.map(Some))))
            }
        });
        pages.try_flatten().boxed()
    }

    /// Whether what is at a key has these bytes: our own work, when an earlier answer to it was lost.
    async fn has(&self, location: &Path, crc64: u64) -> std::result::Result<bool, Failure> {
        let ask = Ask::new(Method::HEAD, location.as_ref());
        let found = self.wire.send(&ask).await;
        let found = found.map_err(|failed| failed.failure)?;
        Ok(stored_crc64::<D>(found.response.headers()) == Some(crc64))
    }
}

#[async_trait]
impl<D: Dialect> ObjectStore for Native<D> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let key = location.as_ref();
        if matches!(opts.mode, PutMode::Update(_)) {
            return Err(object_store::Error::NotImplemented {
                operation: "put an object in place of one of its versions".to_owned(),
                implementer: D::NAME.to_owned(),
            });
        }
        let body = Bytes::from(payload);
        let mut ask = Ask::new(Method::PUT, key).with("content-md5", md5(&body));
        ask.headers.extend(headers(&opts.attributes, D::PREFIX));
        let creates = matches!(opts.mode, PutMode::Create);
        if creates {
            ask = ask.with(format!("{}forbid-overwrite", D::PREFIX), "true");
        }
        // Putting the same bytes twice is putting them once; a second "create" is refused, and then it is looked whose they are.
        ask.repeatable = true;
        let crc64 = crc64(&body);
        ask.body = body;
        let answered = match self.wire.send(&ask).await {
            Ok(answered) => answered.response,
            Err(Failed {
                failure,
                after_loss,
            }) => {
                if creates && after_loss && failure.status() == Some(409) {
                    // Who cannot look must not say whose it is.
                    let ours = self.has(location, crc64).await;
                    if ours.map_err(|failure| failure.of_bytes(D::NAME, key))? {
                        return Ok(PutResult {
                            e_tag: None,
                            version: None,
                            extensions: Default::default(),
                        });
                    }
                }
                return Err(failure.of_bytes(D::NAME, key));
            }
        };
        let e_tag = text(answered.headers(), "etag").map(str::to_owned);
        compare::<D>(answered.headers(), crc64)
            .map_err(|failure| failure.of_bytes(D::NAME, key))?;
        let (parts, _) = answered.into_parts();
        Ok(PutResult {
            e_tag,
            version: None,
            extensions: parts.extensions,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let told = |failure: Failure| failure.of_bytes(D::NAME, location.as_ref());
        let mut ask = Ask::new(Method::POST, location.as_ref()).asking("uploads", "");
        ask.headers.extend(headers(&opts.attributes, D::PREFIX));
        ask.repeatable = true; // one that nobody knows of is an upload that nobody completes
        let begun = self
            .wire
            .send(&ask)
            .await
            .map_err(|failed| told(failed.failure))?;
        let document = document(begun.response).await.map_err(told)?;
        let id = document
            .iter()
            .find(|(path, _)| path == "InitiateMultipartUploadResult/UploadId");
        let id = id.ok_or_else(|| told(Failure::Lost("its upload has no id".to_owned())))?;
        Ok(Box::new(Upload::new(
            self.clone(),
            location.clone(),
            id.1.clone(),
        )))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let key = location.as_ref();
        let told = |failure: Failure| failure.of_bytes(D::NAME, key);
        let method = if options.head {
            Method::HEAD
        } else {
            Method::GET
        };
        let mut ask = Ask::new(method, key);
        if let Some(range) = &options.range {
            if let GetRange::Bounded(range) = range
                && range.is_empty()
            {
                return Err(told(Failure::Refused {
                    status: 416,
                    code: "InvalidRange".to_owned(),
                    message: "nothing is asked for".to_owned(),
                }));
            }
            ask = ask.with("range", range.to_string());
        }
        let dates = [
            ("if-modified-since", options.if_modified_since),
            ("if-unmodified-since", options.if_unmodified_since),
        ];
        let names = [
            ("if-match", options.if_match),
            ("if-none-match", options.if_none_match),
        ];
        for (name, date) in dates {
            if let Some(date) = date {
                ask = ask.with(name, httpdate::fmt_http_date(date.into()));
            }
        }
        for (name, etag) in names {
            if let Some(etag) = etag {
                ask = ask.with(name, etag);
            }
        }
        let response = self
            .wire
            .send(&ask)
            .await
            .map_err(|failed| told(failed.failure))?
            .response;
        let (parts, body) = response.into_parts();
        let length = number(&parts.headers, "content-length").unwrap_or(0);
        let (range, size) = match text(&parts.headers, "content-range") {
            Some(shown) => content_range(shown)
                .ok_or_else(|| told(Failure::Lost("its content-range is none".to_owned())))?,
            None => (0..length, length),
        };
        if let Some(wanted) = &options.range
            && parts.status != http::StatusCode::PARTIAL_CONTENT
            && !options.head
        {
            // What is asked for is not there: the whole object was sent instead.
            return Err(told(Failure::Refused {
                status: 416,
                code: "InvalidRange".to_owned(),
                message: format!("{wanted} of {size} bytes"),
            }));
        }
        let expected = (range == (0..size))
            .then(|| stored_crc64::<D>(&parts.headers))
            .flatten();
        let meta = meta(&parts.headers, location, size).map_err(told)?;
        let attributes = attributes::<D>(&parts.headers);
        let payload = if options.head {
            stream::empty().boxed()
        } else {
            let bytes = body.bytes_stream().map_err(|error| Failure::of(&error));
            let path = key.to_owned();
            checked(bytes.boxed(), expected)
                .map_err(move |failure| failure.of_bytes(D::NAME, &path))
                .boxed()
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(payload),
            meta,
            range,
            attributes,
            extensions: parts.extensions,
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
                let ask = Ask::new(Method::DELETE, location.as_ref());
                let gone = store.wire.send(&ask).await;
                gone.map_err(|failed| failed.failure.of_bytes(D::NAME, location.as_ref()))?;
                Ok(location)
            }
        });
        deleted.buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = folder(prefix);
        let mut all = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
            extensions: Default::default(),
        };
        let mut after = None;
        loop {
            let page = self.page(&prefix, true, after.as_deref()).await;
            let page = page.map_err(|failure| failure.of_bytes(D::NAME, &prefix))?;
            all.common_prefixes.extend(page.prefixes);
            all.objects.extend(page.objects);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let told = |failure: Failure| failure.of_bytes(D::NAME, from.as_ref());
        let mut ask = Ask::new(Method::PUT, to.as_ref()).with(
            format!("{}copy-source", D::PREFIX),
            D::copy_source(&self.wire.config, from.as_ref()),
        );
        if matches!(options.mode, CopyMode::Create) {
            ask = ask.with(format!("{}forbid-overwrite", D::PREFIX), "true");
        }
        ask.repeatable = matches!(options.mode, CopyMode::Overwrite);
        let copied = match self.wire.send(&ask).await {
            Ok(copied) => copied,
            Err(failed) if failed.failure.status() == Some(409) => {
                // Which of two refusals comes first is the store's affair: without a source, there is nothing that exists already.
                self.head(from).await?;
                return Err(failed.failure.of_bytes(D::NAME, to.as_ref()));
            }
            Err(failed) => return Err(told(failed.failure)),
        };
        document(copied.response).await.map(drop).map_err(told)
    }
}

impl<D: Dialect> fmt::Display for Native<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(D::NAME)
    }
}

impl<D: Dialect> fmt::Debug for Native<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Native").field(&D::NAME).finish()
    }
}

/// Hands bytes on, and fails at their end when they are not those that are stored.
fn checked(
    bytes: BoxStream<'static, std::result::Result<Bytes, Failure>>,
    expected: Option<u64>,
) -> BoxStream<'static, std::result::Result<Bytes, Failure>> {
    let Some(expected) = expected else {
        return bytes;
    };
    let state = Some((bytes, Digest::new(CrcAlgorithm::Crc64Xz)));
    stream::try_unfold(state, move |state| async move {
        let Some((mut bytes, mut digest)) = state else {
            return Ok(None);
        };
        match bytes.try_next().await? {
            Some(more) => {
                digest.update(&more);
                Ok(Some((more, Some((bytes, digest)))))
            }
            None if digest.finalize() == expected => Ok(None),
            None => Err(Failure::Corrupt {
                expected,
                found: digest.finalize(),
            }),
        }
    })
    .boxed()
}

/// The CRC-64/XZ that the store keeps of an object.
pub(crate) fn stored_crc64<D: Dialect>(headers: &http::HeaderMap) -> Option<u64> {
    number(headers, &format!("{}hash-crc64ecma", D::PREFIX))
}

pub(crate) fn compare<D: Dialect>(
    headers: &http::HeaderMap,
    expected: u64,
) -> std::result::Result<(), Failure> {
    match stored_crc64::<D>(headers) {
        Some(found) if found != expected => Err(Failure::Corrupt { expected, found }),
        _ => Ok(()),
    }
}

pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes)
}

/// In base 64, as `Content-MD5` has it.
pub(crate) fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    BASE64_STANDARD.encode(Md5::digest(bytes))
}

/// A prefix as a list takes it: whole segments, and a slash behind them.
fn folder(prefix: Option<&Path>) -> String {
    match prefix {
        Some(prefix) if !prefix.as_ref().is_empty() => format!("{prefix}/"),
        _ => String::new(),
    }
}

/// `bytes 0-99/1000`.
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let range = start.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    Some((range, size.parse().ok()?))
}

const DELETES_AT_ONCE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_in_base_64_as_rfc_1864_has_it() {
        assert_eq!(md5(b"abc"), "kAFQmDzST7DWlj99KOF/cg==");
        assert_eq!(md5(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
    }

    #[test]
    fn a_content_range_reads_back() {
        assert_eq!(content_range("bytes 2-4/10"), Some((2..5, 10)));
        for text in [
            "bytes */10",
            "bytes 2-4",
            "2-4/10",
            "bytes 2-18446744073709551615/1",
        ] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
