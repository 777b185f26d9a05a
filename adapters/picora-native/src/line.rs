//! The way to a server: a request goes until its answer stands.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;

use http::Method;
use http::response::Parts;
use object_store::client::{HttpClient, HttpRequest};
use picora_core::Clock;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::answer::{self, Answered, Document, Failed, InTime, LONGEST_DOCUMENT, LONGEST_REFUSAL};
use crate::config::ConfigError;
use crate::failure::{Failure, Located};
use crate::patience::{Patience, Waits, after, chance};
use crate::ration::Ration;
use crate::refusal::Refusal;
use crate::transport;

/// A server, how long is waited for it, and how its answers are known.
#[derive(Debug)]
pub struct Line {
    http: HttpClient,
    clock: Arc<dyn Clock>,
    host: String,
    waits: Waits,
    marks: Marks,
    ration: Option<Ration>,
}

/// How a vendor's answers are known.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// What its headers begin with, such as `x-oss-`.
    pub prefix: &'static str,
    /// The header that every answer of its own has, and no answer of somebody in front of it; `None` when there is none.
    pub every: Option<&'static str>,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// How many bytes its body has.
    pub bytes: usize,
    /// Whether doing it twice is the same as doing it once.
    pub repeatable: bool,
    /// Whether the vendor takes only so many of its kind in a second.
    pub rationed: bool,
    /// Whether the store joins parts or copies, which takes its time: see [`Waits::joining`].
    pub joins: bool,
}

impl Line {
    /// A line to the server at an address.
    ///
    /// **Errors**: [`ConfigError`] when no HTTPS client can be made. Nothing is sent.
    pub fn new(
        endpoint: &Url,
        waits: Waits,
        marks: Marks,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let http = transport::client(endpoint, waits.connect_timeout)?;
        Ok(Self::over(http, endpoint, waits, marks, clock))
    }

    /// The same over a client of one's own.
    pub(crate) fn over(
        http: HttpClient,
        endpoint: &Url,
        waits: Waits,
        marks: Marks,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let host = endpoint.host_str().unwrap_or_default();
        let host = match endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            http,
            clock,
            host,
            waits,
            marks,
            ration: None,
        }
    }

    /// The same with no more than so many requests that are rationed in a second; those who wait have their turns in the order of asking.
    #[must_use]
    pub fn rationed(mut self, a_second: Option<NonZeroU32>) -> Self {
        self.ration = a_second.map(Ration::new);
        self
    }

    /// Sends a request, again where that may help and does no harm, until its answer stands. `made` makes it anew for each try, for a
    /// signature holds for its time.
    ///
    /// **Errors**: what the last try failed at.
    pub async fn send(
        &self,
        sending: Sending,
        made: impl Fn() -> Result<HttpRequest, Failure>,
    ) -> Result<Answered, Failed> {
        self.repeat(sending, made, |answered, _| async { Ok(answered) })
            .await
    }

    /// The same with an answer that is a document of this name.
    pub async fn document(
        &self,
        sending: Sending,
        made: impl Fn() -> Result<HttpRequest, Failure>,
        name: &str,
    ) -> Result<(Parts, Document), Failed> {
        let read = |answered: Answered, deadline| async move {
            let in_time = if sending.joins {
                InTime {
                    end: after(self.waits.joining),
                    pause: self.waits.read_timeout,
                }
            } else {
                InTime::by(deadline)
            };
            let body = answer::whole(answered.body, LONGEST_DOCUMENT, in_time).await?;
            Ok((answered.parts, Document::read(body, name)?))
        };
        self.repeat(sending, made, read).await
    }

    async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        sending: Sending,
        made: impl Fn() -> Result<HttpRequest, Failure>,
        read: impl Fn(Answered, Instant) -> F,
    ) -> Result<T, Failed> {
        let patience = Patience::new(&self.waits, sending.bytes);
        let mut after_loss = false;
        for retries in 0.. {
            let mut changes = true;
            let answered = match self.once(sending, &made, &patience, &mut changes).await {
                Ok((answered, deadline)) => read(answered, deadline).await,
                Err(failure) if after_loss && changes => Err(failure.after_loss()),
                Err(failure) => Err(failure),
            };
            let failure = match answered {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            let lost = failure.may_have_happened();
            // A copy without an answer may be going on still; another would go beside it.
            let goes_on = sending.joins && matches!(failure, Failure::Lost(_));
            let again = failure.passes()
                && (sending.repeatable || !lost)
                && !goes_on
                && retries + 1 < self.waits.attempts;
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

    /// One try, and when its answer must be there whole. Whether it would change the store is told, too.
    async fn once(
        &self,
        sending: Sending,
        made: impl Fn() -> Result<HttpRequest, Failure>,
        patience: &Patience,
        changes: &mut bool,
    ) -> Result<(Answered, Instant), Failure> {
        if let Some(ration) = self.ration.as_ref().filter(|_| sending.rationed) {
            ration.turn(patience.end).await?;
        }
        let deadline = patience.of_one();
        let request = made()?;
        let bodiless = request.method() == Method::HEAD;
        *changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        let response = timeout_at(deadline, self.http.execute(request)).await;
        let response = response.map_err(|_| Failure::Lost("it did not come in time".to_owned()))?;
        let response = response.map_err(|error| Failure::of(&error))?;
        let (parts, body) = response.into_parts();
        let every = self.marks.every;
        let strange = every.is_some_and(|name| !parts.headers.contains_key(name));
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
        let body = answer::whole(body, LONGEST_REFUSAL, InTime::by(deadline)).await?;
        let mut refusal = Refusal::read(&parts, &body, self.marks.prefix, &*self.clock);
        refusal.bodiless = bodiless;
        Err(Failure::Refused(Box::new(refusal)))
    }

    /// The time of the clock that it was given.
    #[must_use]
    pub fn now(&self) -> picora_core::Timestamp {
        self.clock.now()
    }

    /// The server, with its port where one is named.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How long is waited.
    #[must_use]
    pub const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// A failure, and where it happened.
    #[must_use]
    pub fn located(&self, failure: Failure, key: &str) -> Located {
        Located {
            host: self.host.clone(),
            key: key.to_owned(),
            failure,
        }
    }
}
