//! The rule of [`backoff`](crate::backoff) with a clock and with chance: what every sender of requests asks.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode};
use picora_core::{Clock, Entropy};

use crate::backoff::{Rule, Setback, Step, decide};
use crate::retry_after::RetryAfter;
use crate::system::{SystemClock, SystemEntropy};

/// Decides about answers by a rule, this machine's clock and its chance.
#[derive(Clone, Debug)]
pub struct Retry {
    rule: Rule,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What a request came to, as far as retries care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) setback: Setback,
    pub(crate) retry_after: RetryAfter,
}

impl Retry {
    /// By this rule, with the system's clock and random numbers.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self::with(rule, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// By this rule, with a clock (for dates in `Retry-After`) and chance (for jitter) of the caller's own.
    #[must_use]
    pub const fn with(rule: Rule, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            rule,
            clock,
            entropy,
        }
    }

    /// Decides after an answer; `None` when it is one to keep.
    ///
    /// A 429 may be repeated whatever the request was, for it was refused before anything was done. A 503 that names a wait is repeated when
    /// the request is `repeatable` (see [`is_repeatable`]): a server that says when it is back asks for that, and doing it twice does no
    /// harm. A 503 that names none is an outage that nobody knows the end of, and is handed on.
    #[must_use]
    pub fn after(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        repeatable: bool,
        retries: u32,
    ) -> Option<Step> {
        let trouble = self.trouble(status, headers)?;
        Some(self.step(trouble, repeatable, retries))
    }

    /// Sends a request of reqwest until its answer is one to keep, or until the rule gives up.
    ///
    /// A request whose body is a stream cannot be sent twice and is sent once. **Errors**: reqwest's, as they come; they are not
    /// repeated. The last answer is handed on as it is, also when it is a 429.
    ///
    /// ```no_run
    /// # async fn example() -> reqwest::Result<()> {
    /// use picora_client::{Retry, backoff::Rule};
    /// let client = reqwest::Client::new();
    /// let answer = Retry::new(Rule::default()).send(client.get("https://api.example/v1/images")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> reqwest::Result<reqwest::Response> {
        let (client, request) = request.build_split();
        let (mut request, mut retries) = (request?, 0);
        let repeatable = is_repeatable(request.method(), request.headers());
        loop {
            let again = request.try_clone();
            let answer = client.execute(request).await?;
            let step = self.after(answer.status(), answer.headers(), repeatable, retries);
            let (Some(Step::Wait(wait)), Some(again)) = (step, again) else {
                return Ok(answer);
            };
            tokio::time::sleep(wait).await;
            request = again;
            retries += 1;
        }
    }

    pub(crate) fn trouble(&self, status: StatusCode, headers: &HeaderMap) -> Option<Trouble> {
        let retry_after = RetryAfter::of(headers, self.clock.now());
        let setback = match status {
            StatusCode::TOO_MANY_REQUESTS => Setback::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE if retry_after != RetryAfter::Absent => {
                Setback::Unknown
            }
            _ => return None,
        };
        Some(Trouble {
            setback,
            retry_after,
        })
    }

    pub(crate) fn step(&self, trouble: Trouble, repeatable: bool, retries: u32) -> Step {
        let mut chance = [0; 8];
        self.entropy.fill(&mut chance);
        let chance = u64::from_le_bytes(chance);
        decide(
            &self.rule,
            trouble.setback,
            repeatable,
            retries,
            trouble.retry_after,
            chance,
        )
    }

    pub(crate) const fn first_wait(&self) -> Duration {
        self.rule.first_wait
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }
}

/// Whether doing a request twice is the same as once: by its method (RFC 9110 §9.2.2), or because it carries an `Idempotency-Key`.
#[must_use]
pub fn is_repeatable(method: &Method, headers: &HeaderMap) -> bool {
    method.is_idempotent() || headers.contains_key(IDEMPOTENCY_KEY)
}

/// The header by which a client names an attempt.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
