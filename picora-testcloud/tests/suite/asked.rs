//! Requests of the S3 dialect to any server that speaks it, and what of the answers must be the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use picora_sign::encode;
use picora_testcloud::{Cloud, xml};

/// A server with the bucket `photos`.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    client: HttpClient,
    credential: AwsCredential,
}

/// A request but for its signature. Header names are in lower case, without the vendor's prefix where they begin with a dash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) key: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// What must be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    /// Of the headers, those in [`HEADERS`] and the user's own.
    pub(crate) headers: BTreeMap<String, String>,
    /// Of a document, the lines that [`shown`] keeps; of an object, its bytes.
    pub(crate) body: Vec<String>,
}

impl Asked {
    pub(crate) fn new(method: Method, key: &str) -> Self {
        Self {
            method,
            key: key.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl Server {
    pub(crate) fn at(url: String) -> Self {
        let options = ClientOptions::new().with_allow_http(true);
        let credential = AwsCredential {
            key_id: Cloud::credentials().access_key_id,
            secret_key: Cloud::SECRET.to_owned(),
            token: None,
        };
        Self {
            url,
            client: ReqwestConnector::default().connect(&options).unwrap(),
            credential,
        }
    }

    /// As it is sent.
    pub(crate) fn signed(&self, asked: &Asked) -> HttpRequest {
        let mut uri = format!("{}/photos", self.url);
        if !asked.key.is_empty() {
            uri.push('/');
            uri.push_str(&encode::path(&asked.key));
        }
        let pairs = asked.query.iter();
        let pairs = pairs.map(|(name, value)| format!("{name}={}", encode::component(value)));
        let query = pairs.collect::<Vec<_>>().join("&");
        if !query.is_empty() {
            uri = format!("{uri}?{query}");
        }
        let mut request = HttpRequest::new(asked.body.clone().into());
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = uri.parse().unwrap();
        for (name, value) in &asked.headers {
            let name = if name.starts_with('-') {
                format!("x-amz{name}")
            } else {
                (*name).to_owned()
            };
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let signer = AwsAuthorizer::new(&self.credential, "s3", REGION);
        let signer = signer.with_sign_payload(asked.body.len() < 1_000);
        signer.try_authorize(&mut request, None).unwrap();
        request
    }

    /// Sends it; `None` when there is no answer.
    pub(crate) async fn send(
        &self,
        request: HttpRequest,
    ) -> Option<(StatusCode, http::HeaderMap, Bytes)> {
        let (parts, body) = self.client.execute(request).await.ok()?.into_parts();
        Some((parts.status, parts.headers, body.bytes().await.ok()?))
    }

    /// The status, the headers and the body of an answer.
    pub(crate) async fn raw(&self, asked: &Asked) -> (StatusCode, http::HeaderMap, Bytes) {
        self.send(self.signed(asked)).await.unwrap()
    }

    pub(crate) async fn ask(&self, asked: &Asked) -> Seen {
        let (status, headers, body) = self.raw(asked).await;
        let document = xml::texts(&body).filter(|it| !it.is_empty());
        let reads = !asked.key.is_empty() && [Method::GET, Method::HEAD].contains(&asked.method);
        let kept = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str();
            let of_object = HEADERS.contains(&name) || name.starts_with("x-amz-meta-");
            // What other answers have is about themselves, or stands in their document.
            let kept = of_object && (reads || (name == "etag" && document.is_none()));
            kept.then(|| (name.to_owned(), value.to_str().unwrap().to_owned()))
        });
        let kept = if status.is_success() {
            kept.collect()
        } else {
            BTreeMap::new()
        };
        let body = match document {
            Some(document) => shown(&document),
            None => vec![String::from_utf8_lossy(&body).into_owned()],
        };
        Seen {
            status,
            headers: kept,
            body,
        }
    }
}

/// The lines of a document that mean something, an entry of a list on one line. The order of elements means nothing.
fn shown(document: &[(String, String)]) -> Vec<String> {
    let (mut lines, mut entries, mut entry) = (Vec::new(), Vec::new(), Vec::new());
    for (path, text) in document {
        if ENTRIES.contains(&path.as_str()) {
            entry.sort();
            entries.push(std::mem::take(&mut entry).join(" "));
            continue;
        }
        let within = ENTRIES.iter().any(|it| path.starts_with(&format!("{it}/")));
        let last = path.rsplit('/').next().unwrap();
        let of_error = path.starts_with("Error/") && last != "Code";
        if MEANT.contains(&last) && !of_error {
            // Entity tags may stand with their quotes or without.
            let line = format!("{last}: {}", text.trim_matches('"'));
            if within {
                entry.push(line)
            } else {
                lines.push(line)
            }
        }
    }
    lines.sort();
    lines.extend(entries);
    lines
}

const ENTRIES: [&str; 4] = [
    "ListBucketResult/Contents",
    "ListBucketResult/CommonPrefixes",
    "DeleteResult/Deleted",
    "DeleteResult/Error",
];

const MEANT: [&str; 8] = [
    "Code",
    "ETag",
    "IsTruncated",
    "Key",
    "KeyCount",
    "Prefix",
    "Size",
    "StorageClass",
];

const HEADERS: [&str; 10] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha256",
    "x-amz-storage-class",
];

/// Amazon's name for where buckets are that say nothing, which Cloudflare takes for its own.
const REGION: &str = "us-east-1";
