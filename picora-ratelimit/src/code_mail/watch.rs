//! Who learns what the service does.

use std::fmt;

use async_trait::async_trait;
use picora_core::StoreError;

use super::{BreakerOpening, CodeMailCause, CodeMailPurpose};
use crate::captcha::{CaptchaLevel, CaptchaRefusal};

/// Takes the operators' message that the circuit breaker has opened.
///
/// **Errors**: [`StoreError`]; the message counts as not accepted, and the next refusal of the same opening brings it again, under the
/// same [key](BreakerOpening::key). An outbox that keeps one message for each key tells the operators once, whatever fails and however
/// many processes there are. **Source**: row #15, design decision 12.
#[async_trait]
pub trait OperatorNotices: Send + Sync + fmt::Debug {
    /// Accepts the message, to be delivered later.
    async fn breaker_opened(&self, opening: &BreakerOpening) -> Result<(), StoreError>;
}

/// Counts what happens, for metrics.
pub trait CodeMailObserver: Send + Sync + fmt::Debug {
    /// Something has happened. It is called while a request waits, and does no I/O.
    fn observe(&self, event: CodeMailEvent);
}

/// Something that happened. No event says to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeMailEvent {
    /// A mail may be sent.
    Admitted {
        /// What for.
        purpose: CodeMailPurpose,
    },
    /// The breaker has opened: once for each opening and process.
    BreakerOpened {
        /// Which opening.
        opening: BreakerOpening,
    },
    /// A captcha was not solved.
    CaptchaFailed {
        /// Why.
        reason: CaptchaRefusal,
    },
    /// A captcha was asked for.
    CaptchaRequired {
        /// How hard.
        level: CaptchaLevel,
    },
    /// The captcha's provider gave no verdict.
    CaptchaUnanswered {
        /// Whether the request went on all the same.
        let_pass: bool,
    },
    /// The operators' message was not accepted; it will be tried again.
    NoticeFailed,
    /// A charge could not be taken back: its subject has one mail less until the window passes.
    RefundFailed {
        /// Whose.
        cause: CodeMailCause,
    },
    /// No mail is sent.
    Refused {
        /// Whose limit had no room for the longest time.
        cause: CodeMailCause,
        /// What it was for.
        purpose: CodeMailPurpose,
    },
}
