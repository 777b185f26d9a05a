//! The verifiers against loopback fakes of both providers.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod aliyun;
mod code_mail;
mod fake;
mod outage;
mod turnstile;
