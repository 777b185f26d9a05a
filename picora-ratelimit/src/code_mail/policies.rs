//! The numbers of the code mails.

use std::time::Duration;

use super::CodeMailCause;
use crate::{Limit, Policy, PolicyError};

/// What holds for an address, a client, everybody, and when a captcha is due.
///
/// | policy | limits | counts | source |
/// |---|---|---|---|
/// | `code-mail-address` | 1 in 60 s, 5 in 1 h, 10 in 24 h | accepted sends | rows #10–#12 |
/// | `code-mail-ip` | 20 in 1 h, 50 in 24 h | accepted sends | rows #13, #14 |
/// | `code-mail-global` | 100 in 60 s, the circuit breaker | accepted sends | row #15 |
/// | `code-mail-captcha` | a captcha after 3 in 1 h | requests of a client, the refused ones, too | row #16, C41 |
///
/// **Boundaries**: all are rolling. What was sent at `t` counts up to, and not at, `t + length`: the second mail is refused at
/// `t + 59 s` and sent at `t + 60 s`. No plan and no admin has other numbers (C63).
///
/// ```
/// use picora_ratelimit::code_mail::{CodeMailCause, CodeMailPolicies};
/// let policies = CodeMailPolicies::standard();
/// let most = |cause| policies.of(cause).limits().iter().map(|limit| limit.rule().most()).collect::<Vec<_>>();
/// assert_eq!(most(CodeMailCause::Address), [1, 5, 10]);
/// assert_eq!(most(CodeMailCause::Ip), [20, 50]);
/// assert_eq!(most(CodeMailCause::Breaker), [100]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeMailPolicies {
    address: Policy,
    ip: Policy,
    global: Policy,
    captcha: Policy,
}

impl CodeMailPolicies {
    /// The numbers of the product's documents.
    #[must_use]
    pub fn standard() -> Self {
        Self::documented().expect("the documents' numbers are exact")
    }

    /// Other numbers: what holds for an address, for a client and for everybody, and the limit above which a client is asked for a
    /// captcha, which challenges whatever it was made to do.
    ///
    /// # Errors
    /// [`PolicyError`], never today: a limit that exists makes a policy.
    pub fn new(
        address: Policy,
        ip: Policy,
        global: Policy,
        captcha_above: Limit,
    ) -> Result<Self, PolicyError> {
        Ok(Self {
            address,
            ip,
            global,
            captcha: Policy::new("code-mail-captcha", [captcha_above.challenging()])?,
        })
    }

    fn documented() -> Result<Self, PolicyError> {
        let address = [
            Limit::rolling("minute", 1, MINUTE)?,
            Limit::rolling("hour", 5, HOUR)?,
            Limit::rolling("day", 10, DAY)?,
        ];
        let ip = [
            Limit::rolling("hour", 20, HOUR)?,
            Limit::rolling("day", 50, DAY)?,
        ];
        Self::new(
            Policy::new("code-mail-address", address)?,
            Policy::new("code-mail-ip", ip)?,
            Policy::new("code-mail-global", [Limit::rolling("minute", 100, MINUTE)?])?,
            Limit::rolling("hour", 3, HOUR)?,
        )
    }

    /// The policy that refuses for this cause.
    #[must_use]
    pub const fn of(&self, cause: CodeMailCause) -> &Policy {
        match cause {
            CodeMailCause::Address => &self.address,
            CodeMailCause::Ip => &self.ip,
            CodeMailCause::Breaker => &self.global,
        }
    }

    /// The policy above which a captcha is due.
    #[must_use]
    pub const fn captcha(&self) -> &Policy {
        &self.captcha
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
