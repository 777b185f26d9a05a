//! One request, sent until its answer stands.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::Method;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, ReqwestConnector,
};
use picora_core::Clock;
use picora_sign::{Request, encode};

use crate::config::{ConfigError, NativeConfig};
use crate::failure::Failure;
use crate::{Dialect, xml};

/// A bucket that requests are sent to.
#[derive(Debug)]
pub(crate) struct Wire<D> {
    pub(crate) config: NativeConfig,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    host: String,
    dialect: PhantomData<fn() -> D>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Empty for the bucket itself.
    pub(crate) key: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Whether doing it twice is the same as doing it once.
    pub(crate) repeatable: bool,
}

impl Ask {
    pub(crate) fn new(method: Method, key: impl Into<String>) -> Self {
        Self {
            repeatable: matches!(method, Method::GET | Method::HEAD | Method::DELETE),
            method,
            key: key.into(),
            ..Self::default()
        }
    }

    pub(crate) fn asking(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: HttpResponse,
}

/// A failure, and whether an earlier try may have done what was asked for.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// A refusal such as "exists already" may then be about our own work.
    pub(crate) after_loss: bool,
}

impl<D: Dialect> Wire<D> {
    pub(crate) fn new(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let options = ClientOptions::new()
            .with_allow_http(config.endpoint.scheme() == "http")
            .with_connect_timeout(config.connect_timeout)
            .with_timeout_disabled() // a large object takes as long as it takes
            .with_read_timeout(config.read_timeout);
        let http = ReqwestConnector::default().connect(&options);
        let http = http.map_err(|error| ConfigError::Client(error.to_string()))?;
        let host = config.endpoint.host_str().unwrap_or_default();
        let host = match config.endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            config,
            http,
            clock,
            host,
            dialect: PhantomData,
        })
    }

    /// Sends a request, again where that may help and does no harm, until its answer stands.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answered, Failed> {
        let (mut waited, mut pause, mut after_loss) = (Duration::ZERO, FIRST_PAUSE, false);
        for attempt in 1.. {
            let failure = match self.once(ask).await {
                Ok(response) => return Ok(Answered { response }),
                Err(failure) => failure,
            };
            let lost = failure.may_have_happened();
            let again = failure.passes()
                && (ask.repeatable || !lost)
                && attempt < self.config.attempts
                && waited + pause <= self.config.budget;
            if !again {
                return Err(Failed {
                    failure,
                    after_loss,
                });
            }
            after_loss |= lost;
            tokio::time::sleep(pause).await;
            waited += pause;
            pause *= 4;
        }
        unreachable!("the last attempt answers")
    }

    async fn once(&self, ask: &Ask) -> Result<HttpResponse, Failure> {
        let request = self.signed(ask)?;
        let response = self.http.execute(request).await;
        let response = response.map_err(|error| Failure::of(&error))?;
        let status = response.status();
        // A proxy's page says nothing of the bucket: neither its 200 that something was done, nor its 404 that nothing is there.
        if D::ANSWERS_WITH.is_some_and(|name| !response.headers().contains_key(name)) {
            let answered = format!("somebody in front of the store answered {status}");
            return Err(Failure::Lost(answered));
        }
        if status.is_success() {
            return Ok(response);
        }
        let body = if ask.method == Method::HEAD {
            Bytes::new()
        } else {
            // Without all of it nobody knows why: 403 may be a wrong key, or an object that is archived.
            bounded(response.into_body(), LONGEST_REFUSAL).await?
        };
        Err(refusal(status.as_u16(), &body))
    }

    fn signed(&self, ask: &Ask) -> Result<HttpRequest, Failure> {
        let query: Vec<_> = ask
            .query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut headers: Vec<_> = ask
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        headers.push(("host", &self.host));
        let request = Request {
            method: ask.method.as_str(),
            bucket: &self.config.bucket,
            key: &ask.key,
            query: &query,
            headers: &headers,
        };
        let signed = D::headers(&self.config, &request, self.clock.now());
        let mut built = http::Request::builder()
            .method(&ask.method)
            .uri(self.url(&ask.key, &query));
        let sent = headers.iter().filter(|(name, _)| *name != "host");
        let sent = sent.map(|(name, value)| (*name, *value));
        for (name, value) in sent.chain(signed.iter().map(|(name, value)| (*name, value.as_str())))
        {
            let value = http::HeaderValue::from_bytes(value.as_bytes());
            let value = value
                .map_err(|_| unsendable(&format!("the header {name} has a control character")))?;
            built = built.header(name, value);
        }
        if ask.body.is_empty() && matches!(ask.method, Method::PUT | Method::POST) {
            built = built.header(http::header::CONTENT_LENGTH, 0);
        }
        let built = built.body(HttpRequestBody::from(ask.body.clone()));
        built.map_err(|error| unsendable(&error.to_string()))
    }

    /// The address of an object.
    pub(crate) fn url(&self, key: &str, query: &[(&str, &str)]) -> String {
        let mut url = self
            .config
            .endpoint
            .as_str()
            .trim_end_matches('/')
            .to_owned();
        if self.config.bucket_in_path {
            url.push('/');
            url.push_str(&encode::path(&self.config.bucket));
        }
        url.push('/');
        url.push_str(&encode::path(key));
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
        let request = Request {
            method,
            bucket: &self.config.bucket,
            key,
            query,
            headers,
        };
        let signed = D::query(&self.config, &request, self.clock.now(), expires_after);
        let mut query = query.to_vec();
        query.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        self.url(key, &query)
    }
}

/// A refusal as its document says it.
fn refusal(status: u16, body: &[u8]) -> Failure {
    let document = xml::texts(body).unwrap_or_default();
    let of = |path: &str| {
        let found = document.iter().find(|(it, _)| it == path);
        found.map(|(_, text)| text.clone())
    };
    Failure::Refused {
        status,
        code: of("Error/Code").unwrap_or_default(),
        message: of("Error/Message")
            .unwrap_or_else(|| "it gave no reason that can be read".to_owned()),
    }
}

/// Reads a document that says what was done; an error inside it is a refusal, whatever the status said.
pub(crate) async fn document(response: HttpResponse) -> Result<Vec<(String, String)>, Failure> {
    let status = response.status().as_u16();
    let body = bounded(response.into_body(), LONGEST_DOCUMENT).await?;
    let document = xml::texts(&body);
    let document = document.ok_or_else(|| Failure::Lost("its answer is no document".to_owned()))?;
    if document.iter().any(|(path, _)| path == "Error/Code") {
        return Err(match refusal(status, &body) {
            // Its status said otherwise, so nobody knows.
            Failure::Refused { code, message, .. } => Failure::Refused {
                status: 500,
                code,
                message,
            },
            other => other,
        });
    }
    Ok(document)
}

/// Reads a body that is not longer than this.
async fn bounded(body: HttpResponseBody, most: usize) -> Result<Bytes, Failure> {
    let (mut pieces, mut bytes) = (body.bytes_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Failure::Lost(error.to_string()))?;
        if bytes.len() + piece.len() > most {
            let longer = format!("it is longer than {most} bytes, which no document is");
            return Err(Failure::Lost(longer));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn unsendable(why: &str) -> Failure {
    Failure::Refused {
        status: 400,
        code: "Unsendable".to_owned(),
        message: why.to_owned(),
    }
}

/// A page of a list has 1,000 keys of 1,023 bytes, which are three times as long when they are encoded.
const LONGEST_DOCUMENT: usize = 8 << 20;
const LONGEST_REFUSAL: usize = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
