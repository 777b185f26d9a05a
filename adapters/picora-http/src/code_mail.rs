//! The answer for a mail with a code that does not go out.

use picora_ratelimit::captcha::CaptchaLevel;
use picora_ratelimit::code_mail::{
    CodeMailAnswer, CodeMailCause, CodeMailReceipt, CodeMailRefusal,
};
use std::time::Duration;

use crate::{ApiError, ErrorCode};

/// The receipt of a mail that may be sent, or what the client is told.
///
/// | answer | status and code | `meta` |
/// |---|---|---|
/// | a captcha is due | 403 `CAPTCHA_REQUIRED` | `level`; `retryAfterSec` while the next attempt must wait |
/// | the address or the client got enough | 429 `EMAIL_RATE_LIMITED` | `used`, `limit`, `windowSec`, `retryAfterSec` |
/// | the breaker is open | 429 `EMAIL_CIRCUIT_OPEN` | `retryAfterSec` |
///
/// **Boundaries**: the same for every address, whether an account has it or not; which of address and client it was stays untold.
/// `retryAfterSec`, also sent as `Retry-After`, is the longest wait of all violated windows, rounded up, and at least 1. How many mails
/// everybody together sends is nobody's business. **Errors**: the answer is the error. **Source**: rows #9–#18, C40, C42, C75.
///
/// ```
/// use picora_http::code_mail::receipt;
/// use picora_ratelimit::captcha::CaptchaLevel;
/// use picora_ratelimit::code_mail::CodeMailAnswer;
/// use std::time::Duration;
/// let asked = CodeMailAnswer::CaptchaRequired { level: CaptchaLevel::Interactive, retry_after: Duration::ZERO };
/// let error = receipt(asked).unwrap_err();
/// assert_eq!((error.code().wire(), error.code().status().as_u16()), ("CAPTCHA_REQUIRED", 403));
/// assert_eq!(error.meta()["level"], 2);
/// ```
pub fn receipt(answer: CodeMailAnswer) -> Result<CodeMailReceipt, ApiError> {
    match answer {
        CodeMailAnswer::Send(receipt) => Ok(receipt),
        CodeMailAnswer::CaptchaRequired { level, retry_after } => {
            Err(captcha_required(level, retry_after))
        }
        CodeMailAnswer::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn captcha_required(level: CaptchaLevel, retry_after: Duration) -> ApiError {
    let error = ApiError::new(ErrorCode::CaptchaRequired, "Captcha required");
    let error = error.with_meta("level", level.number());
    if retry_after.is_zero() {
        error
    } else {
        error.with_retry_after(whole_seconds(retry_after))
    }
}

fn refused(refusal: &CodeMailRefusal) -> ApiError {
    let error = match refusal.cause {
        CodeMailCause::Breaker => ApiError::new(
            ErrorCode::EmailCircuitOpen,
            "Too many e-mails at the moment",
        ),
        CodeMailCause::Address | CodeMailCause::Ip => {
            let error = ApiError::new(ErrorCode::EmailRateLimited, "Too many e-mails");
            let error = error.with_meta("used", refusal.used);
            let error = error.with_meta("limit", refusal.most);
            match refusal.window {
                Some(window) => error.with_meta("windowSec", window.as_secs()),
                None => error,
            }
        }
    };
    error.with_retry_after(refusal.retry_after_seconds())
}

/// Rounded up: who comes back then does not come too early.
const fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + (wait.subsec_nanos() > 0) as u64
}
