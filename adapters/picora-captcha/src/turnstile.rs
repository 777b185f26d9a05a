//! Cloudflare Turnstile: `siteverify`.

use std::fmt;

use async_trait::async_trait;
use picora_core::StoreError;
use picora_https::{Answer, Endpoint, exchange};
use picora_ratelimit::captcha::{
    CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier, CaptchaWidget,
};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::config::{ConfigError, LONGEST_ANSWER};
use crate::unanswered::Unanswered;

/// What a deployment has at Turnstile: two widgets, so that a token of the easier one does not answer the harder one.
///
/// Without hostnames or action, those of an answer are not looked at; a deployment names them, for a sitekey is public and its widget can
/// be shown elsewhere. **Source**: Cloudflare "Server-side validation".
#[derive(Clone, Debug)]
pub struct Turnstile {
    managed: SecretString,
    interactive: SecretString,
    hostnames: Vec<String>,
    action: Option<String>,
    endpoint: Option<Endpoint>,
}

impl Turnstile {
    /// With the secrets of the managed widget and of the one that always asks something.
    #[must_use]
    pub const fn new(managed: SecretString, interactive: SecretString) -> Self {
        Self {
            managed,
            interactive,
            hostnames: Vec::new(),
            action: None,
            endpoint: None,
        }
    }

    /// The same, with the hosts at which the widget may have been solved.
    #[must_use]
    pub fn with_hostnames<T: Into<String>>(
        mut self,
        hostnames: impl IntoIterator<Item = T>,
    ) -> Self {
        self.hostnames = hostnames.into_iter().map(Into::into).collect();
        self
    }

    /// The same, with the action that the widget must name.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// The same, asked elsewhere than at Cloudflare.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    const fn secret(&self, widget: CaptchaWidget) -> &SecretString {
        match widget {
            CaptchaWidget::Managed => &self.managed,
            CaptchaWidget::Interactive => &self.interactive,
        }
    }

    /// The body of the request.
    fn question(&self, request: &CaptchaRequest<'_>) -> Result<Vec<u8>, Unanswered> {
        let widget = request.level.widget().unwrap_or(CaptchaWidget::Managed);
        let key = Builder::from_random_bytes(request.idempotency_key).into_uuid();
        let question = Question {
            secret: self.secret(widget).expose_secret(),
            response: request.token,
            remoteip: request.remote.map(|it| it.to_canonical().to_string()),
            idempotency_key: key.to_string(),
        };
        serde_json::to_vec(&question).map_err(|error| Unanswered::Configured(error.to_string()))
    }

    /// What an answer means.
    fn read(&self, answer: &Answer) -> Result<CaptchaOutcome, Unanswered> {
        let status = answer.status;
        match status {
            429 => return Err(Unanswered::Trouble("it limits our requests".to_owned())),
            500.. => return Err(Unanswered::Lost(format!("status {status}"))),
            _ => {}
        }
        let verdict: Verdict =
            serde_json::from_slice(&answer.body).map_err(|_| Unanswered::Garbage { status })?;
        match (verdict.success, verdict.error_codes.is_empty(), status) {
            (true, true, 200) => Ok(self.compare(&verdict)),
            (true, ..) => Err(Unanswered::Garbage { status }), // a pass with objections is none
            (false, ..) => refusal(&verdict.error_codes),
        }
    }

    /// A good token of another page is as bad as none.
    fn compare(&self, verdict: &Verdict) -> CaptchaOutcome {
        let same = |name: &String| name.eq_ignore_ascii_case(&verdict.hostname);
        let here = self.hostnames.is_empty() || self.hostnames.iter().any(same);
        let this = self.action.as_ref().is_none_or(|it| *it == verdict.action);
        if here && this {
            return CaptchaOutcome::Passed;
        }
        refused(CaptchaRefusal::Elsewhere)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    secret: &'a str,
    response: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remoteip: Option<String>,
    idempotency_key: String,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    action: String,
}

/// Why it was refused. What we have done wrong goes before what the client has, for it explains it.
fn refusal(codes: &[String]) -> Result<CaptchaOutcome, Unanswered> {
    let says = |code: &str| codes.iter().any(|it| it == code);
    for ours in [
        "missing-input-secret",
        "invalid-input-secret",
        "bad-request",
    ] {
        if says(ours) {
            return Err(Unanswered::Configured(ours.to_owned()));
        }
    }
    if says("internal-error") {
        return Err(Unanswered::Trouble("internal-error".to_owned()));
    }
    let reason = if says("missing-input-response") {
        CaptchaRefusal::Missing
    } else if says("timeout-or-duplicate") {
        CaptchaRefusal::Stale
    } else if says("invalid-input-response") {
        CaptchaRefusal::Malformed
    } else {
        CaptchaRefusal::Failed // also what is not documented yet
    };
    Ok(refused(reason))
}

/// What is refused without asking: a token that no widget makes. Cloudflare answers such a request with errors that look like ours.
fn impossible(token: &str) -> Option<CaptchaRefusal> {
    match token {
        "" => Some(CaptchaRefusal::Missing),
        _ if token.len() > LONGEST_TOKEN => Some(CaptchaRefusal::Malformed),
        _ => (!token.bytes().all(|byte| byte.is_ascii_graphic()))
            .then_some(CaptchaRefusal::Malformed),
    }
}

const fn refused(reason: CaptchaRefusal) -> CaptchaOutcome {
    CaptchaOutcome::Refused { reason }
}

/// Verifies at Turnstile.
#[derive(Clone)]
pub struct TurnstileVerifier {
    config: Turnstile,
    endpoint: Endpoint,
    client: Client,
}

impl TurnstileVerifier {
    /// A verifier. **Errors**: [`ConfigError`] when there can be no HTTPS client.
    pub fn new(config: Turnstile) -> Result<Self, ConfigError> {
        let endpoint = match &config.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::new(SITEVERIFY)?,
        };
        let client = endpoint.client()?;
        Ok(Self {
            config,
            endpoint,
            client,
        })
    }

    async fn ask(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, Unanswered> {
        let question = self.client.post(self.endpoint.url().clone());
        let question = question
            .header(CONTENT_TYPE, "application/json")
            .body(self.config.question(request)?);
        self.config.read(&exchange(question, LONGEST_ANSWER).await?)
    }
}

#[async_trait]
impl CaptchaVerifier for TurnstileVerifier {
    async fn verify(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError> {
        if let Some(reason) = impossible(request.token) {
            return Ok(refused(reason));
        }
        self.ask(request).await.map_err(|why| why.told("turnstile"))
    }
}

impl fmt::Debug for TurnstileVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnstileVerifier({})", self.endpoint.url())
    }
}

/// Cloudflare's documented address.
const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// Cloudflare's documented bound.
const LONGEST_TOKEN: usize = 2_048;

#[cfg(test)]
mod tests;
