//! The HTTP face of Picora for any tower service: error bodies, request ids, the rate-limit layer and its header families.
//!
//! **Decides** how a decision looks on the wire, and nothing else: which status and code an error has, which headers a throttled route
//! carries. What may pass is decided by picora-ratelimit.
//!
//! **Must not know** a framework, a runtime or a route: it works on `http` types and `tower` services. Bodies are whatever can be made
//! from bytes, such as axum's.
//!
//! | module | noun |
//! |---|---|
//! | [`code`] | the one table of error codes with their statuses |
//! | [`error`] | an error answer: `{success, error, code, meta, requestId}` |
//! | [`request_id`] | the id of a request, kept from the client or made, on every answer and in every error body |
//! | [`format`](mod@format) | the documents' error body, or a problem of RFC 9457 |
//! | [`headers`] | `RateLimit-*` and `X-RateLimit-*` from one triplet |
//! | [`draft`] | the two fields of the IETF's draft, which list every limit |
//! | [`client_address`] | whose address counts behind proxies, and which part of it stands for a client |
//! | [`charge`], [`tiers`] | who pays for a request: any rule, or the product's tiers for a [`Principal`] |
//! | [`code_mail`] | the answer for a mail with a code that does not go out |
//! | `quota` | the answer for a denial by quota (feature `quota`) |
//! | [`live`] | budgets that are replaced while they serve |
//! | [`limit_layer`], [`limit_options`] | the tower layer that asks a limiter and answers 429; what it does when the limiter fails |
//! | [`limited`] | what was decided, for the handler, and its refund |
//! | [`meter`] | the metrics, and their names (feature `metrics`) |
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use picora_core::{AccountId, KeyId, ManualClock, SeededEntropy, Timestamp};
//! use picora_http::{LimitLayer, Principal, RequestIdLayer, TierBudgets};
//! use picora_ratelimit::{MemoryLimiter, SubjectHasher, Tier, Tiers};
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_777_000_000)));
//! let entropy = Arc::new(SeededEntropy::new(1)); // a server passes the system's clock and generator
//! let budgets = Arc::new(TierBudgets::new(Tiers::standard(), SubjectHasher::new([42; 16]))?);
//!
//! let handler = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
//! let limited = LimitLayer::new(Arc::new(MemoryLimiter::new()), clock.clone(), budgets.for_tier(Tier::Read)).layer(handler);
//! let service = RequestIdLayer::new(clock, entropy.clone()).layer(limited);
//!
//! let mut request = Request::new(());
//! request.extensions_mut().insert(Principal { // by the middleware that has checked the credential
//!     account: AccountId::generate(Timestamp::EPOCH, &*entropy),
//!     credential: KeyId::generate(Timestamp::EPOCH, &*entropy),
//!     admin: false,
//! });
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["RateLimit-Remaining"], "599");
//! assert!(response.headers().contains_key("X-Request-Id"));
//! # Ok(()) }
//! ```
//!
//! Sources: requirements "Error codes", C8–C10, C59–C61, C63, C74, C83, rows #221–#242; RFC 6585 (429), RFC 9110 (`Retry-After`).

pub mod charge;
pub mod client_address;
pub mod code;
pub mod code_mail;
pub mod draft;
pub mod error;
pub mod format;
pub mod headers;
pub mod limit_layer;
pub mod limit_options;
pub mod limited;
pub mod live;
pub mod meter;
#[cfg(feature = "quota")]
pub mod quota;
pub mod request_id;
pub mod tiers;

pub use charge::{Charge, Charges, Payer};
pub use client_address::{
    AddressPrefix, ClientAddress, ClientAddressLayer, ClientAddressService, ForwardedHeader,
    Network, NetworkError, PrefixError, PrefixLengths, TrustedProxies,
};
pub use code::ErrorCode;
pub use draft::{DRAFT_HEADERS, Draft, DraftHeaders};
pub use error::ApiError;
pub use format::Format;
pub use headers::{EXPOSED_HEADERS, RateLimitHeaders, ResetStyle};
pub use limit_layer::{LimitLayer, LimitService};
pub use limit_options::{FailMode, Fallback, LimitOptions, Source, Sources};
pub use limited::Limited;
pub use live::Live;
pub use request_id::{RequestId, RequestIdLayer, RequestIdService};
pub use tiers::{Principal, TierBudgets, TierCharges, TierOverride, TierScope};
