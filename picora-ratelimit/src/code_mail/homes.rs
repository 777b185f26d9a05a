//! Whose budgets a mail is charged to.

use super::{CodeMailCause, CodeMailRequest};
use crate::{Namespace, SubjectHasher, SubjectKey};

/// Makes the fingerprints of one request. Each is a home of its own, so that a store of several shards spreads them.
#[derive(Clone, Debug)]
pub(super) struct Homes {
    address: Namespace,
    ip: Namespace,
    captcha: Namespace,
    global: SubjectKey,
}

/// The fingerprints of one request. The purpose is not in them: all three share one budget (row #9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    address: SubjectKey,
    ip: SubjectKey,
    global: SubjectKey,
    /// The client's requests, as against his mails.
    pub(super) captcha: SubjectKey,
}

impl Homes {
    pub(super) fn new(hasher: &SubjectHasher) -> Self {
        Self {
            address: hasher.namespace("code-mail:address"),
            ip: hasher.namespace("code-mail:ip"),
            captcha: hasher.namespace("code-mail:captcha"),
            global: hasher.key("code-mail:global", b""),
        }
    }

    pub(super) fn of(&self, request: &CodeMailRequest<'_>) -> Keys {
        Keys {
            address: self.address.key(request.address.as_bytes()),
            ip: self.ip.key(request.client),
            captcha: self.captcha.key(request.client),
            global: self.global,
        }
    }
}

impl Keys {
    pub(super) const fn of(&self, cause: CodeMailCause) -> SubjectKey {
        match cause {
            CodeMailCause::Address => self.address,
            CodeMailCause::Ip => self.ip,
            CodeMailCause::Breaker => self.global,
        }
    }
}
