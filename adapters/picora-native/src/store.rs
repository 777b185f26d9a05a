//! Bytes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
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
use picora_storage::Corrupt;
use picora_tiering::Tier;

use crate::answer::{self, Answered, Failed};
use crate::ask::Ask;
use crate::attributes::{attributes, headers, meta, number, text};
use crate::checked::{Algorithm, checked};
use crate::failure::Failure;
use crate::listing::{self, Page, Place};
use crate::refusal::Refusal;
use crate::request::Wire;
use crate::upload::Upload;
use crate::{ConfigError, Dialect, NativeConfig};

/// A bucket of a vendor. Cheap to clone.
///
/// **Boundaries**: a create is refused by the vendors' `forbid-overwrite`, which they ignore on buckets that keep versions: there it puts a
/// new version over the one that is there. When the answer to a create was lost and the next try is refused, an object with the CRC-64 of
/// our bytes counts as ours, whoever has put it: the bytes are the same, the headers may be others'. A put that is answered with another
/// CRC-64 is [`Corrupt`], and has left what the store took visible under its key: put it again, or remove it.
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
    /// **Errors**: [`ConfigError`] when no requests can be made of the configuration, or no HTTPS client. Nothing is sent.
    pub fn new(
        config: NativeConfig,
        clock: Arc<dyn Clock>,
    ) -> std::result::Result<Self, ConfigError> {
        let wire = Arc::new(Wire::new(config.verified()?, clock)?);
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

    async fn page(&self, prefix: &str, one_level: bool, from: Option<Place>) -> Result<Page> {
        let mut ask = Ask::new(Method::GET, "");
        let asked = listing::query(prefix, one_level, from.as_ref());
        for (name, value) in D::LIST.iter().copied().chain(asked) {
            ask = ask.asking(name, value);
        }
        let read = self.wire.document(&ask, "ListBucketResult").await;
        let page = read
            .map_err(|failed| failed.failure)
            .and_then(|(_, it)| listing::page(&it.texts, D::GOES_ON, from.as_ref()));
        page.map_err(|failure| self.wire.told(failure, prefix))
    }

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

    /// Whether what is at a key has these bytes: our own work, when an earlier answer to it was lost.
    async fn has(&self, location: &Path, crc64: u64) -> std::result::Result<bool, Failure> {
        let ask = Ask::new(Method::HEAD, location.as_ref());
        let found = self.wire.send(&ask).await;
        let found = found.map_err(|failed| failed.failure)?;
        Ok(stored_crc64::<D>(&found.parts.headers)? == Some(crc64))
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
            return Err(not_made::<D>(
                "put an object in place of one of its versions",
            ));
        }
        if !opts.tags.encoded().is_empty() {
            return Err(not_made::<D>("put an object with tags"));
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
            Ok(answered) => answered.parts,
            Err(Failed {
                failure,
                after_loss,
            }) => {
                if creates && after_loss && failure.status() == Some(409) {
                    // Who cannot look must not say whose it is.
                    let ours = self.has(location, crc64).await;
                    if ours.map_err(|failure| self.wire.told(failure, key))? {
                        return Ok(PutResult {
                            e_tag: None,
                            version: None,
                            extensions: Default::default(),
                        });
                    }
                }
                return Err(self.wire.told(failure, key));
            }
        };
        compare::<D>(&answered.headers, crc64).map_err(|failure| self.wire.told(failure, key))?;
        Ok(PutResult {
            e_tag: text(&answered.headers, "etag").map(str::to_owned),
            version: None,
            extensions: answered.extensions,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !opts.tags.encoded().is_empty() {
            return Err(not_made::<D>("put an object with tags"));
        }
        let told = |failure: Failure| self.wire.told(failure, location.as_ref());
        let mut ask = Ask::new(Method::POST, location.as_ref()).asking("uploads", "");
        ask.headers.extend(headers(&opts.attributes, D::PREFIX));
        ask.repeatable = true; // one that nobody knows of is an upload that nobody completes
        let (_, document) = self
            .wire
            .document(&ask, "InitiateMultipartUploadResult")
            .await
            .map_err(|failed| told(failed.failure))?;
        let id = document.text("InitiateMultipartUploadResult/UploadId");
        let id = id.ok_or_else(|| told(Failure::Lost("its upload has no id".to_owned())))?;
        Ok(Box::new(Upload::new(
            self.clone(),
            location.clone(),
            id.to_owned(),
        )))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.version.is_some() {
            return Err(not_made::<D>("get one of an object's versions"));
        }
        let key = location.as_ref();
        let told = |failure: Failure| self.wire.told(failure, key);
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
                return Err(told(Refusal::ours(
                    416,
                    "InvalidRange",
                    "nothing is asked for",
                )));
            }
            if !options.head {
                ask = ask.with("range", range.to_string());
                if let Some((name, value)) = D::CUTS_RANGES {
                    ask = ask.with(name, value);
                }
            }
        }
        let dates = [
            ("if-modified-since", options.if_modified_since),
            ("if-unmodified-since", options.if_unmodified_since),
        ];
        let names = [
            ("if-match", &options.if_match),
            ("if-none-match", &options.if_none_match),
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
        let Answered { parts, body } = self
            .wire
            .send(&ask)
            .await
            .map_err(|failed| told(failed.failure))?;
        let (range, size) = extent(&parts, &options).map_err(told)?;
        let expected = (range == (0..size))
            .then(|| stored_crc64::<D>(&parts.headers))
            .transpose()
            .map_err(told)?
            .flatten();
        let meta = meta(&parts.headers, location, size).map_err(told)?;
        let attributes = attributes(&parts.headers, D::PREFIX, |class| {
            D::read_class(Some(class)) == Tier::Hot.into()
        });
        let payload = if options.head {
            stream::empty().boxed()
        } else {
            let bytes = answer::pieces(body, self.wire.config.read_timeout);
            let (wire, key) = (Arc::clone(&self.wire), key.to_owned());
            let bytes = match expected {
                Some(expected) => checked(bytes, Algorithm::Crc64Xz, expected, Failure::Corrupt),
                None => bytes,
            };
            bytes
                .map_err(move |failure| wire.told(failure, &key))
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
                gone.map_err(|failed| store.wire.told(failed.failure, location.as_ref()))?;
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
        self.pages(prefix, Some(Place::after(D::STARTS_AFTER, offset)))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = listing::folder(prefix);
        listing::level(|from| self.page(&prefix, true, from)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let told = |failure: Failure| self.wire.told(failure, from.as_ref());
        if from == to {
            // The vendors refuse it, or lose every header that is not sent again.
            return Err(not_made::<D>("copy an object onto itself"));
        }
        let mut ask = Ask::new(Method::PUT, to.as_ref()).with(
            format!("{}copy-source", D::PREFIX),
            D::copy_source(&self.wire.config, from.as_ref()),
        );
        if matches!(options.mode, CopyMode::Create) {
            ask = ask.with(format!("{}forbid-overwrite", D::PREFIX), "true");
        }
        ask.joins = true;
        ask.repeatable = matches!(options.mode, CopyMode::Overwrite);
        match self.wire.document(&ask, "CopyObjectResult").await {
            Ok(_) => Ok(()),
            Err(failed) if failed.failure.status() == Some(409) => {
                // Which of two refusals comes first is the store's affair: without a source, there is nothing that exists already.
                self.head(from).await?;
                Err(self.wire.told(failed.failure, to.as_ref()))
            }
            Err(failed) => Err(told(failed.failure)),
        }
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

/// What is asked for, and would else be left out in silence.
fn not_made<D: Dialect>(operation: &str) -> object_store::Error {
    object_store::Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: D::NAME.to_owned(),
    }
}

/// The CRC-64/XZ that the store keeps of an object.
pub(crate) fn stored_crc64<D: Dialect>(
    headers: &http::HeaderMap,
) -> std::result::Result<Option<u64>, Failure> {
    let name = format!("{}hash-crc64ecma", D::PREFIX);
    if !headers.contains_key(&name) {
        return Ok(None);
    }
    let none = || Failure::Lost(format!("its {name} is no number"));
    number(headers, &name).map(Some).ok_or_else(none)
}

pub(crate) fn compare<D: Dialect>(
    headers: &http::HeaderMap,
    expected: u64,
) -> std::result::Result<(), Failure> {
    match stored_crc64::<D>(headers)? {
        Some(found) if found != expected => Err(Failure::Corrupt(Corrupt { expected, found })),
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

/// Which bytes an answer brings, and of how many; not those that were asked for is an error.
fn extent(
    parts: &http::response::Parts,
    options: &GetOptions,
) -> std::result::Result<(Range<u64>, u64), Failure> {
    let strange = |what: &str| Failure::Lost(format!("its answer has {what}"));
    let length = number(&parts.headers, "content-length").ok_or_else(|| strange("no length"))?;
    let partial = parts.status == http::StatusCode::PARTIAL_CONTENT;
    let Some(wanted) = options.range.as_ref().filter(|_| !options.head) else {
        return if partial {
            Err(strange("a part of the object only"))
        } else {
            Ok((0..length, length))
        };
    };
    if !partial {
        // What is asked for is not there: the whole object was sent instead.
        let what = format!("{wanted} of {length} bytes");
        return Err(Refusal::ours(416, "InvalidRange", what));
    }
    let shown = text(&parts.headers, "content-range").and_then(content_range);
    let (range, size) = shown.ok_or_else(|| strange("a content-range that is none"))?;
    let meant = wanted.as_range(size).ok();
    if meant.as_ref() != Some(&range) || length != range.end.saturating_sub(range.start) {
        return Err(strange("other bytes than those that were asked for"));
    }
    Ok((range, size))
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
