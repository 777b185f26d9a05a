//! A request as it came, taken apart.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

use crate::digests::Digests;

/// A request to an object or a bucket.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its whole path, decoded.
    pub path: String,
    /// The bucket, from the host or from the path.
    pub bucket: String,
    /// The object, decoded; empty for the bucket itself.
    pub key: String,
    /// Names and values of the query in their order, decoded; an empty value where there is none.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Of the body, where it was not kept.
    pub digests: Option<Digests>,
}

impl Call {
    /// Takes a request apart; `None` when it is not text throughout. `bucket_of` says which bucket a host is, without its port; other hosts have the bucket in the path.
    #[must_use]
    pub fn of(
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
        bucket_of: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().ok()?;
            Some(decoded.into_owned())
        };
        let host = headers.get(http::header::HOST)?.to_str().ok()?;
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let whole = decode(uri.path())?;
        let path = uri.path().strip_prefix('/')?;
        let (bucket, key) = match bucket_of(host) {
            Some(bucket) => (bucket, decode(path)?),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (decode(bucket)?, decode(key)?)
            }
        };
        let pairs = uri
            .query()
            .unwrap_or("")
            .split('&')
            .filter(|it| !it.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // In a query, a plus sign is a space to everybody who writes forms.
            let value = value.replace('+', " ");
            Some((decode(name)?, decode(&value)?))
        });
        Some(Self {
            method,
            path: whole,
            bucket,
            key,
            query: pairs.collect::<Option<_>>()?,
            headers,
            body,
            digests: None,
        })
    }

    /// A header's value, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A value of the query; empty where the name stands alone.
    #[must_use]
    pub fn asked(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        pairs
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}
