//! One request, signed and sent until its answer stands.

use std::sync::Arc;
use std::time::Duration;

use http::request::Builder;
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, header};
use object_store::client::{HttpRequest, HttpRequestBody};
use percent_encoding::percent_decode_str;
use picora_core::Clock;
use picora_native::answer::{Answered, Document, Failed};
use picora_native::line::{Line, Marks, Sending};
use picora_native::listing::{self, Page, Place};
use picora_native::patience::{JOINING, Waits};
use picora_native::{ConfigError, Failure, Located, Refusal};
use picora_sign::{Request, aws, encode};

use crate::answer;
use crate::config::{R2Config, REGION};

/// A bucket that requests are sent to.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) config: R2Config,
    line: Line,
}

/// What a request is for, decoded.
struct Target {
    /// Empty for the bucket itself.
    key: String,
    query: Vec<(String, String)>,
}

impl Wire {
    pub(crate) fn new(config: R2Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let waits = Waits {
            connect_timeout: config.connect_timeout,
            read_timeout: config.read_timeout,
            budget: config.budget,
            joining: JOINING,
            attempts: config.attempts,
        };
        let marks = Marks {
            prefix: answer::PREFIX,
            every: Some("cf-ray"),
        };
        let line = Line::new(&config.endpoint, waits, marks, clock)?;
        Ok(Self { config, line })
    }

    /// A request for an object, to be given headers and a body.
    pub(crate) fn ask(&self, method: Method, key: &str) -> Builder {
        let url = self.url(key, &[]);
        http::Request::builder().method(method).uri(url)
    }

    /// Sends a request to the bucket, again where that may help and does no harm, until its answer stands. What signs it is added.
    pub(crate) async fn send(&self, request: &HttpRequest) -> Result<Answered, Failed> {
        let sent = self.line.send(sending(request), || self.signed(request));
        match sent.await {
            Err(failed)
                if failed.after_loss
                    && failed.failure.status() == Some(412)
                    && answer::crc64(request.headers()).is_some() =>
            {
                self.already_there(request, failed).await
            }
            Err(failed) if failed.failure.is_wordless() => Err(self.what_is_missing(request).await),
            sent => sent,
        }
    }

    /// The same where the answer is a document of this name.
    pub(crate) async fn document(
        &self,
        request: &HttpRequest,
        name: &str,
    ) -> Result<(Parts, Document), Failed> {
        let made = || self.signed(request);
        self.line.document(sending(request), made, name).await
    }

    /// The page of a list that a query asks for.
    pub(crate) async fn page(
        &self,
        asked: &[(&str, &str)],
        from: Option<&Place>,
    ) -> Result<Page, Failure> {
        let query: Vec<_> = [("list-type", "2")].iter().chain(asked).copied().collect();
        let request = http::Request::builder().uri(self.url("", &query));
        let read = self.document(&bare(request)?, "ListBucketResult").await;
        let (_, document) = read.map_err(|failed| failed.failure)?;
        let goes_on = ("continuation-token", "NextContinuationToken");
        listing::page(&document.texts, goes_on, from)
    }

    /// The refusal of a `HEAD` has no word: an object that is missing looks like a bucket that is. Reading a byte tells them apart.
    async fn what_is_missing(&self, request: &HttpRequest) -> Failed {
        let mut byte = request.clone();
        *byte.method_mut() = Method::GET;
        let range = HeaderValue::from_static("bytes=0-0");
        byte.headers_mut().insert(header::RANGE, range);
        match self.line.send(sending(&byte), || self.signed(&byte)).await {
            Ok(_) => Failed::is_there_now(),
            Err(failed) => failed,
        }
    }

    /// What stands in the way of a conditional put may be its own bytes, put by an earlier try whose answer was lost. Then that is what is
    /// answered. Who cannot look does not say whose they are.
    async fn already_there(
        &self,
        request: &HttpRequest,
        refused: Failed,
    ) -> Result<Answered, Failed> {
        let unsendable = |failure| Failed {
            failure,
            after_loss: true,
        };
        let key = self.target(request).map_err(unsendable)?.key;
        let head = self.ask(Method::HEAD, &key);
        let head = bare(head).map_err(unsendable)?;
        let found = self.line.send(sending(&head), || self.signed(&head)).await;
        match found {
            Err(failed) if failed.failure.is_wordless() => Err(refused),
            Ok(found) => {
                let theirs = answer::crc64(&found.parts.headers);
                if theirs == answer::crc64(request.headers()) {
                    Ok(found)
                } else {
                    Err(refused)
                }
            }
            Err(failed) => Err(failed),
        }
    }

    /// The server, with its port where one is named.
    pub(crate) fn host(&self) -> &str {
        self.line.host()
    }

    /// How long is waited.
    pub(crate) const fn waits(&self) -> &Waits {
        self.line.waits()
    }

    /// A failure, and where it happened.
    pub(crate) fn located(&self, failure: Failure, key: &str) -> Located {
        self.line.located(failure, key)
    }

    fn signed(&self, request: &HttpRequest) -> Result<HttpRequest, Failure> {
        let Target { key, query } = self.target(request)?;
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let mut headers = vec![("host", self.line.host())];
        let reads = !key.is_empty() && matches!(*request.method(), Method::GET | Method::HEAD);
        if reads {
            headers.push(CHECKSUMS); // which are not told unasked
        }
        for (name, value) in request.headers() {
            let value = std::str::from_utf8(value.as_bytes())
                .map_err(|_| Refusal::unsendable(&format!("the header {name} is no text")))?;
            headers.push((name.as_str(), value));
        }
        let asked = Request {
            method: request.method().as_str(),
            bucket: &self.config.bucket,
            key: &key,
            query: &query,
            headers: &headers,
        };
        let added = aws::headers(&self.config.credentials, REGION, &asked, self.line.now());
        let mut signed = request.clone();
        *signed.uri_mut() = self
            .url(&key, &query)
            .parse()
            .map_err(|_| Refusal::unsendable("its address is none"))?;
        let added = added
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(reads.then_some(CHECKSUMS));
        for (name, value) in added {
            let value = HeaderValue::from_str(value).map_err(|_| {
                Refusal::unsendable("the access key or its token has a control character")
            })?;
            signed
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        if request.body().content_length() == 0
            && matches!(*request.method(), Method::PUT | Method::POST)
        {
            signed
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(signed)
    }

    fn target(&self, request: &HttpRequest) -> Result<Target, Failure> {
        let path = percent_decode_str(request.uri().path()).decode_utf8();
        let path = path.map_err(|_| Refusal::unsendable("its key is no text"))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let key = path.strip_prefix(self.config.bucket.as_str());
        let key = key.ok_or_else(|| Refusal::unsendable("it is not for this bucket"))?;
        let query = request.uri().query().unwrap_or_default();
        Ok(Target {
            key: key.strip_prefix('/').unwrap_or(key).to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        })
    }

    /// The address of an object; that of the bucket for an empty key.
    fn url(&self, key: &str, query: &[(&str, &str)]) -> String {
        let mut url = self.config.endpoint.as_str().to_owned();
        url.push_str(&encode::path(&self.config.bucket));
        if !key.is_empty() {
            url.push('/');
            url.push_str(&encode::path(key));
        }
        if !query.is_empty() {
            url.push('?');
            url.push_str(&encode::query(query));
        }
        url
    }

    /// The address of an object that anybody may use until it expires.
    pub(crate) fn presigned(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        expires_after: Duration,
    ) -> String {
        let mut signed = vec![("host", self.line.host())];
        signed.extend_from_slice(headers);
        let request = Request {
            method,
            bucket: &self.config.bucket,
            key,
            query,
            headers: &signed,
        };
        let credentials = &self.config.credentials;
        let added = aws::query(
            credentials,
            REGION,
            &request,
            self.line.now(),
            expires_after,
        );
        let mut query = query.to_vec();
        query.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        self.url(key, &query)
    }
}

const COPY_SOURCE: &str = "x-amz-copy-source";
const CHECKSUMS: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");

/// A request that has no body.
pub(crate) fn bare(request: Builder) -> Result<HttpRequest, Failure> {
    let request = request.body(HttpRequestBody::empty());
    request.map_err(|error| Refusal::unsendable(&error.to_string()))
}

fn sending(request: &HttpRequest) -> Sending {
    Sending {
        bytes: request.body().content_length(),
        repeatable: repeatable(request),
        rationed: false,
        joins: request.method() == Method::POST || request.headers().contains_key(COPY_SOURCE),
    }
}

/// Whether doing it twice is the same as doing it once. A conditional put is: when the second is refused, it is looked whose bytes are in
/// the way. A copy with conditions is not: whoever asked has to look. Nor is the end of an upload, which exists once.
fn repeatable(request: &HttpRequest) -> bool {
    let headers = request.headers();
    match *request.method() {
        Method::GET | Method::HEAD | Method::DELETE => true,
        Method::PUT if headers.contains_key(COPY_SOURCE) => !headers
            .keys()
            .any(|name| name.as_str().starts_with("cf-copy-destination-")),
        Method::PUT => true,
        _ => request
            .uri()
            .query()
            .is_some_and(|it| it.starts_with("uploads")), // one that nobody knows of is an upload that nobody completes
    }
}
