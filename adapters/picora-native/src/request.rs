//! One request, sent until its answer stands.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::response::Parts;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use picora_core::Clock;
use picora_sign::{Request, encode};
use tokio::time::{Instant, timeout_at};

use crate::answer::{self, Answered, Document, Failed, LONGEST_REFUSAL};
use crate::ask::Ask;
use crate::config::{ConfigError, NativeConfig};
use crate::failure::{Failure, Located};
use crate::patience::{Patience, chance};
use crate::ration::Ration;
use crate::refusal::Refusal;
use crate::{Dialect, transport};

/// A bucket that requests are sent to.
#[derive(Debug)]
pub(crate) struct Wire<D> {
    pub(crate) config: NativeConfig,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    host: String,
    /// Of restores, where the vendor limits them.
    ration: Option<Ration>,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> Wire<D> {
    pub(crate) fn new(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let http = transport::client(&config)?;
        Ok(Self::over(http, config, clock))
    }

    /// The same over a client of one's own.
    pub(crate) fn over(http: HttpClient, config: NativeConfig, clock: Arc<dyn Clock>) -> Self {
        let host = config.endpoint.host_str().unwrap_or_default();
        let host = match config.endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let ration = D::caps().restores_per_second.and_then(NonZeroU32::new);
        Self {
            config,
            http,
            clock,
            host,
            ration: ration.map(Ration::new),
            dialect: PhantomData,
        }
    }

    /// Sends a request, again where that may help and does no harm, until its answer stands.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answered, Failed> {
        self.repeat(ask, |answered, _| async { Ok(answered) }).await
    }

    /// The same with an answer that is a document of this name.
    pub(crate) async fn document(
        &self,
        ask: &Ask,
        name: &str,
    ) -> Result<(Parts, Document), Failed> {
        let read = |answered: Answered, deadline| async move {
            let read = answer::document(answered.body, name, deadline).await?;
            Ok((answered.parts, read))
        };
        self.repeat(ask, read).await
    }

    async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        ask: &Ask,
        read: impl Fn(Answered, Instant) -> F,
    ) -> Result<T, Failed> {
        let patience = Patience::new(&self.config, ask.body.len());
        let mut after_loss = false;
        for retries in 0.. {
            let answered = match self.once(ask, &patience).await {
                Ok((answered, deadline)) => read(answered, deadline).await,
                Err(failure) => Err(failure),
            };
            let failure = match answered {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            let lost = failure.may_have_happened();
            let again =
                failure.passes() && (ask.repeatable || !lost) && retries + 1 < self.config.attempts;
            let named = failure.refusal().and_then(|it| it.retry_after);
            let pause = patience.pause(retries, named, chance());
            let Some(pause) = pause.filter(|_| again) else {
                return Err(Failed {
                    failure,
                    after_loss,
                });
            };
            after_loss |= lost;
            tokio::time::sleep(pause).await;
        }
        unreachable!("the last attempt answers")
    }

    /// One try, and when its answer must be there whole.
    async fn once(&self, ask: &Ask, patience: &Patience) -> Result<(Answered, Instant), Failure> {
        if let Some(ration) = self.ration.as_ref().filter(|_| ask.rationed) {
            ration.turn(patience.end).await?;
        }
        let deadline = patience.of_one();
        let request = self.signed(ask)?;
        let response = timeout_at(deadline, self.http.execute(request)).await;
        let response = response.map_err(|_| Failure::Lost("it did not come in time".to_owned()))?;
        let response = response.map_err(|error| Failure::of(&error))?;
        let (parts, body) = response.into_parts();
        let strange = D::ANSWERS_WITH.is_some_and(|name| !parts.headers.contains_key(name));
        // A proxy's page says nothing of the bucket: neither its 200 that something was done, nor its 404 that nothing is there. Only its
        // own troubles are its to tell.
        if strange && !matches!(parts.status.as_u16(), 429 | 500..=599) {
            let answered = format!("somebody in front of the store answered {}", parts.status);
            return Err(Failure::Lost(answered));
        }
        if parts.status.is_success() {
            return Ok((Answered { parts, body }, deadline));
        }
        // Without all of it nobody knows why: 403 may be a wrong key, or an object that is archived.
        let body = answer::whole(body, LONGEST_REFUSAL, deadline).await?;
        let refusal = Refusal::read::<D>(&parts, &body, &*self.clock);
        Err(Failure::Refused(Box::new(refusal)))
    }

    /// A failure, and where it happened.
    pub(crate) fn located(&self, failure: Failure, key: &str) -> Located {
        Located {
            host: self.host.clone(),
            key: key.to_owned(),
            failure,
        }
    }

    /// As bytes are told of it.
    pub(crate) fn told(&self, failure: Failure, key: &str) -> object_store::Error {
        self.located(failure, key).of_bytes(D::NAME)
    }

    /// The server, with its port where one is named.
    pub(crate) fn host(&self) -> &str {
        &self.host
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

fn unsendable(why: &str) -> Failure {
    Refusal::ours(400, "Unsendable", why)
}

#[cfg(test)]
mod tests;
