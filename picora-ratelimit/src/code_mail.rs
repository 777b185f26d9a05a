//! Whether a mail with a code may go out.
//!
//! Codes for registration, password reset and login by one-time password go through one [`CodeMail`], which charges the address, the
//! client and everybody together (the circuit breaker), and asks busy clients for a captcha. Alerts and receipts do not pass here.
//!
//! **Order**: the count of the client's requests, the captcha, then address, client, global. The three are different homes, so they are
//! charged one after the other; a later denial or failure takes the earlier charges back by the instant of each. Whatever is cut short in
//! between (a crash, a dropped future, a refund that fails) leaves a charge without a mail: it may admit less, never more. A request that
//! comes while another one's charges are being taken back may be refused for them.
//!
//! **Must not know** whether an account has the address, who delivers mail, or which captcha there is.
//!
//! **Source**: rows #9–#18, C40–C42, C63, design decision 3.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use picora_core::{StoreError, Timestamp};

use crate::{Check, Limiter, Subject, SubjectHasher};

pub use address::{CodeMailAddress, CodeMailAddressError};
pub use answer::{CodeMailAnswer, CodeMailCause, CodeMailReceipt, CodeMailRefusal};
pub use breaker::{Breaker, BreakerOpening};
pub use challenge::{Captcha, CaptchaOutage};
pub use failures::CaptchaFailures;
pub use policies::CodeMailPolicies;
pub use request::{CodeMailPurpose, CodeMailRequest};
pub use watch::{CodeMailEvent, CodeMailObserver, OperatorNotices};

use homes::{Homes, Keys};

mod address;
mod answer;
mod breaker;
mod challenge;
mod failures;
mod homes;
mod policies;
mod request;
mod watch;

/// The one limiter of mails with codes.
///
/// ```
/// use picora_core::{StoreError, Timestamp};
/// use picora_ratelimit::code_mail::{CodeMail, CodeMailAddress, CodeMailAnswer, CodeMailPurpose, CodeMailRequest};
///
/// async fn code(mails: &CodeMail, address: &CodeMailAddress, now: Timestamp) -> Result<(), StoreError> {
///     let request = CodeMailRequest {
///         address,
///         client: b"203.0.113.9",
///         purpose: CodeMailPurpose::Registration,
///         token: None,
///         remote: None,
///     };
///     match mails.admit(&request, now).await? {
///         CodeMailAnswer::Send(receipt) => {
///             let handed_over = false; // to whoever delivers it
///             if !handed_over {
///                 mails.give_back(receipt, now).await?;
///             }
///         }
///         CodeMailAnswer::CaptchaRequired { level, .. } => println!("403, level {}", level.number()),
///         CodeMailAnswer::Refused(refusal) => println!("429, come back in {} s", refusal.retry_after_seconds()),
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct CodeMail {
    ports: CodeMailPorts,
    homes: Homes,
    policies: CodeMailPolicies,
    captcha: Option<Captcha>,
    breaker: Mutex<Breaker>,
}

/// What the service needs of the world.
#[derive(Clone, Debug)]
pub struct CodeMailPorts {
    /// Keeps the counts.
    pub limiter: Arc<dyn Limiter>,
    /// Takes the operators' messages.
    pub notices: Arc<dyn OperatorNotices>,
    /// Counts what happens.
    pub observer: Arc<dyn CodeMailObserver>,
}

/// What became of one charge.
enum Charge {
    Made(Timestamp),
    Denied(CodeMailRefusal),
}

impl CodeMail {
    /// A service without captchas: the limits alone hold.
    #[must_use]
    pub fn new(ports: CodeMailPorts, policies: CodeMailPolicies, hasher: &SubjectHasher) -> Self {
        Self {
            ports,
            homes: Homes::new(hasher),
            policies,
            captcha: None,
            breaker: Mutex::default(),
        }
    }

    /// The same, that asks busy clients for a captcha.
    #[must_use]
    pub fn with_captcha(self, captcha: Captcha) -> Self {
        let captcha = Some(captcha);
        Self { captcha, ..self }
    }

    /// Decides over one request, and charges it if a mail may go out.
    ///
    /// **Boundaries**: a solved captcha lifts no limit (C41). Without the captcha that is due, neither address nor client nor breaker
    /// learn of the request. **Errors**: [`StoreError`] of the limiter, or of the captcha's provider where an
    /// [outage](CaptchaOutage::Refuse) refuses: no mail may go out. **State**: after an error nothing is charged but the count of
    /// requests, and what could not be taken back. **Source**: C40, C41.
    pub async fn admit(
        &self,
        request: &CodeMailRequest<'_>,
        now: Timestamp,
    ) -> Result<CodeMailAnswer, StoreError> {
        let keys = self.homes.of(request);
        if let Some(asked) = self.challenge(request, keys, now).await? {
            return Ok(asked);
        }
        let answer = self.charge_all(keys, now).await?;
        let purpose = request.purpose;
        match &answer {
            CodeMailAnswer::Send(_) => self.observe(CodeMailEvent::Admitted { purpose }),
            CodeMailAnswer::Refused(refusal) => {
                let cause = refusal.cause;
                self.observe(CodeMailEvent::Refused { cause, purpose });
            }
            CodeMailAnswer::CaptchaRequired { .. } => {}
        }
        Ok(answer)
    }

    /// Takes a charge back, because the mail could not be handed over.
    ///
    /// **Errors**: [`StoreError`], the first; the others have been tried. What was not taken back counts on: the service may admit less.
    pub async fn give_back(
        &self,
        receipt: CodeMailReceipt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut first = Ok(());
        for cause in CodeMailCause::ALL.into_iter().rev() {
            let Some(charged_at) = receipt.charged_at[cause as usize] else {
                continue;
            };
            let refund = self.refund(cause, receipt.keys, charged_at, now).await;
            if refund.is_err() {
                self.observe(CodeMailEvent::RefundFailed { cause });
            }
            first = first.and(refund);
        }
        first
    }

    /// Charges address, client and everybody, or none of them.
    async fn charge_all(&self, keys: Keys, now: Timestamp) -> Result<CodeMailAnswer, StoreError> {
        let mut receipt = CodeMailReceipt::nothing(keys);
        for cause in CodeMailCause::ALL {
            match self.charge(cause, keys, now).await {
                Ok(Charge::Made(at)) => receipt.charged_at[cause as usize] = Some(at),
                Ok(Charge::Denied(refusal)) => {
                    self.undo(receipt, now).await;
                    let refusal = self.strictest(refusal, keys, now).await;
                    return Ok(CodeMailAnswer::Refused(refusal));
                }
                Err(error) => {
                    self.undo(receipt, now).await;
                    return Err(error);
                }
            }
        }
        Ok(CodeMailAnswer::Send(receipt))
    }

    /// The answer stands whatever becomes of the refunds: what is lost of them has been observed, and admits less.
    async fn undo(&self, receipt: CodeMailReceipt, now: Timestamp) {
        let _observed = self.give_back(receipt, now).await;
    }

    /// Looks at those that have not been asked, so that who waits as told is not refused by the next one. A look that fails tells nothing.
    async fn strictest(
        &self,
        first: CodeMailRefusal,
        keys: Keys,
        now: Timestamp,
    ) -> CodeMailRefusal {
        let mut strictest = first;
        let later = |cause: &CodeMailCause| *cause > first.cause;
        for cause in CodeMailCause::ALL.into_iter().filter(later) {
            if let Ok(Some(other)) = self.look(cause, keys, now).await {
                strictest = strictest.or_stricter(other);
            }
        }
        strictest
    }

    async fn charge(
        &self,
        cause: CodeMailCause,
        keys: Keys,
        now: Timestamp,
    ) -> Result<Charge, StoreError> {
        let subjects = [self.subject(cause, keys)];
        let decision = self.ports.limiter.decide(&check(&subjects), now).await?;
        let (at, refusal) = (decision.decided_at(), CodeMailRefusal::of(cause, &decision));
        drop(decision);
        let Some(refusal) = refusal else {
            return Ok(Charge::Made(at));
        };
        self.notice(&refusal, at).await;
        Ok(Charge::Denied(refusal))
    }

    async fn look(
        &self,
        cause: CodeMailCause,
        keys: Keys,
        now: Timestamp,
    ) -> Result<Option<CodeMailRefusal>, StoreError> {
        let subjects = [self.subject(cause, keys)];
        let decision = self.ports.limiter.peek(&check(&subjects), now).await?;
        let (at, refusal) = (decision.decided_at(), CodeMailRefusal::of(cause, &decision));
        drop(decision);
        if let Some(refusal) = &refusal {
            self.notice(refusal, at).await;
        }
        Ok(refusal)
    }

    async fn refund(
        &self,
        cause: CodeMailCause,
        keys: Keys,
        charged_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let subjects = [self.subject(cause, keys)];
        let check = check(&subjects);
        self.ports.limiter.refund(&check, charged_at, now).await
    }

    /// Whoever finds the breaker open says so, once for each opening.
    async fn notice(&self, refusal: &CodeMailRefusal, at: Timestamp) {
        if refusal.cause != CodeMailCause::Breaker {
            return;
        }
        let window = refusal.window.unwrap_or(QUIET);
        let opened = self.breaker().refused(at, window);
        if let Some(opening) = opened {
            self.observe(CodeMailEvent::BreakerOpened { opening });
        }
        let claimed = self.breaker().claim();
        if let Some(opening) = claimed {
            let mut telling = Telling {
                service: self,
                opening,
                accepted: false,
            };
            let told = self.ports.notices.breaker_opened(&opening).await;
            telling.accepted = told.is_ok();
            if told.is_err() {
                self.observe(CodeMailEvent::NoticeFailed);
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subject(&self, cause: CodeMailCause, keys: Keys) -> Subject<'_> {
        let (key, policy) = (keys.of(cause), self.policies.of(cause));
        Subject { key, policy }
    }

    fn observe(&self, event: CodeMailEvent) {
        self.ports.observer.observe(event);
    }
}

/// A message under way. If its future is dropped, because a client has gone, somebody else must tell.
struct Telling<'a> {
    service: &'a CodeMail,
    opening: BreakerOpening,
    accepted: bool,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.service.breaker().settle(self.opening, self.accepted);
    }
}

/// One unit of a subject at its own home.
fn check<'a>(subjects: &'a [Subject<'a>; 1]) -> Check<'a> {
    Check::new(subjects[0].key, subjects, 1).expect("every limit admits at least one")
}

/// How long an open breaker is quiet before it counts as closed, under a global limit that has no span of its own.
const QUIET: Duration = Duration::from_secs(60);
