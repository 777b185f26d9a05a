//! Captcha verifiers: Cloudflare Turnstile overseas, Aliyun Captcha 2.0 in mainland China.
//!
//! **Decides** what a provider's answer means, and nothing else: when a captcha is asked for, and how hard it is, is picora-ratelimit's.
//! A provider that is down, slow or talks garbage gives no verdict: that is a `StoreError` and never a pass. Whatever a client can bring
//! about by its token is a refusal, so that nobody fakes an outage.
//!
//! **Must not know** routes, limits or accounts.
//!
//! | module | noun |
//! |---|---|
//! | [`turnstile`] | `siteverify`: its request and its answer, and the verifier |
//! | [`aliyun`] | `VerifyIntelligentCaptcha`: its request, signed, and its answer, and the verifier |
//!
//! ```
//! use picora_captcha::{Turnstile, TurnstileVerifier};
//!
//! // Cloudflare's documented secrets for tests; a deployment has one for each of its two widgets.
//! let config = Turnstile::new("1x0000000000000000000000000000000AA".into(), "2x0000000000000000000000000000000AA".into())
//!     .with_hostnames(["picora.me"])
//!     .with_action("email_code");
//! let verifier = TurnstileVerifier::new(config)?;
//! assert!(!format!("{verifier:?}").contains("x00000")); // secrets do not print
//! # Ok::<(), picora_captcha::ConfigError>(())
//! ```
//!
//! Sources: rows #16–#18, C41, C42; Cloudflare "Server-side validation"; Alibaba Cloud "Integrate CAPTCHA 2.0 into a business server"
//! and "V3 request structure and signature".

pub mod aliyun;
mod config;
pub mod turnstile;
mod unanswered;

pub use aliyun::{Aliyun, AliyunVerifier};
pub use config::ConfigError;
/// Where a provider is reached.
pub use picora_https::Endpoint;
pub use turnstile::{Turnstile, TurnstileVerifier};
