//! When a client must show that somebody is a person.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use picora_core::{Entropy, StoreError, Timestamp};

use super::homes::Keys;
use super::{CaptchaFailures, CodeMail, CodeMailAnswer, CodeMailEvent, CodeMailRequest, check};
use crate::Subject;
use crate::captcha::{CaptchaOutcome, CaptchaRequest, CaptchaVerifier, Failures};

/// How captchas are verified.
#[derive(Debug)]
pub struct Captcha {
    verifier: Arc<dyn CaptchaVerifier>,
    entropy: Arc<dyn Entropy>,
    outage: CaptchaOutage,
    failures: Mutex<CaptchaFailures>,
}

/// What becomes of a client whose captcha the provider does not judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptchaOutage {
    /// Nothing passes until the provider is back: nobody can gain by an outage.
    #[default]
    Refuse,
    /// The limits alone decide. A provider that rejects our secret looks like that, too: watch
    /// [`CodeMailEvent::CaptchaUnanswered`].
    LetPass,
}

impl Captcha {
    /// Asks this verifier. Each attempt gets a name of its own from `entropy`. During an outage nothing passes; the failures of
    /// [`Captcha::REMEMBERED`] clients are remembered.
    #[must_use]
    pub fn new(verifier: Arc<dyn CaptchaVerifier>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            verifier,
            entropy,
            outage: CaptchaOutage::default(),
            failures: Mutex::new(CaptchaFailures::at_most(Self::REMEMBERED)),
        }
    }

    /// Some megabytes at most.
    pub const REMEMBERED: usize = 65_536;

    /// The same with another choice for outages.
    #[must_use]
    pub fn during_outage(self, outage: CaptchaOutage) -> Self {
        Self { outage, ..self }
    }

    /// The same with another bound on the clients whose failures are remembered.
    #[must_use]
    pub fn remembering(self, clients: usize) -> Self {
        let failures = Mutex::new(CaptchaFailures::at_most(clients));
        Self { failures, ..self }
    }

    fn failures(&self) -> MutexGuard<'_, CaptchaFailures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn verify(
        &self,
        request: &CodeMailRequest<'_>,
        token: &str,
        failures: Failures,
        now: Timestamp,
    ) -> Result<CaptchaOutcome, StoreError> {
        let mut idempotency_key = [0; 16];
        self.entropy.fill(&mut idempotency_key);
        let attempt = CaptchaRequest {
            token,
            remote: request.remote,
            level: failures.level(now),
            idempotency_key,
        };
        self.verifier.verify(&attempt).await
    }
}

impl CodeMail {
    /// Counts the request, and answers if it needs a captcha and has not brought a solved one.
    ///
    /// A token that comes before it is due is not spent. One that comes before the wait of level 3 is over is not looked at, and is no
    /// failure.
    pub(super) async fn challenge(
        &self,
        request: &CodeMailRequest<'_>,
        keys: Keys,
        now: Timestamp,
    ) -> Result<Option<CodeMailAnswer>, StoreError> {
        let Some(captcha) = &self.captcha else {
            return Ok(None);
        };
        if !self.is_busy(keys, now).await? {
            return Ok(None);
        }
        let client = keys.captcha;
        let failures = captcha.failures().of(client);
        let token = request.token.filter(|token| !token.is_empty());
        let Some(token) = token.filter(|_| failures.wait(now).is_zero()) else {
            return Ok(Some(self.required(failures, now)));
        };
        match captcha.verify(request, token, failures, now).await {
            Ok(CaptchaOutcome::Passed) => Ok(None),
            Ok(CaptchaOutcome::Refused { reason }) => {
                self.observe(CodeMailEvent::CaptchaFailed { reason });
                let failures = captcha.failures().add(client, now);
                Ok(Some(self.required(failures, now)))
            }
            Err(error) => {
                let let_pass = captcha.outage == CaptchaOutage::LetPass;
                self.observe(CodeMailEvent::CaptchaUnanswered { let_pass });
                if let_pass { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Whether the client has asked so often that a captcha is due. The request is counted, whatever becomes of it (C41).
    async fn is_busy(&self, keys: Keys, now: Timestamp) -> Result<bool, StoreError> {
        let subjects = [Subject {
            key: keys.captcha,
            policy: self.policies.captcha(),
        }];
        let decision = self.ports.limiter.decide(&check(&subjects), now).await?;
        Ok(!decision.is_allowed())
    }

    fn required(&self, failures: Failures, now: Timestamp) -> CodeMailAnswer {
        let (level, retry_after) = (failures.level(now), failures.wait(now));
        self.observe(CodeMailEvent::CaptchaRequired { level });
        CodeMailAnswer::CaptchaRequired { level, retry_after }
    }
}
