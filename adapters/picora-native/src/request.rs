//! One request to a bucket, signed.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::response::Parts;
use object_store::client::{HttpRequest, HttpRequestBody};
use picora_core::Clock;
use picora_sign::{Request, encode};

use crate::Dialect;
use crate::answer::{Answered, Document, Failed};
use crate::ask::Ask;
use crate::config::{ConfigError, NativeConfig};
use crate::failure::{Failure, Located};
use crate::line::{Line, Marks};
use crate::refusal::Refusal;

/// A bucket that requests are sent to.
#[derive(Debug)]
pub(crate) struct Wire<D> {
    pub(crate) config: NativeConfig,
    line: Line,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> Wire<D> {
    pub(crate) fn new(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let line = Line::new(&config.endpoint, config.waits(), Self::marks(), clock)?;
        Ok(Self::on(line, config))
    }

    /// The same over a client of one's own.
    #[cfg(test)]
    pub(crate) fn over(
        http: object_store::client::HttpClient,
        config: NativeConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (at, waits) = (config.endpoint.clone(), config.waits());
        let line = Line::over(http, &at, waits, Self::marks(), clock);
        Self::on(line, config)
    }

    fn on(line: Line, config: NativeConfig) -> Self {
        let rationed = D::caps().restores_per_second.and_then(NonZeroU32::new);
        Self {
            line: line.rationed(rationed),
            config,
            dialect: PhantomData,
        }
    }

    /// How answers of the vendor are known.
    fn marks() -> Marks {
        Marks {
            prefix: D::PREFIX,
            every: D::ANSWERS_WITH,
        }
    }

    /// Sends a request, again where that may help and does no harm, until its answer stands.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answered, Failed> {
        self.line.send(ask.sending(), || self.signed(ask)).await
    }

    /// The same with an answer that is a document of this name.
    pub(crate) async fn document(
        &self,
        ask: &Ask,
        name: &str,
    ) -> Result<(Parts, Document), Failed> {
        let made = || self.signed(ask);
        self.line.document(ask.sending(), made, name).await
    }

    /// A failure, and where it happened.
    pub(crate) fn located(&self, failure: Failure, key: &str) -> Located {
        self.line.located(failure, key)
    }

    /// As bytes are told of it.
    pub(crate) fn told(&self, failure: Failure, key: &str) -> object_store::Error {
        self.located(failure, key).of_bytes(D::NAME)
    }

    /// The server, with its port where one is named.
    pub(crate) fn host(&self) -> &str {
        self.line.host()
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
        headers.push(("host", self.line.host()));
        let request = Request {
            method: ask.method.as_str(),
            bucket: &self.config.bucket,
            key: &ask.key,
            query: &query,
            headers: &headers,
        };
        let signed = D::headers(&self.config, &request, self.line.now());
        let mut built = http::Request::builder()
            .method(&ask.method)
            .uri(self.url(&ask.key, &query));
        let sent = headers.iter().filter(|(name, _)| *name != "host");
        let sent = sent.map(|(name, value)| (*name, *value));
        for (name, value) in sent.chain(signed.iter().map(|(name, value)| (*name, value.as_str())))
        {
            let value = http::HeaderValue::from_bytes(value.as_bytes());
            let value = value.map_err(|_| {
                Refusal::unsendable(&format!("the header {name} has a control character"))
            })?;
            built = built.header(name, value);
        }
        if ask.body.is_empty() && matches!(ask.method, Method::PUT | Method::POST) {
            built = built.header(http::header::CONTENT_LENGTH, 0);
        }
        let built = built.body(HttpRequestBody::from(ask.body.clone()));
        built.map_err(|error| Refusal::unsendable(&error.to_string()))
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
        let signed = D::query(&self.config, &request, self.line.now(), expires_after);
        let mut query = query.to_vec();
        query.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        self.url(key, &query)
    }
}

#[cfg(test)]
mod tests;
